//! What happens to sessions: their turn comes, their process runs, fails to start or ends, their time is over.

use sessiond_protocol::{
    EndReason, ErrorCode, ExitStatus, Failure, Notice, RunResult, SessionId, SessionName, Success,
};

use super::entry::{Fate, Life};
use super::respawn::{Ending, Next};
use super::tombstone::Past;
use super::waiting::{Batch, Calls, Closer, Creator, Run, Wish};
use super::{
    Core, Effect, End, EndedBy, Incident, Leaving, Now, Output, Phase, Plane, Remains, STARTS_MAX,
    TOMBSTONE_AGE_MAX, TOMBSTONES_MAX,
};

/// What came of a session that is no more, or has ended.
pub(super) struct Outcome {
    /// How its process ended, or why it had none.
    pub(super) status: Result<ExitStatus, Failure>,
    pub(super) reason: EndReason,
    pub(super) output: Option<Output>,
    /// What an archive is written of.
    pub(super) text: Option<String>,
}

impl<P: Plane> Core<P> {
    /// A number in the queue of those that wait to be started.
    pub(super) const fn next_turn(&mut self) -> u64 {
        self.last_turn += 1;
        self.last_turn
    }

    /// Starts those that have waited longest, as many as may be started at a time.
    pub(super) fn start_next(&mut self, effects: &mut Vec<Effect<P>>) {
        while self.sessions.starting() < STARTS_MAX
            && let Some(session) = self.sessions.next_turn()
            && let Some(mut entry) = self.sessions.change(session)
            && let Some(order) = entry.begin_start()
        {
            effects.push(Effect::Start { session, order });
        }
    }

    pub(super) fn started(
        &mut self,
        now: Now,
        session: SessionId,
        pid: u32,
        handle: P::Session,
        effects: &mut Vec<Effect<P>>,
    ) {
        let mut entry = self
            .sessions
            .change(session)
            .expect("a starting session stays until it has started or failed");
        entry.started(now, pid, handle.clone());
        let info = entry.info(session, now);
        let ends = entry.fate != Fate::Natural;
        let creators = std::mem::take(&mut entry.calls.creators);
        let attached: Vec<_> = entry.calls.attached.orders().collect();
        let size = entry.calls.attached.take_size();
        drop(entry);
        for Creator { pending, wish } in creators {
            let session = info.clone();
            let success = match wish {
                Wish::New => Success::Created {
                    session,
                    created: true,
                },
                Wish::Any => Success::Created {
                    session,
                    created: false,
                },
                Wish::Restart => Success::Restarted { session },
            };
            self.reply(pending.ticket, Ok(success), effects);
        }
        // Whoever was attached to its last process stays attached.
        let clients = attached.into_iter().filter_map(|(client, order)| {
            let handle = self.clients.get(client)?.clone();
            Some((client, handle, order))
        });
        let clients: Vec<_> = clients.collect();
        if !clients.is_empty() {
            effects.push(Effect::AttachAgain {
                session: handle.clone(),
                clients,
                size,
            });
        }
        if ends {
            effects.push(Effect::End { session: handle });
        }
    }

    /// A start that failed leaves nothing, unless there had been a process before.
    pub(super) fn start_failed(
        &mut self,
        now: Now,
        session: SessionId,
        failure: Failure,
        effects: &mut Vec<Effect<P>>,
    ) {
        let mut entry = self
            .sessions
            .change(session)
            .expect("a starting session stays until it has started or failed");
        let (past, fate) = (entry.take_past(), entry.fate);
        let creators = std::mem::take(&mut entry.calls.creators);
        drop(entry);
        for creator in creators {
            self.reply(creator.pending.ticket, Err(failure.clone()), effects);
        }
        let open = self.phase == Phase::Open;
        match (past, fate) {
            (Some(past), Fate::Natural | Fate::Restart) if open => {
                self.process_ended(now, session, past, Some(failure), effects);
            }
            (past, fate) => {
                self.schedules.start_failed(session);
                let reason = match fate {
                    Fate::Gone(reason) => reason,
                    Fate::Natural | Fate::Restart => EndReason::Failed,
                };
                let outcome = Outcome {
                    status: past.map(|past| past.status).ok_or(failure),
                    reason,
                    output: None,
                    text: None,
                };
                self.gone(session, outcome, effects);
            }
        }
    }

    /// A session's process has ended, and its task with it.
    pub(super) fn ended(
        &mut self,
        now: Now,
        session: SessionId,
        End {
            status,
            by,
            leaving,
        }: End,
        mut remains: Remains,
        effects: &mut Vec<Effect<P>>,
    ) {
        if leaving == Leaving::Killed {
            self.happened(session, Incident::Killed, effects);
        }
        let (output, text) = (remains.output.take(), remains.text.take());
        let mut entry = self
            .sessions
            .change(session)
            .expect("a running session stays until it has ended");
        if by == EndedBy::Itself
            && let Some(run) = &mut entry.calls.run
            && run.timed_out
        {
            // It was on time; only what it had left behind was not.
            run.timed_out = false;
            entry.fate = Fate::Natural;
        }
        if by == EndedBy::Itself && entry.fate == Fate::Gone(EndReason::Expired) {
            // Its time was over while what it had left behind was ended. It ended as any other does.
            entry.fate = Fate::Natural;
        }
        let fate = match entry.fate {
            Fate::Gone(reason) => Fate::Gone(reason),
            _ if self.phase != Phase::Open => Fate::Gone(EndReason::Shutdown),
            // What a run comes to is in its answer.
            _ if entry.calls.run.is_some() => Fate::Gone(EndReason::Exited),
            fate => fate,
        };
        drop(entry);
        let past = Box::new(Past::new(status, remains));
        match fate {
            Fate::Gone(reason) => {
                let status = Ok(status);
                let outcome = Outcome {
                    status,
                    reason,
                    output,
                    text,
                };
                self.gone(session, outcome, effects);
            }
            Fate::Restart => self.start_again(now, session, past, effects),
            Fate::Natural => self.process_ended(now, session, past, None, effects),
        }
    }

    /// A process has ended by itself, or could not be started again: another one follows, or a tombstone.
    fn process_ended(
        &mut self,
        now: Now,
        session: SessionId,
        past: Box<Past>,
        not_started: Option<Failure>,
        effects: &mut Vec<Effect<P>>,
    ) {
        let Some(mut entry) = self.sessions.change(session) else {
            return;
        };
        let ending = match not_started {
            None => Ending::Exited(past.status),
            Some(_) => Ending::NotStarted,
        };
        let next = entry
            .respawn
            .as_mut()
            .map_or(Next::Nothing, |respawn| respawn.after(now.instant, ending));
        drop(entry);
        let because = |failure: Failure| format!("it cannot be started: {}", failure.message);
        let (reason, failure) = match (next, not_started) {
            (Next::At(until), _) => {
                let status = past.status;
                if let Some(mut entry) = self.sessions.change(session) {
                    entry.life = Life::Resting { until, past };
                }
                let wait = until.saturating_duration_since(now.instant);
                self.end_watches(session, status, effects);
                self.tell_respawn(session, status, wait.as_millis(), effects);
                return;
            }
            (Next::GiveUp(reason), not_started) => {
                let reason = match not_started {
                    None => reason,
                    Some(failure) => format!("{reason}; {}", because(failure)),
                };
                let incident = Incident::BreakerOpened(reason.clone());
                self.happened(session, incident, effects);
                (EndReason::Failed, Some(reason))
            }
            (Next::Nothing, Some(failure)) => (EndReason::Failed, Some(because(failure))),
            (Next::Nothing, None) => (EndReason::Exited, None),
        };
        let outcome = Outcome {
            status: Ok(past.status),
            reason,
            output: None,
            text: None,
        };
        let Some(mut entry) = self.sessions.change(session) else {
            return;
        };
        let calls = std::mem::take(&mut entry.calls);
        entry.bury(*past, failure, now.instant + TOMBSTONE_AGE_MAX);
        drop(entry);
        self.settle(session, calls, outcome, effects);
        self.drop_oldest_tombstone();
    }

    /// Sees to it that there are no more tombstones than may be.
    fn drop_oldest_tombstone(&mut self) {
        if self.sessions.ended() > TOMBSTONES_MAX {
            let tombstones = self.sessions.iter();
            let oldest = tombstones
                .filter_map(|(id, entry)| Some((entry.forgotten_at()?, id)))
                .min();
            if let Some((_, oldest)) = oldest {
                self.sessions.remove(oldest);
            }
        }
    }

    /// Queues a session's next process.
    pub(super) fn start_again(
        &mut self,
        now: Now,
        session: SessionId,
        past: Box<Past>,
        effects: &mut Vec<Effect<P>>,
    ) {
        let turn = self.next_turn();
        let Some(mut entry) = self.sessions.change(session) else {
            return;
        };
        let Some(recipe) = entry.recipe.whole().cloned() else {
            return; // only what was kept whole is ever asked to start again
        };
        let status = past.status;
        entry.touch(now);
        entry.queue_again(turn, &recipe, past);
        drop(entry);
        self.end_watches(session, status, effects);
        self.tell_respawn(session, status, 0, effects);
    }

    fn tell_respawn(
        &self,
        session: SessionId,
        status: ExitStatus,
        in_ms: u128,
        effects: &mut Vec<Effect<P>>,
    ) {
        let in_ms = u64::try_from(in_ms).unwrap_or(u64::MAX);
        let Some(entry) = self.sessions.get(session) else {
            return;
        };
        for client in entry.calls.attached.clients() {
            if let Some(client) = self.clients.get(client).cloned() {
                let notice = Notice::Respawning {
                    session,
                    status,
                    in_ms,
                };
                effects.push(Effect::Notify { client, notice });
            }
        }
    }

    /// Does what is due for a session.
    pub(super) fn look_at(&mut self, now: Now, session: SessionId, effects: &mut Vec<Effect<P>>) {
        self.end_waits(now, session, effects);
        let Some(mut entry) = self.sessions.change(session) else {
            return;
        };
        let run_is_over = entry.calls.run.as_mut().is_some_and(|run| {
            run.timed_out |= run.until.is_some_and(|until| until <= now.instant);
            run.timed_out
        });
        let is_forgotten = entry.forgotten_at().is_some_and(|at| at <= now.instant);
        let is_rested = entry.is_rested(now);
        let is_expired = entry.is_expired(now);
        drop(entry);
        if is_forgotten {
            self.sessions.remove(session);
        } else if run_is_over {
            self.end(session, Fate::Gone(EndReason::Closed), effects);
        } else if is_expired {
            self.end(session, Fate::Gone(EndReason::Expired), effects);
        } else if is_rested {
            self.wake_up(session);
        }
    }

    /// Queues the next process of a session that has rested, without counting that as a use.
    fn wake_up(&mut self, session: SessionId) {
        let turn = self.next_turn();
        if let Some(mut entry) = self.sessions.change(session)
            && let Some(recipe) = entry.recipe.whole().cloned()
            && let Some(past) = entry.take_past()
        {
            entry.queue_again(turn, &recipe, past);
        }
    }

    /// Takes a session out that has no process, and tells everybody who waits for something of it.
    pub(super) fn gone(
        &mut self,
        session: SessionId,
        mut outcome: Outcome,
        effects: &mut Vec<Effect<P>>,
    ) {
        let Some(entry) = self.sessions.remove(session) else {
            return;
        };
        if outcome.reason == EndReason::Expired {
            self.happened(session, Incident::Expired, effects);
        }
        if entry.is_untried() {
            self.give_name_back(session, entry.name.clone());
        }
        let (mut calls, heir) = (entry.calls, entry.heir);
        if let Some(archiver) = calls.archiver.take() {
            let text = outcome.text.take().unwrap_or_default();
            self.write_archive(archiver, &entry.recipe, entry.name, text, effects);
        }
        self.settle(session, calls, outcome, effects);
        if let Some(heir) = heir {
            let turn = self.next_turn();
            if let Some(mut heir) = self.sessions.change(heir)
                && let Life::Queued { turn: waits, .. } = &mut heir.life
            {
                *waits = Some(turn);
            }
        }
    }

    /// A session that never ran may have been waiting for the end of the one whose name it took over; that has its name
    /// back, so that no third one runs under it meanwhile.
    fn give_name_back(&mut self, heir: SessionId, name: Option<SessionName>) {
        for id in self.sessions.ids_where(|entry| entry.heir == Some(heir)) {
            if let Some(mut predecessor) = self.sessions.change(id) {
                predecessor.heir = None;
            }
            self.sessions.rename(id, name.clone());
        }
    }

    /// Answers everybody who waits for something of a session that has ended, for good.
    fn settle(
        &mut self,
        session: SessionId,
        calls: Calls,
        outcome: Outcome,
        effects: &mut Vec<Effect<P>>,
    ) {
        let Outcome {
            status,
            reason,
            output,
            text: _,
        } = outcome;
        effects.push(Effect::Over { session });
        for client in calls.attached.clients() {
            if let (Some(client), Ok(status)) = (self.clients.get(client).cloned(), &status) {
                let status = *status;
                let notice = Notice::Exited {
                    session,
                    status,
                    reason,
                };
                effects.push(Effect::Notify { client, notice });
            }
        }
        for waiter in calls.waiters {
            let result = match &status {
                Ok(status) => waiter.at_exit(*status),
                Err(failure) => Err(failure.clone()),
            };
            self.reply(waiter.ticket, result, effects);
        }
        for creator in calls.creators {
            let failure = status.clone().err().unwrap_or_else(|| {
                Failure::new(ErrorCode::NotFound, "the session ended before it ran")
            });
            self.reply(creator.pending.ticket, Err(failure), effects);
        }
        if let Some(run) = calls.run {
            let Run {
                pending, timed_out, ..
            } = *run;
            let Output { text, cut_bytes } = output.unwrap_or_default();
            let ran = status.clone().map_err(|failure| {
                if timed_out {
                    let message = "its time was over before it ran";
                    Failure::new(ErrorCode::Timeout, message)
                } else {
                    failure
                }
            });
            let ran = ran.map(|status| Success::Ran {
                run: RunResult {
                    session,
                    status,
                    timed_out,
                    output: text,
                    cut_bytes,
                },
            });
            self.reply(pending.ticket, ran, effects);
        }
        for closer in calls.closers {
            self.answer_closer(closer, status.as_ref().ok().copied(), effects);
        }
    }

    pub(super) fn answer_closer(
        &self,
        closer: Closer,
        status: Option<ExitStatus>,
        effects: &mut Vec<Effect<P>>,
    ) {
        match closer {
            Closer::One(pending) => {
                self.reply(pending.ticket, Ok(Success::Closed { status }), effects);
            }
            Closer::Batch(batch) => {
                if let Some(Batch { pending, sessions }) = std::sync::Arc::into_inner(batch) {
                    self.reply(pending.ticket, Ok(Success::ClosedAll { sessions }), effects);
                }
            }
        }
    }
}
