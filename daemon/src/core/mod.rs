//! The control core: the one owner of what sessions and clients there are. Pure: events in, effects out; no clock, no
//! I/O, no waiting.
//!
//! The daemon puts its own types in place of [`Plane`]; the tests put numbers there. Terminal bytes never come here.

mod attach;
mod clients;
mod entry;
mod event;
mod requests;
mod settings;
#[cfg(test)]
mod tests;
mod waits;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sessiond_protocol::{ExitStatus, Failure, Notice, SessionId, Success};

use clients::Clients;
pub(crate) use entry::Remains;
use entry::{Entry, Life, Tombstone};
pub(crate) use event::{
    Access, AttachOrder, ClientId, Effect, Event, Facts, Flow, LiveClient, LiveSession, Now, Plane,
    Pulse, Sighting, StartOrder, Ticket,
};
pub(crate) use settings::Settings;

/// Sessions that start, run or end at a time. Each costs a descriptor, two or more processes and up to 2 MiB of history;
/// the kernel's own default is 4096 terminals for the whole machine.
pub(crate) const SESSIONS_MAX: usize = 1024;

/// Connections at a time. Each costs a descriptor, and up to two screens when it does not read.
pub(crate) const CLIENTS_MAX: usize = 1024;

/// Clients attached to one session. Each costs a queue, and its share of every piece of output.
pub(crate) const CLIENTS_PER_SESSION_MAX: usize = 256;

/// Exited sessions that can still be read; the one that exited first makes room. A screenful of `list`, at most 64 KiB
/// each.
pub(crate) const TOMBSTONES_MAX: usize = 32;

/// How long an exited session can still be read: long enough for a person to come back from a coffee.
pub(crate) const TOMBSTONE_AGE_MAX: Duration = Duration::from_secs(600);

/// Whether the daemon takes new sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    ShuttingDown,
    Stopped,
}

/// All sessions and all clients.
pub(crate) struct Core<P: Plane> {
    phase: Phase,
    settings: Settings,
    clients: Clients<P::Client>,
    /// Boxed, so that the map's own memory hardly depends on how its nodes happen to be filled.
    sessions: BTreeMap<SessionId, Box<Entry<P::Session>>>,
    last_session: u64,
}

impl<P: Plane> Core<P> {
    pub(crate) const fn new(settings: Settings) -> Self {
        Self {
            phase: Phase::Open,
            settings,
            clients: Clients::new(),
            sessions: BTreeMap::new(),
            last_session: 0,
        }
    }

    /// Takes one event and says what is to be done.
    pub(crate) fn handle(&mut self, now: Now, event: Event<P>) -> Vec<Effect<P>> {
        let mut effects = Vec::new();
        match event {
            Event::Connected { client, handle } => {
                self.connected(now, client, handle, &mut effects)
            }
            Event::Disconnected { client } => self.disconnected(client, &mut effects),
            Event::Asked {
                client,
                id,
                request,
            } => {
                self.asked(now, Ticket { client, id }, request, &mut effects);
            }
            Event::Started {
                session,
                pid,
                handle,
            } => self.started(session, pid, handle, &mut effects),
            Event::StartFailed { session, failure } => {
                self.start_failed(session, &failure, &mut effects)
            }
            Event::Ended {
                session,
                status,
                remains,
            } => {
                self.ended(now, session, status, remains, &mut effects);
            }
            Event::Sighted { session, sighting } => self.sighted(session, sighting, &mut effects),
            Event::Woke => self.woke(now, &mut effects),
            Event::ShutdownRequested => {
                self.shut_down(&mut effects);
            }
        }
        self.stop_if_done(&mut effects);
        effects
    }

    /// When [`Event::Woke`] is due next: a waiter's deadline, a tombstone's age, or the next question to the clients.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.sessions
            .values()
            .filter_map(|entry| entry.next_wake())
            .chain(self.clients.next_wake())
            .min()
    }

    /// The running session that a client's input for `session` goes to; input itself does not pass through here.
    pub(crate) fn input_target(
        &self,
        client: ClientId,
        session: SessionId,
    ) -> Result<P::Session, Failure> {
        let entry = self
            .sessions
            .get(&session)
            .ok_or_else(|| entry::not_found(&session.into()))?;
        entry.writable_by(client)?;
        entry.running().cloned()
    }

    fn started(
        &mut self,
        session: SessionId,
        pid: u32,
        handle: P::Session,
        effects: &mut Vec<Effect<P>>,
    ) {
        let entry = self
            .sessions
            .get_mut(&session)
            .expect("a starting session stays until it has started or failed");
        let closing = matches!(entry.life, Life::Starting { closing: true, .. });
        entry.life = Life::Running {
            pid,
            handle: handle.clone(),
        };
        let info = entry.info(session);
        let creator = entry.take_creator();
        self.reply_all(creator, &Ok(Success::Created { session: info }), effects);
        if closing {
            effects.push(Effect::End { session: handle });
        }
    }

    fn start_failed(
        &mut self,
        session: SessionId,
        failure: &Failure,
        effects: &mut Vec<Effect<P>>,
    ) {
        let mut entry = self
            .remove(session)
            .expect("a starting session stays until it has started or failed");
        self.reply_all(entry.take_creator(), &Err(failure.clone()), effects);
        let waiters = entry.take_waiters();
        let waiters = waiters.into_iter().map(|waiter| waiter.ticket);
        self.reply_all(waiters, &Err(failure.clone()), effects);
        self.reply_all(
            entry.take_closers(),
            &Ok(Success::Closed { status: None }),
            effects,
        );
    }

    /// Everybody who waited for a session's end hears of it; what can still be read becomes a tombstone, unless
    /// somebody closed the session.
    fn ended(
        &mut self,
        now: Now,
        session: SessionId,
        status: ExitStatus,
        remains: Remains,
        effects: &mut Vec<Effect<P>>,
    ) {
        let entry = self
            .sessions
            .get_mut(&session)
            .expect("a running session stays until it has ended");
        let (attached, waiters, closers) = (
            entry.take_attached(),
            entry.take_waiters(),
            entry.take_closers(),
        );
        for client in attached {
            if let Some(client) = self.clients.get(client).cloned() {
                effects.push(Effect::Notify {
                    client,
                    notice: Notice::Exited { session, status },
                });
            }
        }
        for waiter in waiters {
            self.reply_all([waiter.ticket], &waiter.at_exit(status), effects);
        }
        if closers.is_empty() && self.phase == Phase::Open {
            self.bury(now, session, status, remains);
        } else {
            self.remove(session);
            self.reply_all(
                closers,
                &Ok(Success::Closed {
                    status: Some(status),
                }),
                effects,
            );
        }
    }

    fn bury(&mut self, now: Now, session: SessionId, status: ExitStatus, remains: Remains) {
        let expires = now.instant + TOMBSTONE_AGE_MAX;
        if let Some(entry) = self.sessions.get_mut(&session) {
            entry.life = Life::Exited(Tombstone::new(status, remains, expires));
            entry.recount();
        }
        let tombstones = self
            .sessions
            .iter()
            .filter_map(|(id, entry)| Some((entry.expires()?, *id)));
        if tombstones.clone().count() > TOMBSTONES_MAX
            && let Some((_, oldest)) = tombstones.min()
        {
            self.remove(oldest);
        }
    }

    fn woke(&mut self, now: Now, effects: &mut Vec<Effect<P>>) {
        self.end_waits(now, effects);
        self.sessions
            .retain(|_, entry| !entry.has_expired(now.instant));
        self.ask_clients(now, effects);
    }

    /// Begins to end the daemon, once; returns how many sessions are being closed.
    fn shut_down(&mut self, effects: &mut Vec<Effect<P>>) -> usize {
        self.sessions
            .retain(|_, entry| !matches!(entry.life, Life::Exited(_)));
        let sessions = self.sessions.len();
        if self.phase == Phase::Open {
            self.phase = Phase::ShuttingDown;
            effects.push(Effect::ShutdownBegan { sessions });
            for entry in self.sessions.values_mut() {
                effects.extend(entry.end());
            }
        }
        sessions
    }

    fn stop_if_done(&mut self, effects: &mut Vec<Effect<P>>) {
        if self.phase == Phase::ShuttingDown && self.sessions.is_empty() {
            self.phase = Phase::Stopped;
            effects.push(Effect::Stop);
        }
    }

    fn remove(&mut self, session: SessionId) -> Option<Box<Entry<P::Session>>> {
        self.sessions.remove(&session)
    }

    fn reply_all(
        &self,
        tickets: impl IntoIterator<Item = Ticket>,
        result: &Result<Success, Failure>,
        effects: &mut Vec<Effect<P>>,
    ) {
        for Ticket { client, id } in tickets {
            if let Some(client) = self.clients.get(client).cloned() {
                effects.push(Effect::Reply {
                    client,
                    id,
                    result: result.clone(),
                });
            }
        }
    }
}
