//! Requests that start something: a session, a run, a session's next process.

use std::sync::Arc;

use sessiond_protocol::{
    CreateParams, ErrorCode, Failure, IfExists, RunParams, SessionId, SessionRef, Size, Success,
};

use super::entry::{Entry, Fate, Life, still_starting};
use super::requests::Answer;
use super::waiting::{Pending, Run, WAITERS_PER_SESSION_MAX, Wish};
use super::waits::deadline;
use super::{Core, Effect, Keep, Now, Phase, Plane, Recipe, StartOrder, Ticket, shutting_down};

/// What a new session finds under its name.
enum Met {
    /// Nobody, any more.
    Free,
    /// A session that is being ended, whose place it takes.
    Ending(SessionId),
    /// A session that the request wants.
    Found(Answer),
}

impl<P: Plane> Core<P> {
    pub(super) fn create(&mut self, now: Now, ticket: Ticket, params: CreateParams) -> Answer {
        self.check(&params)?;
        if params.if_exists == IfExists::Get && params.name.is_none() {
            return Err(bad("if_exists is get, but there is no name to get"));
        }
        let predecessor = match self.meet(now, ticket, &params)? {
            Met::Found(answer) => return answer,
            Met::Free => None,
            Met::Ending(session) => Some(session),
        };
        let id = self.admit(now, Recipe::new(params), predecessor, Keep::Nothing)?;
        if let Some(mut entry) = self.sessions.change(id) {
            entry.add_creator(ticket, Wish::New);
        }
        Ok(None)
    }

    pub(super) fn run(&mut self, now: Now, ticket: Ticket, params: RunParams) -> Answer {
        let RunParams {
            session: params,
            timeout_ms,
        } = params;
        self.check(&params)?;
        if params.respawn.is_some() || params.if_exists != IfExists::Refuse {
            return Err(bad("a run has neither respawn nor if_exists"));
        }
        self.free_name(now, ticket, &params)?;
        let id = self.admit(now, Recipe::new(params), None, Keep::End)?;
        if let Some(mut entry) = self.sessions.change(id) {
            entry.calls.run = Some(Box::new(Run {
                pending: Pending::new(ticket),
                until: deadline(now, timeout_ms),
                timed_out: false,
            }));
        }
        Ok(None)
    }

    /// Refuses what no session can be started from.
    pub(super) fn check(&self, params: &CreateParams) -> Result<(), Failure> {
        if self.phase != Phase::Open {
            return Err(shutting_down());
        }
        if params.command.is_empty() {
            return Err(bad("an empty command"));
        }
        if let Some(respawn) = &params.respawn {
            respawn.check().map_err(|error| bad(error.to_string()))?;
        }
        Ok(())
    }

    /// Looks who has the name already. An ended session gives it up together with itself.
    fn meet(&mut self, now: Now, ticket: Ticket, params: &CreateParams) -> Result<Met, Failure> {
        let Some(name) = &params.name else {
            return Ok(Met::Free);
        };
        let Some(id) = self.sessions.named(name) else {
            return Ok(Met::Free);
        };
        let Some(mut entry) = self.sessions.change(id) else {
            return Ok(Met::Free);
        };
        if matches!(entry.life, Life::Ended(_)) {
            drop(entry);
            self.sessions.remove(id);
            return Ok(Met::Free);
        }
        if params.if_exists == IfExists::Refuse {
            return Err(Failure::new(
                ErrorCode::NameTaken,
                format!("session {id} has the name {name} already"),
            ));
        }
        if matches!(entry.fate, Fate::Gone(_)) {
            return Ok(Met::Ending(id));
        }
        if matches!(entry.life, Life::Running { .. }) && entry.fate == Fate::Natural {
            entry.touch(now);
            let session = entry.info(id, now);
            let created = false;
            return Ok(Met::Found(Ok(Some(Success::Created { session, created }))));
        }
        if entry.calls.creators.len() >= WAITERS_PER_SESSION_MAX {
            return Err(too_many_waiters());
        }
        entry.add_creator(ticket, Wish::Any);
        Ok(Met::Found(Ok(None)))
    }

    /// Makes sure that nobody has the name that this session wants.
    pub(super) fn free_name(
        &mut self,
        now: Now,
        ticket: Ticket,
        params: &CreateParams,
    ) -> Result<(), Failure> {
        self.meet(now, ticket, params).map(|_| ())
    }

    /// Adds a session that is to be started in its turn: after its predecessor's end, where it has one.
    pub(super) fn admit(
        &mut self,
        now: Now,
        recipe: Arc<Recipe>,
        predecessor: Option<SessionId>,
        output: Keep,
    ) -> Result<SessionId, Failure> {
        let leaving = usize::from(predecessor.is_some());
        self.refuse_beyond_limit(leaving)?;
        let turn = if predecessor.is_none() {
            Some(self.next_turn())
        } else {
            None
        };
        let size = recipe.size.unwrap_or(Size::DEFAULT);
        let order = StartOrder {
            output,
            ..StartOrder::new(recipe, size)
        };
        if order.recipe.respawn.is_some() && !order.recipe.fits() {
            return Err(too_large_to_keep());
        }
        if let Some(predecessor) = predecessor {
            self.sessions.rename(predecessor, None);
        }
        let entry = Entry::new(now, self.settings.ttl, order, turn);
        let id = self.sessions.insert(Box::new(entry));
        if let Some(mut predecessor) = predecessor.and_then(|id| self.sessions.change(id)) {
            predecessor.heir = Some(id);
        }
        Ok(id)
    }

    /// Refuses a session more, not counting `leaving` of those that there are.
    fn refuse_beyond_limit(&self, leaving: usize) -> Result<(), Failure> {
        let max = self.settings.sessions_max;
        if self.sessions.live() - leaving >= max {
            return Err(Failure::new(
                ErrorCode::Limit,
                format!("{max} sessions run already"),
            ));
        }
        Ok(())
    }

    pub(super) fn restart(
        &mut self,
        now: Now,
        ticket: Ticket,
        session: &SessionRef,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        if self.phase != Phase::Open {
            return Err(shutting_down());
        }
        let ended = self
            .find(session)
            .map(|entry| matches!(entry.life, Life::Ended(_)))?;
        if ended {
            self.refuse_beyond_limit(0)?;
        }
        let mut entry = self.find(session)?;
        let id = entry.id();
        if matches!(entry.fate, Fate::Gone(_)) {
            return Err(Failure::new(
                ErrorCode::Exited,
                "the session is being ended",
            ));
        }
        if entry.calls.run.is_some() {
            return Err(bad("a run is done once"));
        }
        if matches!(entry.life, Life::Queued { .. } | Life::Starting { .. }) {
            return Err(still_starting());
        }
        if entry.recipe.whole().is_none() {
            return Err(too_large_to_keep());
        }
        if entry.calls.creators.len() >= WAITERS_PER_SESSION_MAX {
            return Err(too_many_waiters());
        }
        if let Some(respawn) = &mut entry.respawn {
            respawn.reset(now.instant);
        }
        entry.add_creator(ticket, Wish::Restart);
        let past = entry.take_past();
        drop(entry);
        match past {
            Some(past) => self.start_again(now, id, past, effects),
            None => self.end(id, Fate::Restart, effects),
        }
        Ok(None)
    }
}

pub(super) fn bad(message: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::BadRequest, message)
}

pub(super) fn too_many_waiters() -> Failure {
    Failure::new(
        ErrorCode::Limit,
        format!("{WAITERS_PER_SESSION_MAX} requests wait for this session already"),
    )
}

pub(super) fn too_large_to_keep() -> Failure {
    let max = super::recipe::RECIPE_BYTES_MAX;
    Failure::new(
        ErrorCode::TooLarge,
        format!(
            "its command and environment take more than the {max} bytes that are kept for another start"
        ),
    )
}
