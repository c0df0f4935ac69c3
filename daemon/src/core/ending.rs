//! Requests that end sessions, or send them a signal.

use std::sync::Arc;

use sessiond_protocol::{EndReason, ErrorCode, Failure, KillParams, SessionId, SessionRef};

use super::creation::too_many_waiters;
use super::entry::{Entry, Fate, Life};
use super::life::Outcome;
use super::requests::Answer;
use super::waiting::{Batch, Closer, Pending, WAITERS_PER_SESSION_MAX};
use super::{Core, Effect, Plane, Ticket, shutting_down};

impl<P: Plane> Core<P> {
    /// Begins a session's end, or changes what follows it; one that is to be gone stays so. Without a process it is gone
    /// at once.
    pub(super) fn end(&mut self, session: SessionId, fate: Fate, effects: &mut Vec<Effect<P>>) {
        let Some(mut entry) = self.sessions.change(session) else {
            return;
        };
        if !matches!(entry.fate, Fate::Gone(_)) {
            entry.fate = fate;
        }
        let reason = match entry.fate {
            Fate::Gone(reason) => reason,
            Fate::Natural | Fate::Restart => EndReason::Closed,
        };
        match &entry.life {
            Life::Running { handle, .. } => {
                let session = handle.clone();
                effects.push(Effect::End { session });
            }
            Life::Starting { .. } => {} // ended when it has started
            Life::Queued { .. } | Life::Resting { .. } | Life::Ended(_) => {
                let past = entry.take_past();
                let text = past.as_ref().map(|past| past.text());
                let status = past.map(|past| past.status);
                drop(entry);
                let failure = || match reason {
                    EndReason::Shutdown => shutting_down(),
                    _ => Failure::new(ErrorCode::NotFound, "the session was closed before it ran"),
                };
                let outcome = Outcome {
                    status: status.ok_or_else(failure),
                    reason,
                    output: None,
                    text,
                };
                self.gone(session, outcome, effects);
            }
        }
    }

    pub(super) fn close(
        &mut self,
        ticket: Ticket,
        session: &SessionRef,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let mut entry = self.find(session)?;
        if entry.calls.closers.len() >= WAITERS_PER_SESSION_MAX {
            return Err(too_many_waiters());
        }
        let closer = Closer::One(Pending::new(ticket));
        entry.calls.closers.push(closer);
        let id = entry.id();
        drop(entry);
        self.end(id, Fate::Gone(EndReason::Closed), effects);
        Ok(None)
    }

    pub(super) fn close_all(&mut self, ticket: Ticket, effects: &mut Vec<Effect<P>>) -> Answer {
        let full = |entry: &Entry<P::Session>| entry.calls.closers.len() >= WAITERS_PER_SESSION_MAX;
        if !self.sessions.ids_where(full).is_empty() {
            return Err(too_many_waiters());
        }
        let ids = self.sessions.ids_where(|_| true);
        let batch = Arc::new(Batch {
            pending: Pending::new(ticket),
            sessions: ids.len(),
        });
        for id in &ids {
            if let Some(mut entry) = self.sessions.change(*id) {
                let closer = Closer::Batch(Arc::clone(&batch));
                entry.calls.closers.push(closer);
            }
        }
        for id in ids {
            self.end(id, Fate::Gone(EndReason::Closed), effects);
        }
        // Where nothing is left already, this is the last reference.
        self.answer_closer(Closer::Batch(batch), None, effects);
        Ok(None)
    }

    pub(super) fn kill(
        &mut self,
        ticket: Ticket,
        params: &KillParams,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let Some(client) = self.clients.get(ticket.client).cloned() else {
            return Ok(None); // gone: there is nobody to answer
        };
        let entry = self.find(&params.session)?;
        entry.running()?;
        let session = entry.id();
        effects.push(Effect::Signal {
            session,
            signal: params.signal,
            client,
            id: ticket.id,
        });
        Ok(None)
    }
}
