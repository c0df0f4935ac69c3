//! Waiting: for a session's exit, for text on its screen, for quiet; and taking a wait back.
//!
//! Text is looked for where the output is, and reported as [`Event::Sighted`](super::Event::Sighted). Quiet needs no report: a
//! wait wakes when it could be over, and asks since when the session has been quiet.

use std::time::{Duration, Instant};

use leakgate_probe::Held;
use sessiond_protocol::{
    CancelParams, EndReason, ErrorCode, ExitStatus, Failure, SessionId, Success, WaitIdleParams,
    WaitParams, WaitTextParams,
};
use sessiond_screen::Case;

use super::creation::too_many_waiters;
use super::entry::{Entry, Fate, Life};
use super::requests::Answer;
use super::waiting::WAITERS_PER_SESSION_MAX;
use super::{ClientId, Core, Effect, LiveSession, Now, Plane, Sighting, Ticket};
use crate::gauges::WAITERS;
use crate::pattern::{self, AWAITED_BYTES_MAX};

/// The longest wait that is counted at all; beyond it a wait has no deadline. A century keeps the clock from overflowing.
const WAIT_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// When a wait of so many milliseconds is over.
pub(super) fn deadline(now: Now, timeout_ms: Option<u64>) -> Option<Instant> {
    timeout_ms
        .map(Duration::from_millis)
        .filter(|timeout| *timeout < WAIT_MAX)
        .map(|timeout| now.instant + timeout)
}

/// Waits for text of one session at a time: each look costs as much as there are patterns, and a regular expression up to
/// 256 KiB.
pub(super) const WATCHES_MAX: usize = 32;

/// A request that waits for something to happen to a session.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) ticket: Ticket,
    until: Option<Instant>,
    goal: Goal,
    _counted: Held,
}

/// What for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Exit,
    Text,
    Idle {
        quiet: Duration,
        /// When it could have been quiet for long enough.
        due: Instant,
    },
}

impl Waiter {
    fn new(now: Now, ticket: Ticket, timeout_ms: Option<u64>, goal: Goal) -> Self {
        Self {
            ticket,
            until: deadline(now, timeout_ms),
            goal,
            _counted: WAITERS.hold(1),
        }
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        let due = match self.goal {
            Goal::Idle { due, .. } => Some(due),
            Goal::Exit | Goal::Text => None,
        };
        self.until.into_iter().chain(due).min()
    }

    fn is_late(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Whether it has been quiet for long enough; otherwise it wakes when it next could have been.
    fn is_quiet(&mut self, now: Instant, since: Option<Instant>) -> bool {
        let Goal::Idle { quiet, due } = &mut self.goal else {
            return false;
        };
        if *due <= now
            && let Some(since) = since
        {
            *due = since + *quiet;
        }
        *due <= now
    }

    /// The answer when the session's process has ended.
    pub(super) fn at_exit(&self, status: ExitStatus) -> Result<Success, Failure> {
        match self.goal {
            Goal::Exit => Ok(Success::Exited { status }),
            Goal::Idle { .. } => Ok(Success::Idle {}), // for ever
            Goal::Text => Err(not_shown()),
        }
    }

    fn too_late(&self) -> Failure {
        let message = match self.goal {
            Goal::Exit => "the session has not exited in that time",
            Goal::Text => "the text has not been shown in that time",
            Goal::Idle { .. } => "the session has not been quiet in that time",
        };
        Failure::new(ErrorCode::Timeout, message)
    }
}

fn not_shown() -> Failure {
    let message = "the session's process has ended without showing the text";
    Failure::new(ErrorCode::Exited, message)
}

impl<S: LiveSession> Entry<S> {
    /// Adds a wait.
    ///
    /// # Errors
    /// When too many wait for this session already.
    fn add_waiter(&mut self, waiter: Waiter) -> Result<(), Failure> {
        if self.calls.waiters.len() >= WAITERS_PER_SESSION_MAX {
            return Err(too_many_waiters());
        }
        self.calls.waiters.push(waiter);
        Ok(())
    }

    /// What tells a running session that a wait for text is over; nothing where it is another wait.
    pub(super) fn unwatch<P: Plane<Session = S>>(&self, waiter: &Waiter) -> Option<Effect<P>> {
        let session = self.running().ok().filter(|_| waiter.goal == Goal::Text)?;
        Some(Effect::Unwatch {
            session: session.clone(),
            ticket: waiter.ticket,
        })
    }

    /// Takes the waits out that `is_over` chooses.
    pub(super) fn take_waiters_if(
        &mut self,
        is_over: impl FnMut(&mut Waiter) -> bool,
    ) -> Vec<Waiter> {
        let taken = self.calls.waiters.extract_if(.., is_over).collect();
        self.calls.waiters.shrink_to_fit();
        taken
    }

    /// Takes a client's waits out; says what has to be told to the session.
    pub(super) fn forget_waits_of<P: Plane<Session = S>>(
        &mut self,
        client: ClientId,
    ) -> Vec<Effect<P>> {
        let taken = self.take_waiters_if(|waiter| waiter.ticket.client == client);
        taken
            .iter()
            .filter_map(|waiter| self.unwatch(waiter))
            .collect()
    }
}

impl<P: Plane> Core<P> {
    pub(super) fn wait(&mut self, now: Now, ticket: Ticket, params: &WaitParams) -> Answer {
        let mut entry = self.use_of(now, &params.session)?;
        if let Some(status) = entry.exit_status() {
            return Ok(Some(Success::Exited { status }));
        }
        entry.add_waiter(Waiter::new(now, ticket, params.timeout_ms, Goal::Exit))?;
        Ok(None)
    }

    pub(super) fn wait_text(
        &mut self,
        now: Now,
        ticket: Ticket,
        params: WaitTextParams,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let pattern = pattern::read(&params.pattern, Case::Sensitive, AWAITED_BYTES_MAX)?;
        let mut entry = self.use_of(now, &params.session)?;
        if let Life::Ended(tombstone) = &entry.life {
            let mut rows = tombstone.past.remains.screen.text().lines();
            let row = rows.find(|row| pattern.is_in(row)).ok_or_else(not_shown)?;
            return Ok(Some(Success::Seen {
                row: row.to_owned(),
            }));
        }
        let session = entry.running()?.clone();
        let watches = entry
            .calls
            .waiters
            .iter()
            .filter(|waiter| waiter.goal == Goal::Text);
        if watches.count() >= WATCHES_MAX {
            let message = format!("{WATCHES_MAX} waits for text of this session already");
            return Err(Failure::new(ErrorCode::Limit, message));
        }
        entry.add_waiter(Waiter::new(now, ticket, params.timeout_ms, Goal::Text))?;
        effects.push(Effect::Watch {
            session,
            ticket,
            pattern,
        });
        Ok(None)
    }

    pub(super) fn wait_idle(
        &mut self,
        now: Now,
        ticket: Ticket,
        params: &WaitIdleParams,
    ) -> Answer {
        let quiet = Duration::from_millis(params.quiet_ms);
        if quiet >= WAIT_MAX {
            let message = "quiet_ms is more than a century";
            return Err(Failure::new(ErrorCode::BadRequest, message));
        }
        let mut entry = self.use_of(now, &params.session)?;
        if entry.exit_status().is_some() {
            return Ok(Some(Success::Idle {}));
        }
        let due = entry.running()?.quiet_since() + quiet;
        if due <= now.instant {
            return Ok(Some(Success::Idle {}));
        }
        let goal = Goal::Idle { quiet, due };
        entry.add_waiter(Waiter::new(now, ticket, params.timeout_ms, goal))?;
        Ok(None)
    }

    /// Takes a wait back, which is answered too.
    pub(super) fn cancel(
        &mut self,
        now: Now,
        ticket: Ticket,
        params: &CancelParams,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let cancelled = Ticket {
            client: ticket.client,
            id: params.request,
        };
        let mut waited = false;
        for id in self
            .sessions
            .ids_where(|entry| entry.calls.has(ticket.client))
        {
            let Some(mut entry) = self.sessions.change(id) else {
                continue;
            };
            let taken = entry.take_waiters_if(|waiter| waiter.ticket == cancelled);
            effects.extend(taken.iter().filter_map(|waiter| entry.unwatch(waiter)));
            let run = entry
                .calls
                .run
                .take_if(|run| run.pending.ticket == cancelled)
                .is_some();
            entry.touch(now);
            drop(entry);
            if run {
                self.end(id, Fate::Gone(EndReason::Closed), effects);
            }
            waited = run || !taken.is_empty();
            if waited {
                let failure = Failure::new(ErrorCode::Cancelled, "the request was taken back");
                self.reply(cancelled, Err(failure), effects);
                break;
            }
        }
        Ok(Some(Success::Withdrawn { waited }))
    }

    /// A session shows what somebody waits for, unless the wait is over already.
    pub(super) fn sighted(
        &mut self,
        now: Now,
        session: SessionId,
        sighting: Sighting,
        effects: &mut Vec<Effect<P>>,
    ) {
        let Some(mut entry) = self.sessions.change(session) else {
            return;
        };
        let Sighting { ticket, row } = sighting;
        // A client may have given the number of a wait that is over to another request.
        let is_of_it = |waiter: &mut Waiter| waiter.ticket == ticket && waiter.goal == Goal::Text;
        let taken = entry.take_waiters_if(is_of_it);
        if taken.is_empty() {
            return;
        }
        entry.touch(now);
        drop(entry);
        self.reply(ticket, Ok(Success::Seen { row }), effects);
    }

    /// Answers the waits of a session whose time has come.
    pub(super) fn end_waits(&mut self, now: Now, session: SessionId, effects: &mut Vec<Effect<P>>) {
        let Some(mut entry) = self.sessions.change(session) else {
            return;
        };
        let since = entry.running().ok().map(LiveSession::quiet_since);
        let quiet = entry.take_waiters_if(|waiter| waiter.is_quiet(now.instant, since));
        let late = entry.take_waiters_if(|waiter| waiter.is_late(now.instant));
        effects.extend(late.iter().filter_map(|waiter| entry.unwatch(waiter)));
        if !quiet.is_empty() || !late.is_empty() {
            entry.touch(now);
        }
        drop(entry);
        for waiter in quiet {
            self.reply(waiter.ticket, Ok(Success::Idle {}), effects);
        }
        for waiter in late {
            self.reply(waiter.ticket, Err(waiter.too_late()), effects);
        }
    }

    /// Answers the waits for text of a session whose process has ended, when another follows that shows another screen.
    pub(super) fn end_watches(
        &mut self,
        session: SessionId,
        status: ExitStatus,
        effects: &mut Vec<Effect<P>>,
    ) {
        let Some(mut entry) = self.sessions.change(session) else {
            return;
        };
        let taken = entry.take_waiters_if(|waiter| waiter.goal == Goal::Text);
        drop(entry);
        for waiter in taken {
            self.reply(waiter.ticket, waiter.at_exit(status), effects);
        }
    }
}
