//! The control core: the one owner of what sessions and clients there are. Pure: events in, effects out; no clock, no
//! I/O, no waiting.
//!
//! The daemon puts its own types in place of [`Plane`]; the tests put numbers there. Terminal bytes never come here.
//!
//! - [`event`] is the vocabulary, [`entry`] one session, [`sessions`] all of them.
//! - [`life`] is what happens to sessions, [`creation`], [`ending`], [`attach`], [`waits`] and [`requests`] what is asked
//!   about them; [`clients`] is who asks.
//! - [`schedules`] is what starts without anybody asking at the moment, [`archives`] what is kept of sessions on disk.
//! - [`incidents`] is what is counted of all that.
//! - [`respawn`], [`waiting`], [`tombstone`], [`recipe`] are what an entry holds.

mod archives;
mod attach;
mod attached;
mod clients;
mod creation;
mod ending;
mod entry;
mod event;
mod incidents;
mod life;
mod recipe;
mod requests;
mod respawn;
mod schedules;
mod sessions;
mod settings;
#[cfg(test)]
mod tests;
mod tombstone;
mod waiting;
mod waits;

use std::time::{Duration, Instant};

use sessiond_protocol::{
    EndReason, ErrorCode, Failure, SessionId, SessionName, SessionRef, Stats, Success,
};

use archives::Archives;
pub(crate) use archives::{ARCHIVE_AGE, Manuscript, Reading};
use clients::Clients;
use entry::{Fate, Life};
pub(crate) use event::{
    Access, AttachOrder, ClientId, Effect, End, EndedBy, Event, Facts, Flow, Keep, Leaving,
    LiveClient, LiveSession, Now, Origin, Plane, Pulse, Sighting, StartOrder, StatusCall, Ticket,
    TranscriptsAsked,
};
pub(crate) use incidents::Incident;
pub(crate) use recipe::{RECIPE_BYTES_MAX, Recipe, recipe_bytes};
use schedules::Schedules;
use sessions::Sessions;
pub(crate) use settings::Settings;
pub(crate) use tombstone::{Output, Remains};

/// Sessions that start, run or end at a time, unless whoever starts the daemon wants fewer. Each costs a descriptor, two
/// or more processes and up to 2 MiB of history; the kernel's own default is 4096 terminals for the whole machine.
pub(crate) const SESSIONS_MAX: usize = 1024;

/// Processes that are being started at a time: as many as the spawn thread takes without making its other work wait.
/// Other sessions that start are `queued` and cost no task meanwhile.
pub(crate) const STARTS_MAX: usize = 16;

/// Connections at a time. Each costs a descriptor, and up to two screens when it does not read.
pub(crate) const CLIENTS_MAX: usize = 1024;

/// Runs that one client has under way. Their answers wait for it however slowly it reads, with up to 780 KiB each: 128 KiB of
/// control characters, each six bytes of JSON.
pub(crate) const RUNS_PER_CLIENT_MAX: usize = 16;

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
    settings: Settings,
    phase: Phase,
    clients: Clients<P::Client>,
    sessions: Sessions<P::Session>,
    schedules: Schedules,
    archives: Archives,
    stats: Stats,
    /// Numbers the sessions that wait for their turn to start.
    last_turn: u64,
}

impl<P: Plane> Core<P> {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            phase: Phase::Open,
            clients: Clients::new(),
            sessions: Sessions::new(),
            schedules: Schedules::new(),
            archives: Archives::new(settings.archive_age),
            settings,
            stats: Stats::default(),
            last_turn: 0,
        }
    }

    /// Takes one event and says what is to be done.
    pub(crate) fn handle(&mut self, now: Now, event: Event<P>) -> Vec<Effect<P>> {
        let mut effects = Vec::new();
        // What is due comes first: nobody meets a session whose time was over before he asked.
        self.do_what_is_due(now, &mut effects);
        match event {
            Event::Connected { client, handle } => {
                self.connected(now, client, handle, &mut effects);
            }
            Event::Disconnected { client } => self.disconnected(now, client, &mut effects),
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
            } => self.started(now, session, pid, handle, &mut effects),
            Event::StartFailed { session, failure } => {
                self.start_failed(now, session, failure, &mut effects);
            }
            Event::Ended {
                session,
                end,
                remains,
            } => {
                self.ended(now, session, end, remains, &mut effects);
            }
            Event::Sighted { session, sighting } => {
                self.sighted(now, session, sighting, &mut effects);
            }
            Event::ArchivesFound { found } => self.archives_found(now, found),
            Event::ArchiveWritten { info, result } => {
                self.archive_written(now, info, result, &mut effects);
            }
            Event::ArchiveRead { archive, result } => {
                self.archive_read(now, archive, result, &mut effects);
            }
            Event::Woke => self.ask_clients(now, &mut effects),
            Event::ShutdownRequested => {
                self.shut_down(&mut effects);
            }
        }
        // And what has become due: a wait of no time, the end of a session that nobody has used while it was starting.
        self.do_what_is_due(now, &mut effects);
        self.start_next(&mut effects);
        self.stop_if_done(&mut effects);
        effects
    }

    fn do_what_is_due(&mut self, now: Now, effects: &mut Vec<Effect<P>>) {
        while let Some(session) = self.sessions.due(now.instant) {
            self.look_at(now, session, effects);
        }
        self.start_scheduled(now);
        self.drop_surplus_archives(now, effects);
    }

    /// When [`Event::Woke`] is due next: a wait's or a run's deadline, a respawn, a time to live, a tombstone's age, a
    /// schedule, an archive's age, or the next question to the clients.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let wakes = self.sessions.next_wake().into_iter();
        wakes
            .chain(self.schedules.next_wake())
            .chain(self.archives.next_wake())
            .chain(self.clients.next_wake())
            .min()
    }

    /// The running session that a client's input for `session` goes to; input itself does not pass through here.
    pub(crate) fn input_target(
        &mut self,
        now: Now,
        client: ClientId,
        session: SessionId,
    ) -> Result<P::Session, Failure> {
        let mut entry = self
            .sessions
            .change(session)
            .ok_or_else(|| entry::not_found(&session.into()))?;
        entry.writable_by(client)?;
        entry.touch(now);
        let session = entry.running()?.clone();
        entry.calls.attached.used(client, None);
        Ok(session)
    }

    /// Of a session that has not ended for good: its number, its name, and when it was created, in milliseconds since 1970
    /// UTC. What hangs off it beside the core ends with [`Effect::Over`].
    pub(crate) fn live(
        &self,
        session: &SessionRef,
    ) -> Option<(SessionId, Option<&SessionName>, u64)> {
        let id = self.sessions.id(session)?;
        let entry = self.sessions.get(id)?;
        let is_live = !matches!(entry.life, Life::Ended(_));
        is_live.then_some((id, entry.name.as_ref(), entry.created_unix_ms()))
    }

    /// Begins to end the daemon, once; returns how many sessions are being closed.
    fn shut_down(&mut self, effects: &mut Vec<Effect<P>>) -> usize {
        for id in self
            .sessions
            .ids_where(|entry| matches!(entry.life, Life::Ended(_)))
        {
            self.sessions.remove(id);
        }
        let sessions = self.sessions.len();
        if self.phase == Phase::Open {
            self.phase = Phase::ShuttingDown;
            effects.push(Effect::ShutdownBegan { sessions });
            self.schedules.clear();
            for id in self.sessions.ids_where(|_| true) {
                self.end(id, Fate::Gone(EndReason::Shutdown), effects);
            }
        }
        sessions
    }

    /// Refuses what begins something, once the daemon ends.
    fn check_open(&self) -> Result<(), Failure> {
        match self.phase {
            Phase::Open => Ok(()),
            Phase::ShuttingDown | Phase::Stopped => Err(shutting_down()),
        }
    }

    fn stop_if_done(&mut self, effects: &mut Vec<Effect<P>>) {
        if self.phase == Phase::ShuttingDown && self.sessions.len() == 0 {
            self.phase = Phase::Stopped;
            effects.push(Effect::Stop);
        }
    }

    fn reply(
        &self,
        ticket: Ticket,
        result: Result<Success, Failure>,
        effects: &mut Vec<Effect<P>>,
    ) {
        if let Some(client) = self.clients.get(ticket.client).cloned() {
            let id = ticket.id;
            effects.push(Effect::Reply { client, id, result });
        }
    }
}

fn shutting_down() -> Failure {
    Failure::new(ErrorCode::ShuttingDown, "the daemon is ending")
}
