//! Who waits for something in a session's life: requests that are answered later, each exactly once.

use std::sync::Arc;
use std::time::Instant;

use leakgate_probe::Held;

use super::attached::Attached;
use super::waits::Waiter;
use super::{ClientId, Ticket};
use crate::gauges::WAITERS;

/// Requests of one kind (for a session to run, for something of it, for its end) that wait for one session; apart, so that
/// one that many wait for can still be closed. Each costs some 100 bytes until its client leaves; a program that waits for
/// one session needs one.
pub(super) const WAITERS_PER_SESSION_MAX: usize = 256;

/// A request that is answered later.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) ticket: Ticket,
    _counted: Held,
}

impl Pending {
    pub(super) fn new(ticket: Ticket) -> Self {
        Self {
            ticket,
            _counted: WAITERS.hold(1),
        }
    }
}

/// What a request wants that waits for a session to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// A new session.
    New,
    /// A session, new or not.
    Any,
    /// Its next process.
    Restart,
}

/// A request that waits for a session to run.
#[derive(Debug)]
pub(super) struct Creator {
    pub(super) pending: Pending,
    pub(super) wish: Wish,
}

/// A request that waits for a session to be gone.
#[derive(Debug)]
pub(super) enum Closer {
    /// For this one.
    One(Pending),
    /// For this one and others; the last of them to be gone drops the last reference, which answers.
    Batch(Arc<Batch>),
}

/// A `close_all`.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) pending: Pending,
    pub(super) sessions: usize,
}

/// A `run` that waits for its session's end.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) pending: Pending,
    pub(super) until: Option<Instant>,
    pub(super) timed_out: bool,
}

/// An `archive` that waits for its session's end.
#[derive(Debug)]
pub(super) struct Archiver {
    pub(super) pending: Pending,
    /// When it was asked for.
    pub(super) unix_ms: u64,
}

/// Everybody who waits for something in one session's life.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) creators: Vec<Creator>,
    pub(super) waiters: Vec<Waiter>,
    pub(super) closers: Vec<Closer>,
    pub(super) run: Option<Box<Run>>,
    pub(super) archiver: Option<Archiver>,
    pub(super) attached: Attached,
}

impl Closer {
    fn is_of(&self, client: ClientId) -> bool {
        let pending = match self {
            Self::One(pending) => pending,
            Self::Batch(batch) => &batch.pending,
        };
        pending.ticket.client == client
    }
}

impl Calls {
    /// Whether somebody uses the session right now: then it is not idle, however long nothing happens.
    pub(super) fn is_any(&self) -> bool {
        !self.creators.is_empty()
            || !self.waiters.is_empty()
            || self.run.is_some()
            || !self.attached.is_empty()
    }

    /// Whether this client is among them.
    pub(super) fn has(&self, client: ClientId) -> bool {
        let is = |pending: &Pending| pending.ticket.client == client;
        self.attached.has(client)
            || self
                .waiters
                .iter()
                .any(|waiter| waiter.ticket.client == client)
            || self.creators.iter().any(|creator| is(&creator.pending))
            || self.closers.iter().any(|closer| closer.is_of(client))
            || self.run.as_ref().is_some_and(|run| is(&run.pending))
    }

    /// Takes a client's requests out, except its waits; says whether it was waiting for what its `run` comes to.
    pub(super) fn forget(&mut self, client: ClientId) -> bool {
        let is = |pending: &Pending| pending.ticket.client == client;
        self.creators.retain(|creator| !is(&creator.pending));
        self.creators.shrink_to_fit();
        self.closers.retain(|closer| !closer.is_of(client)); // the session is closed all the same
        self.closers.shrink_to_fit();
        self.run.take_if(|run| is(&run.pending)).is_some()
    }

    /// The first deadline of all.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let run = self.run.as_ref().filter(|run| !run.timed_out);
        self.waiters
            .iter()
            .filter_map(Waiter::next_wake)
            .chain(run.and_then(|run| run.until))
            .min()
    }
}
