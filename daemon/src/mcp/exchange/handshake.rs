//! The handshake of the older protocol: made once with the server, and answered from its stored result ever after.

use std::borrow::Cow;
use std::time::Instant;

use super::super::message::{answer, error_answer, replaced, wanted_token};
use super::{Exchange, MCP_PENDING, Peer, Purpose, Weight, Wires};

/// How far it is.
#[derive(Debug)]
pub(super) enum Handshake {
    None,
    UnderWay {
        params: Box<str>,
        /// Those who wait for its result, and their ids; the first of them has asked.
        waiting: Vec<(Peer, Box<str>)>,
    },
    Done(Box<Stored>),
}

/// What it came to.
#[derive(Debug)]
pub(super) struct Stored {
    params: Box<str>,
    result: Box<str>,
    /// The client whose abilities the server was told of.
    pub(super) owner: Option<Peer>,
    /// Whether the server was told that it is over.
    initialized: bool,
}

impl Handshake {
    /// A client is gone.
    pub(super) fn forget(&mut self, gone: Peer) {
        if let Self::UnderWay { waiting, .. } = self {
            waiting.retain(|(peer, _)| *peer != gone);
        }
    }

    pub(super) fn owner(&self) -> Option<Peer> {
        match self {
            Self::Done(stored) => stored.owner,
            Self::None | Self::UnderWay { .. } => None,
        }
    }
}

impl Exchange {
    /// A client's `initialize`.
    pub(super) fn initialize(
        &mut self,
        peer: Peer,
        id: &str,
        params: Option<&str>,
        now: Instant,
        wires: &mut impl Wires,
    ) {
        match &mut self.handshake {
            Handshake::Done(stored) => {
                let answer = answer(id, &stored.result);
                self.greet(peer);
                wires.to_client(peer, Weight::Needed, &[answer.as_bytes()]);
            }
            Handshake::UnderWay { waiting, .. } => waiting.push((peer, id.into())),
            Handshake::None => {
                let params: Box<str> = params.unwrap_or("{}").into();
                self.send_initialize(&params, Purpose::Handshake, now, wires);
                self.handshake = Handshake::UnderWay {
                    params,
                    waiting: vec![(peer, id.into())],
                };
            }
        }
        if matches!(self.handshake, Handshake::UnderWay { .. }) {
            // The pending request is not this client's alone: it has the last number there is or an earlier one.
            let number = self.handshake_number();
            if let (Some(state), Some(number)) = (self.peers.get_mut(&peer), number) {
                state.asked.insert(id.into(), number);
            }
        }
    }

    fn handshake_number(&self) -> Option<u64> {
        let mut pending = self.pending.iter();
        let found = pending.find(|(_, asked)| asked.purpose == Purpose::Handshake);
        found.map(|(number, _)| *number)
    }

    fn send_initialize(
        &mut self,
        params: &str,
        purpose: Purpose,
        now: Instant,
        wires: &mut impl Wires,
    ) {
        let number = self.add_pending(None, purpose, now);
        let own = number.to_string();
        // Its own token might be the number of another's request.
        let params = match wanted_token(Some(params)) {
            Ok(Some(token)) => Cow::Owned(replaced(params, token, &own)),
            Ok(None) | Err(_) => Cow::Borrowed(params),
        };
        let request =
            format!(r#"{{"jsonrpc":"2.0","id":{number},"method":"initialize","params":{params}}}"#);
        wires.to_server(&[request.as_bytes()]);
    }

    /// Adds a request under way.
    pub(super) fn add_pending(
        &mut self,
        asker: Option<super::Asker>,
        purpose: Purpose,
        now: Instant,
    ) -> u64 {
        let number = self.next_number();
        let deadline = (purpose != Purpose::Listen).then(|| now + self.ttl);
        let asked = super::Asked {
            asker,
            purpose,
            deadline,
            _counted: MCP_PENDING.hold(1),
        };
        self.pending.insert(number, asked);
        number
    }

    /// The server's result: stored, and given to all who wait for it.
    pub(super) fn handshake_made(&mut self, result: &str, wires: &mut impl Wires) {
        let made = std::mem::replace(&mut self.handshake, Handshake::None);
        let Handshake::UnderWay { params, waiting } = made else {
            self.handshake = made;
            return;
        };
        self.handshake = Handshake::Done(Box::new(Stored {
            params,
            result: result.into(),
            owner: waiting.first().map(|(peer, _)| *peer),
            initialized: false,
        }));
        for (peer, id) in waiting {
            self.greet(peer);
            self.forget_own_id(peer, &id);
            wires.to_client(peer, Weight::Needed, &[answer(&id, result).as_bytes()]);
        }
    }

    /// Nothing came of it; the next client tries again.
    pub(super) fn handshake_failed(&mut self, code: i32, why: &str, wires: &mut impl Wires) {
        self.fail_handshake(wires, |id| error_answer(Some(id), code, why));
    }

    /// The server's own error, for all who wait.
    pub(super) fn handshake_refused(&mut self, error: &str, wires: &mut impl Wires) {
        self.fail_handshake(wires, |id| {
            format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#)
        });
    }

    fn fail_handshake(&mut self, wires: &mut impl Wires, answer: impl Fn(&str) -> String) {
        if let Handshake::UnderWay { waiting, .. } = &mut self.handshake {
            let waiting = std::mem::take(waiting);
            self.handshake = Handshake::None;
            for (peer, id) in waiting {
                self.forget_own_id(peer, &id);
                wires.to_client(peer, Weight::Needed, &[answer(&id).as_bytes()]);
            }
        }
    }

    fn forget_own_id(&mut self, peer: Peer, id: &str) {
        if let Some(state) = self.peers.get_mut(&peer) {
            state.asked.remove(id);
        }
    }

    /// From now on this client expects notifications.
    pub(super) fn greet(&mut self, peer: Peer) {
        if let Some(state) = self.peers.get_mut(&peer) {
            state.speaks = true;
        }
    }

    /// A client's word that the handshake is over: the server hears it once.
    pub(super) fn initialized(&mut self, line: &[u8], wires: &mut impl Wires) {
        if let Handshake::Done(stored) = &mut self.handshake
            && !stored.initialized
        {
            stored.initialized = true;
            wires.to_server(&[line]);
        }
    }

    /// A new process: makes the stored handshake again, before anything else. True when there is one to be made, whose
    /// answer has to be waited for.
    pub(crate) fn replay(&mut self, now: Instant, wires: &mut impl Wires) -> bool {
        let Handshake::Done(stored) = &self.handshake else {
            return false;
        };
        let params = stored.params.clone();
        self.send_initialize(&params, Purpose::Replay, now, wires);
        true
    }

    /// The handshake was made again: what the last process was told once is told to this one.
    pub(super) fn replayed(&mut self, result: &str, now: Instant, wires: &mut impl Wires) {
        let Handshake::Done(stored) = &mut self.handshake else {
            return;
        };
        stored.result = result.into();
        if stored.initialized {
            let word = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
            wires.to_server(&[word]);
        }
        self.subscribe_again(now, wires);
    }
}
