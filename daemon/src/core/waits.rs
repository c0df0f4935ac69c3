//! Waiting: for a session's exit, for text on its screen, for quiet; and taking a wait back.
//!
//! Text is looked for where the output is, and reported as [`Event::Sighted`](super::Event::Sighted). Quiet needs no report: a
//! wait wakes when it could be over, and asks since when the session has been quiet.

use std::time::{Duration, Instant};

use leakgate_probe::Held;
use sessiond_protocol::{
    CancelParams, ErrorCode, ExitStatus, Failure, SessionId, Success, WaitIdleParams, WaitParams,
    WaitTextParams,
};

use super::entry::{Entry, Life};
use super::requests::Answer;
use super::{ClientId, Core, Effect, LiveSession, Now, Plane, Sighting, Ticket};
use crate::gauges::WAITERS;
use crate::pattern::Pattern;

/// The longest wait that is counted at all; beyond it a wait has no deadline. A century keeps the clock from overflowing.
const WAIT_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

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
        let timeout = timeout_ms
            .map(Duration::from_millis)
            .filter(|timeout| *timeout < WAIT_MAX);
        Self {
            ticket,
            until: timeout.map(|timeout| now.instant + timeout),
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
        let taken = self.waiters.extract_if(.., is_over).collect();
        self.waiters.shrink_to_fit();
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
        let (_, entry) = self.find(&params.session)?;
        if let Some(status) = entry.exit_status() {
            return Ok(Some(Success::Exited { status }));
        }
        let waiter = Waiter::new(now, ticket, params.timeout_ms, Goal::Exit);
        entry.waiters.push(waiter);
        Ok(None)
    }

    pub(super) fn wait_text(
        &mut self,
        now: Now,
        ticket: Ticket,
        params: WaitTextParams,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let pattern = Pattern::read(params.pattern)?;
        let (_, entry) = self.find(&params.session)?;
        if let Life::Exited(tombstone) = &entry.life {
            let mut rows = tombstone.text().lines();
            let row = rows
                .find(|row| pattern.matches(row))
                .ok_or_else(not_shown)?;
            return Ok(Some(Success::Seen {
                row: row.to_owned(),
            }));
        }
        let session = entry.running()?.clone();
        let watches = entry
            .waiters
            .iter()
            .filter(|waiter| waiter.goal == Goal::Text);
        if watches.count() >= WATCHES_MAX {
            let message = format!("{WATCHES_MAX} waits for text of this session already");
            return Err(Failure::new(ErrorCode::Limit, message));
        }
        let waiter = Waiter::new(now, ticket, params.timeout_ms, Goal::Text);
        entry.waiters.push(waiter);
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
        let (_, entry) = self.find(&params.session)?;
        if entry.exit_status().is_some() {
            return Ok(Some(Success::Idle {}));
        }
        let due = entry.running()?.quiet_since() + quiet;
        if due <= now.instant {
            return Ok(Some(Success::Idle {}));
        }
        let goal = Goal::Idle { quiet, due };
        let waiter = Waiter::new(now, ticket, params.timeout_ms, goal);
        entry.waiters.push(waiter);
        Ok(None)
    }

    /// Takes a wait back, which is answered too.
    pub(super) fn cancel(
        &mut self,
        ticket: Ticket,
        params: &CancelParams,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let cancelled = Ticket {
            client: ticket.client,
            id: params.request,
        };
        let mut taken = Vec::new();
        for entry in self.sessions.values_mut() {
            taken = entry.take_waiters_if(|waiter| waiter.ticket == cancelled);
            effects.extend(taken.iter().filter_map(|waiter| entry.unwatch(waiter)));
            if !taken.is_empty() {
                break;
            }
        }
        let failure = Failure::new(ErrorCode::Cancelled, "the request was taken back");
        let waited = !taken.is_empty();
        let tickets = taken.into_iter().map(|waiter| waiter.ticket);
        self.reply_all(tickets, &Err(failure), effects);
        Ok(Some(Success::Withdrawn { waited }))
    }

    /// A session shows what somebody waits for, unless the wait is over already.
    pub(super) fn sighted(
        &mut self,
        session: SessionId,
        sighting: Sighting,
        effects: &mut Vec<Effect<P>>,
    ) {
        let Some(entry) = self.sessions.get_mut(&session) else {
            return;
        };
        let taken = entry.take_waiters_if(|waiter| waiter.ticket == sighting.ticket);
        let seen = Ok(Success::Seen { row: sighting.row });
        self.reply_all(
            taken.into_iter().map(|waiter| waiter.ticket),
            &seen,
            effects,
        );
    }

    /// Answers the waits of all sessions whose time has come.
    pub(super) fn end_waits(&mut self, now: Now, effects: &mut Vec<Effect<P>>) {
        let mut answers = Vec::new();
        for entry in self.sessions.values_mut() {
            if !entry
                .waiters
                .iter()
                .any(|waiter| waiter.next_wake().is_some_and(|wake| wake <= now.instant))
            {
                continue;
            }
            let since = entry.running().ok().map(LiveSession::quiet_since);
            for quiet in entry.take_waiters_if(|waiter| waiter.is_quiet(now.instant, since)) {
                answers.push((quiet.ticket, Ok(Success::Idle {})));
            }
            for late in entry.take_waiters_if(|waiter| waiter.is_late(now.instant)) {
                effects.extend(entry.unwatch(&late));
                answers.push((late.ticket, Err(late.too_late())));
            }
        }
        for (ticket, answer) in answers {
            self.reply_all([ticket], &answer, effects);
        }
    }
}
