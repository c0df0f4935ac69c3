//! What comes from clients.

use std::time::Instant;

use super::super::lines::Line;
use super::super::message::{Details, Kind, Message, error_answer, our_number, wanted_token};
use super::super::outline::Outline;
use super::{
    Asker, Availability, CODE_GONE, CODE_INVALID, CODE_LIMIT, CODE_TOO_LARGE, Exchange,
    PENDING_PER_CLIENT_MAX, Peer, Purpose, Weight, Wires,
};

/// One request as it came.
pub(super) struct Request<'a> {
    pub(super) id: &'a str,
    pub(super) method: &'a str,
    pub(super) params: Option<&'a str>,
}

impl Exchange {
    /// Takes one line of a client.
    pub(crate) fn hear_client(
        &mut self,
        peer: Peer,
        line: Line<'_>,
        line_bytes_max: usize,
        now: Instant,
        wires: &mut impl Wires,
    ) {
        let line = match line {
            Line::Whole(line) => line,
            Line::Oversized { outline, bytes } => {
                let why =
                    format!("a message of {bytes} bytes; this server's limit is {line_bytes_max}");
                return self.oversized_from_client(peer, &outline, &why, wires);
            }
        };
        let message = match Message::parse(line) {
            Ok(message) => message,
            Err(error) => {
                self.counts.dropped += 1;
                return refuse(peer, None, CODE_INVALID, &error.to_string(), wires);
            }
        };
        match &message.kind {
            Kind::Request { id, method, params } => {
                let request = Request {
                    id,
                    method,
                    params: *params,
                };
                if let Err((code, why)) = self.request(peer, &message, &request, now, wires) {
                    refuse(peer, Some(id), code, &why, wires);
                }
            }
            Kind::Notification { method, params } => {
                self.notification(peer, &message, method, *params, wires);
            }
            Kind::Answer { id, .. } => self.answer_of_client(peer, &message, id, wires),
        }
    }

    fn oversized_from_client(
        &mut self,
        peer: Peer,
        outline: &Outline,
        why: &str,
        wires: &mut impl Wires,
    ) {
        let owed = outline.id.as_deref().and_then(our_number);
        match (&outline.method, owed.filter(|_| outline.method.is_none())) {
            (None, Some(number)) if self.owed.get(&number).is_some_and(|o| o.peer == peer) => {
                if let Some(owed) = self.owed.remove(&number) {
                    let error = error_answer(Some(&owed.id), CODE_TOO_LARGE, why);
                    wires.to_server(&[error.as_bytes()]);
                }
            }
            _ => refuse(peer, outline.id.as_deref(), CODE_TOO_LARGE, why, wires),
        }
    }

    fn request(
        &mut self,
        peer: Peer,
        message: &Message<'_>,
        request: &Request<'_>,
        now: Instant,
        wires: &mut impl Wires,
    ) -> Result<(), (i32, String)> {
        if let Availability::Down(why) = &self.availability {
            return Err((CODE_GONE, why.clone()));
        }
        let Some(state) = self.peers.get(&peer) else {
            return Ok(()); // its connection is being closed
        };
        if state.asked.contains_key(request.id) {
            let why = format!("another request with the id {} is under way", request.id);
            return Err((CODE_INVALID, why));
        }
        if state.asked.len() >= PENDING_PER_CLIENT_MAX {
            let why = format!("{PENDING_PER_CLIENT_MAX} requests of this client are under way");
            return Err((CODE_LIMIT, why));
        }
        let token = wanted_token(request.params).map_err(|why| (CODE_INVALID, why))?;
        let purpose = match request.method {
            "initialize" => {
                self.initialize(peer, request.id, request.params, now, wires);
                return Ok(());
            }
            "subscriptions/listen" => Purpose::Listen,
            "resources/subscribe" => self.subscribe(peer, request)?,
            "resources/unsubscribe" => match self.unsubscribe(peer, request) {
                Some(answer) => {
                    wires.to_client(peer, Weight::Needed, &[answer.as_bytes()]);
                    return Ok(());
                }
                None => Purpose::Ordinary,
            },
            _ => Purpose::Ordinary,
        };
        self.greet(peer);
        let asker = Asker {
            peer,
            id: request.id.into(),
            token: token.map(Into::into),
        };
        let number = self.add_pending(Some(asker), purpose, now);
        if let Some(state) = self.peers.get_mut(&peer) {
            state.asked.insert(request.id.into(), number);
        }
        let number = number.to_string();
        // To the server, under a number of ours.
        let token = token.map(|token| (token, &*number));
        wires.to_server(&message.with((request.id, &number), token));
        Ok(())
    }

    fn notification(
        &mut self,
        peer: Peer,
        message: &Message<'_>,
        method: &str,
        params: Option<&str>,
        wires: &mut impl Wires,
    ) {
        match method {
            "notifications/initialized" => self.initialized(message.line(), wires),
            "notifications/cancelled" => {
                let id = Details::of(params).cancelled();
                match id.and_then(|id| self.cancel(peer, id)) {
                    Some(number) => {
                        let (id, number) = (id.unwrap_or_default(), number.to_string());
                        wires.to_server(&message.with((id, &number), None));
                    }
                    None => self.counts.dropped += 1,
                }
            }
            _ if self.availability == Availability::Up => wires.to_server(&[message.line()]),
            _ => self.counts.dropped += 1,
        }
    }

    /// Forgets a request that its client takes back; its number, where the server knows of it. Nobody may take a
    /// handshake back.
    fn cancel(&mut self, peer: Peer, id: &str) -> Option<u64> {
        let number = *self.peers.get(&peer)?.asked.get(id)?;
        let purpose = &self.pending.get(&number)?.purpose;
        if *purpose == Purpose::Handshake {
            return None;
        }
        let asked = self.pending.remove(&number)?;
        if let Purpose::Subscribe(uri) = asked.purpose {
            self.forget_subscription(peer, &uri);
        }
        self.peers.get_mut(&peer)?.asked.remove(id);
        Some(number)
    }

    fn answer_of_client(
        &mut self,
        peer: Peer,
        message: &Message<'_>,
        id: &str,
        wires: &mut impl Wires,
    ) {
        let number = our_number(id).filter(|number| {
            let owed = self.owed.get(number);
            owed.is_some_and(|owed| owed.peer == peer)
        });
        match number.and_then(|number| self.owed.remove(&number)) {
            Some(owed) => wires.to_server(&message.with((id, &owed.id), None)),
            None => self.counts.dropped += 1,
        }
    }

    /// The server takes back what it has asked a client.
    pub(super) fn cancel_owed(
        &mut self,
        message: &Message<'_>,
        id: Option<&str>,
        wires: &mut impl Wires,
    ) {
        let mut owed = self.owed.iter();
        let found = id.and_then(|id| owed.find(|(_, owed)| *owed.id == *id));
        let Some((number, peer)) = found.map(|(number, owed)| (*number, owed.peer)) else {
            self.counts.dropped += 1;
            return;
        };
        self.owed.remove(&number);
        let (id, number) = (id.unwrap_or_default(), number.to_string());
        wires.to_client(peer, Weight::Notice, &message.with((id, &number), None));
    }
}

fn refuse(peer: Peer, id: Option<&str>, code: i32, why: &str, wires: &mut impl Wires) {
    let error = error_answer(id, code, why);
    wires.to_client(peer, Weight::Needed, &[error.as_bytes()]);
}
