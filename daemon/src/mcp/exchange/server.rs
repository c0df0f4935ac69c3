//! What comes from the server.

use std::time::Instant;

use super::super::lines::Line;
use super::super::message::{Details, Kind, Message, answer, error_answer, our_number};
use super::super::outline::Outline;
use super::{
    CODE_GONE, CODE_LIMIT, CODE_TOO_LARGE, Exchange, MCP_PENDING, OWED_MAX, Owed, Purpose, Weight,
    Wires,
};

/// What whoever keeps the process has to know of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing.
    Message,
    /// The stored handshake was made again, and clients can be heard.
    Replayed,
    /// This process does not take the handshake that the last one took.
    ReplayRefused,
    /// It is no message. Some servers print where they should not.
    Nonsense,
}

impl Exchange {
    /// Takes one line of the server.
    pub(crate) fn hear_server(
        &mut self,
        line: Line<'_>,
        line_bytes_max: usize,
        now: Instant,
        wires: &mut impl Wires,
    ) -> Heard {
        let line = match line {
            Line::Whole(line) => line,
            Line::Oversized { outline, bytes } => {
                let why = format!("the server said {bytes} bytes; its limit is {line_bytes_max}");
                return self.oversized_from_server(&outline, &why, wires);
            }
        };
        let Ok(message) = Message::parse(line) else {
            self.counts.dropped += 1;
            return Heard::Nonsense;
        };
        match &message.kind {
            Kind::Answer { id, result } => {
                return self.answer_of_server(&message, id, *result, now, wires);
            }
            Kind::Request { id, method, .. } if method == "ping" => {
                wires.to_server(&[answer(id, "{}").as_bytes()]);
            }
            Kind::Request { id, .. } => self.ask_client(&message, id, now, wires),
            Kind::Notification { method, params } => {
                self.route(&message, method, *params, wires);
            }
        }
        Heard::Message
    }

    fn oversized_from_server(
        &mut self,
        outline: &Outline,
        why: &str,
        wires: &mut impl Wires,
    ) -> Heard {
        match (&outline.id, &outline.method) {
            (Some(id), None) => {
                let number = our_number(id);
                let asked = number.and_then(|number| self.pending.remove_entry(&number));
                if let Some((number, asked)) = asked {
                    let is_replay = asked.purpose == Purpose::Replay;
                    self.fail(number, asked, CODE_TOO_LARGE, why, wires);
                    if is_replay {
                        return Heard::ReplayRefused;
                    }
                }
            }
            (Some(id), Some(_)) => {
                wires.to_server(&[error_answer(Some(id), CODE_TOO_LARGE, why).as_bytes()]);
            }
            (None, _) => {}
        }
        Heard::Message
    }

    fn answer_of_server(
        &mut self,
        message: &Message<'_>,
        id: &str,
        result: Result<&str, &str>,
        now: Instant,
        wires: &mut impl Wires,
    ) -> Heard {
        let number = our_number(id);
        let Some((number, asked)) = number.and_then(|number| self.pending.remove_entry(&number))
        else {
            self.counts.dropped += 1; // whoever asked has gone, or has taken it back, or it came too late
            return Heard::Message;
        };
        match (&asked.purpose, result) {
            (Purpose::Handshake, Ok(result)) => self.handshake_made(result, wires),
            (Purpose::Handshake, Err(error)) => self.handshake_refused(error, wires),
            (Purpose::Replay, Ok(result)) => {
                self.replayed(result, now, wires);
                return Heard::Replayed;
            }
            (Purpose::Replay, Err(_)) => return Heard::ReplayRefused,
            (Purpose::Subscribe(uri), Err(_)) => {
                if let Some(asker) = &asked.asker {
                    self.forget_subscription(asker.peer, uri);
                }
            }
            _ => {}
        }
        let Some(asker) = asked.asker else {
            return Heard::Message;
        };
        self.forget_asked(&asker, number);
        let subscription = match asked.purpose {
            Purpose::Listen => Details::of(result.ok()).subscription(),
            _ => None,
        };
        let second = subscription.map(|own| (own, &*asker.id));
        let pieces = message.with((id, &asker.id), second);
        wires.to_client(asker.peer, Weight::Needed, &pieces);
        Heard::Message
    }

    /// What the server asks goes to the client that made the handshake: the server was told of that one's abilities. Where
    /// it is gone, to the one that has been there longest.
    fn ask_client(
        &mut self,
        message: &Message<'_>,
        id: &str,
        now: Instant,
        wires: &mut impl Wires,
    ) {
        let owner = self.handshake.owner();
        let owner = owner.filter(|peer| self.peers.contains_key(peer));
        let longest = || {
            let mut speaking = self.peers.iter().filter(|(_, state)| state.speaks);
            speaking.next().map(|(peer, _)| *peer)
        };
        let (code, why) = match owner.or_else(longest) {
            Some(peer) if self.owed.len() < OWED_MAX => {
                let number = self.next_number();
                let owed = Owed {
                    peer,
                    id: id.into(),
                    deadline: now + self.ttl,
                    _counted: MCP_PENDING.hold(1),
                };
                self.owed.insert(number, owed);
                let number = number.to_string();
                let pieces = message.with((id, &number), None);
                return wires.to_client(peer, Weight::Needed, &pieces);
            }
            Some(_) => (CODE_LIMIT, "as many requests as clients may owe answers to"),
            None => (CODE_GONE, "no client is there to answer"),
        };
        wires.to_server(&[error_answer(Some(id), code, why).as_bytes()]);
    }

    /// A notification: to whom it concerns, or to everybody.
    fn route(
        &mut self,
        message: &Message<'_>,
        method: &str,
        params: Option<&str>,
        wires: &mut impl Wires,
    ) {
        let details = Details::of(params);
        match (method, details.subscription()) {
            ("notifications/progress", _) => {
                self.tell_asker(message, details.told_token(), Named::Token, wires);
            }
            ("notifications/cancelled", _) => {
                self.cancel_owed(message, details.cancelled(), wires);
            }
            (_, Some(subscription)) => {
                self.tell_asker(message, Some(subscription), Named::Id, wires);
            }
            ("notifications/resources/updated", None) => {
                let uri = details.uri().unwrap_or_default();
                for peer in self.subscribers.get(&*uri).into_iter().flatten() {
                    wires.to_client(*peer, Weight::Notice, &[message.line()]);
                }
            }
            (_, None) => {
                let speaking = self.peers.iter().filter(|(_, state)| state.speaks);
                for (peer, _) in speaking {
                    wires.to_client(*peer, Weight::Notice, &[message.line()]);
                }
            }
        }
    }

    /// To the client whose request has this number, under the name that it has there.
    fn tell_asker(
        &mut self,
        message: &Message<'_>,
        number: Option<&str>,
        named: Named,
        wires: &mut impl Wires,
    ) {
        let asked = number
            .and_then(our_number)
            .and_then(|number| self.pending.get(&number));
        let asker = asked.and_then(|asked| asked.asker.as_ref());
        let name = asker.and_then(|asker| match named {
            Named::Token => asker.token.as_deref().map(|name| (asker.peer, name)),
            Named::Id => Some((asker.peer, &*asker.id)),
        });
        match (name, number) {
            (Some((peer, name)), Some(number)) => {
                wires.to_client(peer, Weight::Notice, &message.with((number, name), None));
            }
            _ => self.counts.dropped += 1,
        }
    }
}

/// What a notification calls the request that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Token,
    Id,
}
