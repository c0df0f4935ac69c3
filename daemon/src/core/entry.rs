//! One session as the core knows it: everything that is kept for it hangs off this entry.

use std::sync::Arc;
use std::time::{Duration, Instant};

use leakgate_probe::Held;
use sessiond_protocol::{
    EndReason, ErrorCode, ExitStatus, Failure, Read, ReadReply, ScreenText, SessionId, SessionInfo,
    SessionName, SessionRef, SessionState, Size, Ttl,
};

use super::recipe::{Recipe, Remembered};
use super::respawn::Respawn;
use super::sessions::Filed;
use super::tombstone::{Past, Tombstone};
use super::waiting::{Calls, Creator, Pending, Wish};
use super::{Access, ClientId, Effect, Flow, LiveSession, Now, Plane, StartOrder, Ticket};
use crate::gauges::{SESSIONS, TOMBSTONES};

/// Where a session is in its life, and what exists of it there.
#[derive(Debug)]
pub(super) enum Life<S> {
    /// Its start waits for its turn; without a number, for the end of the session whose name it takes over.
    Queued {
        turn: Option<u64>,
        order: StartOrder,
        before: Option<Box<Past>>,
    },
    Starting {
        size: Size,
        before: Option<Box<Past>>,
    },
    Running {
        pid: u32,
        handle: S,
    },
    /// Its process has ended, and another is started at this time.
    Resting {
        until: Instant,
        past: Box<Past>,
    },
    Ended(Box<Tombstone>),
}

/// What the index distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Queued(u64),
    Starting,
    Ended,
    Other,
}

/// What becomes of a session when its process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// What its own end brings: a tombstone, or a new process.
    Natural,
    /// It is being ended, and is started again.
    Restart,
    /// It is being ended, and nothing of it stays.
    Gone(EndReason),
}

/// A session.
#[derive(Debug)]
pub(super) struct Entry<S> {
    pub(super) life: Life<S>,
    pub(super) fate: Fate,
    /// Changed by [`Sessions::rename`](super::sessions::Sessions::rename) alone.
    pub(super) name: Option<SessionName>,
    pub(super) recipe: Remembered,
    pub(super) calls: Calls,
    pub(super) respawn: Option<Box<Respawn>>,
    /// The session that waits for this one's end to start under its name.
    pub(super) heir: Option<SessionId>,
    created_unix_ms: u64,
    starts: u32,
    ttl: Ttl,
    last_use: Instant,
    counted: Held,
    /// Of the index alone.
    pub(super) filed: Filed,
}

impl<S: LiveSession> Entry<S> {
    pub(super) fn new(now: Now, default_ttl: Ttl, order: StartOrder, turn: Option<u64>) -> Self {
        let recipe = &order.recipe;
        Self {
            fate: Fate::Natural,
            name: recipe.name.clone(),
            recipe: Remembered::new(recipe),
            calls: Calls::default(),
            respawn: recipe
                .respawn
                .map(|params| Box::new(Respawn::new(params, now.instant))),
            heir: None,
            created_unix_ms: now.unix_ms,
            starts: 0,
            ttl: recipe.ttl.unwrap_or(default_ttl),
            last_use: now.instant,
            counted: SESSIONS.hold(1),
            filed: Filed::NOWHERE,
            life: Life::Queued {
                turn,
                order,
                before: None,
            },
        }
    }

    /// Takes what is to be started, whose turn has come.
    pub(super) fn begin_start(&mut self) -> Option<StartOrder> {
        match self.take_life() {
            Life::Queued {
                mut order, before, ..
            } => {
                order.size = self.calls.attached.take_size().unwrap_or(order.size);
                let size = order.size;
                self.life = Life::Starting { size, before };
                Some(order)
            }
            other => {
                self.life = other;
                None
            }
        }
    }

    /// Has a session that is to be started begin with this text in its scrollback.
    pub(super) fn show_first(&mut self, text: String) {
        if let Life::Queued { order, .. } = &mut self.life {
            order.show_first = Some(text.into());
        }
    }

    /// Takes what is left of its last process, where it has none.
    pub(super) fn take_past(&mut self) -> Option<Box<Past>> {
        match self.take_life() {
            Life::Queued { before, .. } | Life::Starting { before, .. } => before,
            Life::Resting { past, .. } => Some(past),
            Life::Ended(tombstone) => Some(Box::new(tombstone.past)),
            running @ Life::Running { .. } => {
                self.life = running;
                None
            }
        }
    }

    /// Takes where it is in its life, to put it somewhere else at once.
    fn take_life(&mut self) -> Life<S> {
        let nothing = Life::Starting {
            size: Size::DEFAULT,
            before: None,
        };
        std::mem::replace(&mut self.life, nothing)
    }

    /// Its process runs. A respawn that nobody waits for is no use.
    pub(super) fn started(&mut self, now: Now, pid: u32, handle: S) {
        self.life = Life::Running { pid, handle };
        if self.is_untried() || !self.calls.creators.is_empty() {
            self.touch(now);
        }
        self.starts = self.starts.saturating_add(1);
        if let Some(respawn) = &mut self.respawn {
            respawn.started(now.instant);
        }
    }

    /// Waits for its turn to start again, in a terminal of the size that the last one had.
    pub(super) fn queue_again(&mut self, turn: u64, recipe: &Arc<Recipe>, past: Box<Past>) {
        self.counted = SESSIONS.hold(1);
        self.fate = Fate::Natural;
        self.life = Life::Queued {
            turn: Some(turn),
            order: StartOrder {
                origin: past.remains.next_origin(),
                ..StartOrder::new(Arc::clone(recipe), past.remains.size)
            },
            before: Some(past),
        };
    }

    /// Becomes what can still be read of it for a while.
    pub(super) fn bury(&mut self, past: Past, failure: Option<String>, expires: Instant) {
        self.counted = TOMBSTONES.hold(1);
        self.life = Life::Ended(Box::new(Tombstone {
            past,
            failure,
            expires,
        }));
    }

    pub(super) fn stage(&self) -> Stage {
        match &self.life {
            Life::Queued {
                turn: Some(turn), ..
            } => Stage::Queued(*turn),
            Life::Starting { .. } => Stage::Starting,
            Life::Ended(_) => Stage::Ended,
            Life::Queued { turn: None, .. } | Life::Running { .. } | Life::Resting { .. } => {
                Stage::Other
            }
        }
    }

    pub(super) fn state(&self, now: Now) -> SessionState {
        match (&self.life, self.fate) {
            (Life::Ended(tombstone), _) => {
                let status = tombstone.past.status;
                match &tombstone.failure {
                    None => SessionState::Exited { status },
                    Some(reason) => SessionState::Failed {
                        status,
                        reason: reason.clone(),
                    },
                }
            }
            (_, Fate::Restart | Fate::Gone(_)) => SessionState::Closing,
            (Life::Queued { .. }, Fate::Natural) => SessionState::Queued,
            (Life::Starting { .. }, Fate::Natural) => SessionState::Starting,
            (Life::Running { handle, .. }, Fate::Natural) => match handle.facts().flow {
                Flow::Running => SessionState::Running,
                Flow::Stopped => SessionState::Paused,
            },
            (Life::Resting { until, past }, Fate::Natural) => SessionState::Respawning {
                status: past.status,
                in_ms: milliseconds(until.saturating_duration_since(now.instant)),
            },
        }
    }

    pub(super) fn info(&self, id: SessionId, now: Now) -> SessionInfo {
        let (pid, size, output_bytes, title) = match &self.life {
            Life::Queued { order, before, .. } => {
                (None, order.size, put_out(before), String::new())
            }
            Life::Starting { size, before } => (None, *size, put_out(before), String::new()),
            Life::Running { pid, handle } => {
                let facts = handle.facts();
                (Some(*pid), facts.size, facts.output_bytes, facts.title)
            }
            Life::Resting { past, .. } => past_facts(past),
            Life::Ended(tombstone) => past_facts(&tombstone.past),
        };
        SessionInfo {
            id,
            name: self.name.clone(),
            command: self.recipe.command(),
            pid,
            size,
            state: self.state(now),
            clients: self.calls.attached.len(),
            created_unix_ms: self.created_unix_ms,
            output_bytes,
            title,
            screen: None,
            ttl: self.ttl,
            expires_in_ms: self
                .idle_until()
                .map(|until| milliseconds(until.saturating_duration_since(now.instant))),
            starts: self.starts,
        }
    }

    /// All that is known of it: what a list says, and what its terminal is like.
    pub(super) fn described(&self, id: SessionId, now: Now) -> SessionInfo {
        let state = match &self.life {
            Life::Queued { .. } | Life::Starting { .. } => None,
            Life::Running { handle, .. } => Some(handle.state()),
            Life::Resting { past, .. } => Some(past.remains.state()),
            Life::Ended(tombstone) => Some(tombstone.past.remains.state()),
        };
        SessionInfo {
            screen: state.map(Box::new),
            ..self.info(id, now)
        }
    }

    /// Whatever else can be read of the terminal, live or final.
    pub(super) fn read(&self, what: &Read) -> Result<ReadReply, Failure> {
        match &self.life {
            Life::Queued { .. } | Life::Starting { .. } => Err(still_starting()),
            Life::Running { handle, .. } => handle.read(what),
            Life::Resting { past, .. } => past.remains.read(what),
            Life::Ended(tombstone) => tombstone.past.remains.read(what),
        }
    }

    /// The screen, live or final.
    pub(super) fn screen(&self, scrollback: usize) -> Result<ScreenText, Failure> {
        match &self.life {
            Life::Queued { .. } | Life::Starting { .. } => Err(still_starting()),
            Life::Running { handle, .. } => Ok(handle.screen(scrollback)),
            Life::Resting { past, .. } => Ok(past.screen()),
            Life::Ended(tombstone) => Ok(tombstone.past.screen()),
        }
    }

    pub(super) fn running(&self) -> Result<&S, Failure> {
        match &self.life {
            Life::Queued { .. } | Life::Starting { .. } => Err(still_starting()),
            Life::Running { handle, .. } => Ok(handle),
            Life::Resting { .. } => Err(Failure::new(
                ErrorCode::Exited,
                "the session's process has ended; it is being respawned",
            )),
            Life::Ended(_) => Err(Failure::new(
                ErrorCode::Exited,
                "the session's process has ended",
            )),
        }
    }

    /// Refuses what would hang off a session that has ended, or is about to.
    pub(super) fn not_over(&self) -> Result<(), Failure> {
        match (&self.life, self.fate) {
            (Life::Ended(_), _) => Err(Failure::new(
                ErrorCode::Exited,
                "the session's process has ended",
            )),
            (_, Fate::Gone(_)) => Err(being_ended()),
            _ => Ok(()),
        }
    }

    /// When it was created.
    pub(super) const fn created_unix_ms(&self) -> u64 {
        self.created_unix_ms
    }

    /// How an ended session's process ended.
    pub(super) fn exit_status(&self) -> Option<ExitStatus> {
        match &self.life {
            Life::Ended(tombstone) => Some(tombstone.past.status),
            _ => None,
        }
    }

    /// Whether no process has ever run for it.
    pub(super) const fn is_untried(&self) -> bool {
        self.starts == 0
    }

    /// Somebody uses it: its time to live begins anew.
    pub(super) const fn touch(&mut self, now: Now) {
        self.last_use = now.instant;
    }

    /// When it will have been unused for its time to live; nothing while it is in use, is being ended or has ended.
    fn idle_until(&self) -> Option<Instant> {
        let can_expire = match self.life {
            Life::Running { .. } | Life::Resting { .. } => self.fate == Fate::Natural,
            Life::Queued { .. } | Life::Starting { .. } | Life::Ended(_) => false,
        };
        (can_expire && !self.calls.is_any()).then(|| self.last_use + self.ttl.duration())
    }

    /// Whether its time to live is over.
    pub(super) fn is_expired(&self, now: Now) -> bool {
        self.idle_until().is_some_and(|until| until <= now.instant)
    }

    /// Whether it rests no longer.
    pub(super) fn is_rested(&self, now: Now) -> bool {
        matches!(self.life, Life::Resting { until, .. } if until <= now.instant)
    }

    /// When an ended session can no longer be read.
    pub(super) fn forgotten_at(&self) -> Option<Instant> {
        match &self.life {
            Life::Ended(tombstone) => Some(tombstone.expires),
            _ => None,
        }
    }

    /// When the core has to look at it without anything happening to it.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let rested = match self.life {
            Life::Resting { until, .. } => Some(until),
            _ => None,
        };
        self.calls
            .next_deadline()
            .into_iter()
            .chain(rested)
            .chain(self.idle_until())
            .chain(self.forgotten_at())
            .min()
    }

    pub(super) fn add_creator(&mut self, ticket: Ticket, wish: Wish) {
        self.calls.creators.push(Creator {
            pending: Pending::new(ticket),
            wish,
        });
    }

    pub(super) fn is_attached(&self, client: ClientId) -> bool {
        self.calls.attached.has(client)
    }

    /// Refuses what changes a session to a client that only looks at it.
    pub(super) fn writable_by(&self, client: ClientId) -> Result<(), Failure> {
        if self.calls.attached.access(client) == Some(Access::ReadOnly) {
            let message = "this connection is attached to read only";
            return Err(Failure::new(ErrorCode::ReadOnly, message));
        }
        Ok(())
    }

    /// What is to be told to the session of a client that has left.
    pub(super) fn detached<P: Plane<Session = S>>(
        &mut self,
        client: ClientId,
    ) -> Option<Effect<P>> {
        let session = self.running().ok().cloned();
        if session.is_none() {
            self.calls.attached.open_size();
        }
        session.map(|session| Effect::Detach { session, client })
    }

    /// Takes a client out of everything that it had to do with this session, with what has to be told to that; says
    /// whether it was waiting for what its `run` comes to.
    pub(super) fn forget_client<P: Plane<Session = S>>(
        &mut self,
        now: Now,
        client: ClientId,
    ) -> (Vec<Effect<P>>, bool) {
        self.touch(now);
        let mut effects = self.forget_waits_of(client);
        if self.calls.attached.detach(client) {
            effects.extend(self.detached(client));
        }
        (effects, self.calls.forget(client))
    }
}

/// Bytes that the session's processes have put out before its next one runs.
fn put_out(before: &Option<Box<Past>>) -> u64 {
    before.as_ref().map_or(0, |past| past.remains.output_bytes)
}

fn past_facts(past: &Past) -> (Option<u32>, Size, u64, String) {
    let remains = &past.remains;
    let title = remains.screen.title().to_owned();
    (None, remains.size, remains.output_bytes, title)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn not_found(session: &SessionRef) -> Failure {
    Failure::new(ErrorCode::NotFound, format!("no session {session}"))
}

pub(super) fn being_ended() -> Failure {
    Failure::new(ErrorCode::Exited, "the session is being ended")
}

pub(super) fn still_starting() -> Failure {
    Failure::new(ErrorCode::Busy, "the session is still starting")
}
