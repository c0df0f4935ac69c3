//! Who asked what: everything that is on its way between one server and its clients. Pure: no I/O, and time comes in.
//!
//! A request gets a number of ours as its id and progress token, so that two clients with the same id never meet, and what
//! the server says about that number goes to who asked, under the name that it has there. What the server asks goes to
//! one client under a number as well.

mod asked;
mod handshake;
mod requests;
mod server;
mod subscriptions;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use leakgate_probe::Held;

use super::message::{cancelled, error_answer};
use crate::gauges::MCP_PENDING;
use asked::{Asked, Asker, Purpose};
use handshake::Handshake;
pub(crate) use server::Heard;

/// Requests of one client that may wait for answers at a time: no agent has as many tools at work.
pub(crate) const PENDING_PER_CLIENT_MAX: usize = 256;

/// Requests that one server may ask its clients and not have answered yet.
const OWED_MAX: usize = 256;

/// What the server does not answer: it is not there.
pub(crate) const CODE_GONE: i32 = -32_000;
/// What the server did not answer in time; the code that the TypeScript SDK has for it.
pub(crate) const CODE_EXPIRED: i32 = -32_001;
/// More than there may be at a time.
pub(crate) const CODE_LIMIT: i32 = -32_010;
/// A line above the limit.
pub(crate) const CODE_TOO_LARGE: i32 = -32_011;
/// JSON-RPC's own.
pub(crate) const CODE_INVALID: i32 = -32_600;

/// A client's number: counted up in the order in which they came, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Peer(pub(crate) u64);

/// What becomes of a message for a client that has no room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// It is left out: the client can do without.
    Notice,
    /// The client is cut off: it would wait for it for ever, or be waited for.
    Needed,
}

/// Where messages go. Each is a line in pieces, without its end.
pub(crate) trait Wires {
    fn to_server(&mut self, pieces: &[&[u8]]);
    fn to_client(&mut self, peer: Peer, weight: Weight, pieces: &[&[u8]]);
}

/// Whether there is a server to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Availability {
    Up,
    /// The text says since when, why, and until when.
    Down(String),
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Requests that the server, or a client, has not answered in time.
    pub(crate) expired: u64,
    /// Answers and notifications that nobody waits for any more, and lines that are no messages.
    pub(crate) dropped: u64,
}

/// What is known of one client.
#[derive(Debug, Default)]
pub(super) struct PeerState {
    /// Its requests under way: its own ids, and the numbers that they have here.
    asked: BTreeMap<Box<str>, u64>,
    /// It has been answered, or needs no handshake: it expects notifications.
    speaks: bool,
    /// Resources that it has subscribed to.
    resources: usize,
}

/// A request of the server that a client is to answer.
#[derive(Debug)]
pub(super) struct Owed {
    peer: Peer,
    /// The server's own id.
    id: Box<str>,
    deadline: Instant,
    _counted: Held,
}

/// Everything under way between one server and its clients.
#[derive(Debug)]
pub(crate) struct Exchange {
    ttl: Duration,
    pub(crate) availability: Availability,
    /// The last number that was given.
    last: u64,
    pending: BTreeMap<u64, Asked>,
    owed: BTreeMap<u64, Owed>,
    peers: BTreeMap<Peer, PeerState>,
    handshake: Handshake,
    /// By resource.
    subscribers: BTreeMap<Box<str>, BTreeSet<Peer>>,
    pub(crate) counts: Counts,
}

impl Exchange {
    /// `ttl` is how long a request may stay unanswered.
    pub(crate) const fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            availability: Availability::Up,
            last: 0,
            pending: BTreeMap::new(),
            owed: BTreeMap::new(),
            peers: BTreeMap::new(),
            handshake: Handshake::None,
            subscribers: BTreeMap::new(),
            counts: Counts {
                expired: 0,
                dropped: 0,
            },
        }
    }

    /// Requests under way, in both directions.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len() + self.owed.len()
    }

    /// Whether a client waits for something, or something for it: then it is not idle, however quiet.
    pub(crate) fn is_waiting(&self, peer: Peer) -> bool {
        let state = self.peers.get(&peer);
        state.is_some_and(|state| !state.asked.is_empty() || state.resources > 0)
            || self.owed.values().any(|owed| owed.peer == peer)
    }

    pub(crate) fn join(&mut self, peer: Peer) {
        self.peers.insert(peer, PeerState::default());
    }

    /// A client is gone: its requests are taken back, what it owed is answered with an error, its subscriptions end.
    pub(crate) fn leave(&mut self, peer: Peer, now: Instant, wires: &mut impl Wires) {
        let Some(state) = self.peers.remove(&peer) else {
            return;
        };
        for number in state.asked.into_values() {
            self.take_back(peer, number, wires);
        }
        let owed = self.owed.iter().filter(|(_, owed)| owed.peer == peer);
        for number in owed.map(|(number, _)| *number).collect::<Vec<_>>() {
            if let Some(owed) = self.owed.remove(&number) {
                let error = error_answer(Some(&owed.id), CODE_GONE, "the client is gone");
                wires.to_server(&[error.as_bytes()]);
            }
        }
        self.unsubscribe_all(peer, now, wires);
    }

    /// Forgets a request of a client that is gone, and says so to the server. A handshake goes on: others want it too.
    fn take_back(&mut self, peer: Peer, number: u64, wires: &mut impl Wires) {
        match self.pending.get(&number).map(|asked| &asked.purpose) {
            Some(Purpose::Handshake) => self.handshake.forget(peer),
            Some(_) => {
                self.pending.remove(&number);
                wires.to_server(&[cancelled(&number.to_string(), "the client is gone").as_bytes()]);
            }
            None => {}
        }
    }

    /// The server is gone, and with it everything that was under way; `why` goes to everybody who waits.
    pub(crate) fn server_gone(&mut self, why: &str, wires: &mut impl Wires) {
        for (number, asked) in std::mem::take(&mut self.pending) {
            self.fail(number, asked, CODE_GONE, why, wires);
        }
        for (number, owed) in std::mem::take(&mut self.owed) {
            let word = cancelled(&number.to_string(), why);
            wires.to_client(owed.peer, Weight::Notice, &[word.as_bytes()]);
        }
    }

    /// Answers what was not answered in time with an error. Both sides are told.
    pub(crate) fn expire(&mut self, now: Instant, wires: &mut impl Wires) {
        let is_over = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        let over = self
            .pending
            .extract_if(.., |_, asked| is_over(asked.deadline));
        for (number, asked) in over.collect::<Vec<_>>() {
            self.counts.expired += 1;
            let why = format!("the server did not answer within {:?}", self.ttl);
            if !matches!(asked.purpose, Purpose::Handshake | Purpose::Replay) {
                wires.to_server(&[cancelled(&number.to_string(), &why).as_bytes()]);
            }
            self.fail(number, asked, CODE_EXPIRED, &why, wires);
        }
        let over = self
            .owed
            .extract_if(.., |_, owed| is_over(Some(owed.deadline)));
        for (number, owed) in over.collect::<Vec<_>>() {
            self.counts.expired += 1;
            let why = format!("the client did not answer within {:?}", self.ttl);
            wires.to_server(&[error_answer(Some(&owed.id), CODE_EXPIRED, &why).as_bytes()]);
            let word = cancelled(&number.to_string(), &why);
            wires.to_client(owed.peer, Weight::Notice, &[word.as_bytes()]);
        }
    }

    /// When [`Exchange::expire`] is due. Numbers are given in the order of time.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let pending = self.pending.values().find_map(|asked| asked.deadline);
        let owed = self.owed.values().map(|owed| owed.deadline).next();
        pending.into_iter().chain(owed).min()
    }

    /// Tells whoever asked that nothing comes of it.
    fn fail(&mut self, number: u64, asked: Asked, code: i32, why: &str, wires: &mut impl Wires) {
        match asked.purpose {
            Purpose::Handshake => self.handshake_failed(code, why, wires),
            Purpose::Subscribe(uri) => {
                if let Some(asker) = &asked.asker {
                    self.forget_subscription(asker.peer, &uri);
                }
            }
            Purpose::Ordinary | Purpose::Listen | Purpose::Own | Purpose::Replay => {}
        }
        let Some(asker) = asked.asker else { return };
        self.forget_asked(&asker, number);
        let error = error_answer(Some(&asker.id), code, why);
        wires.to_client(asker.peer, Weight::Needed, &[error.as_bytes()]);
    }

    fn forget_asked(&mut self, asker: &Asker, number: u64) {
        if let Some(state) = self.peers.get_mut(&asker.peer)
            && state.asked.get(&asker.id) == Some(&number)
        {
            state.asked.remove(&asker.id);
        }
    }

    const fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzed;
#[cfg(test)]
mod tests;
