//! Requests that start something: a session, a run, a session's next process.

use std::sync::Arc;

use sessiond_protocol::{
    CreateParams, ErrorCode, Failure, IfExists, RunParams, SessionId, SessionRef, Size, Success,
};

use super::entry::{Entry, Fate, Life, being_ended, still_starting};
use super::requests::Answer;
use super::waiting::{Pending, Run, WAITERS_PER_SESSION_MAX, Wish};
use super::waits::deadline;
use super::{Core, Effect, Keep, Now, Plane, RUNS_PER_CLIENT_MAX, Recipe, StartOrder, Ticket};

/// What a new session finds under its name.
enum Met {
    /// Nobody in its way.
    Place(Place),
    /// A session that the request wants.
    Found(Answer),
}

/// Who has had a new session's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nobody.
    Free,
    /// A session that has ended, and goes when the new one comes.
    Over(SessionId),
    /// A session that is being ended, and is waited for.
    Ending(SessionId),
}

impl<P: Plane> Core<P> {
    pub(super) fn create(&mut self, now: Now, ticket: Ticket, params: CreateParams) -> Answer {
        self.check(&params)?;
        if params.if_exists == IfExists::Get && params.name.is_none() {
            return Err(bad("if_exists is get, but there is no name to get"));
        }
        let place = match self.meet(now, ticket, &params)? {
            Met::Found(answer) => return answer,
            Met::Place(place) => place,
        };
        let id = self.admit(now, Recipe::new(params), place, Keep::Nothing)?;
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
        self.refuse_too_many_runs(ticket)?;
        let place = self.free_name(&params)?;
        let id = self.admit(now, Recipe::new(params), place, Keep::End)?;
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
        self.check_open()?;
        if params.command.is_empty() {
            return Err(bad("an empty command"));
        }
        if let Some(respawn) = &params.respawn {
            respawn.check().map_err(|error| bad(error.to_string()))?;
        }
        Ok(())
    }

    /// Looks who has the name already.
    fn meet(&mut self, now: Now, ticket: Ticket, params: &CreateParams) -> Result<Met, Failure> {
        if params.if_exists == IfExists::Refuse {
            return self.free_name(params).map(Met::Place);
        }
        let named = params.name.as_ref();
        let Some(mut entry) = named
            .and_then(|name| self.sessions.named(name))
            .and_then(|id| self.sessions.change(id))
        else {
            return Ok(Met::Place(Place::Free));
        };
        let id = entry.id();
        if matches!(entry.life, Life::Ended(_)) {
            return Ok(Met::Place(Place::Over(id)));
        }
        if matches!(entry.fate, Fate::Gone(_)) {
            return Ok(Met::Place(Place::Ending(id)));
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

    /// Makes sure that no session has this one's name that has not ended.
    pub(super) fn free_name(&self, params: &CreateParams) -> Result<Place, Failure> {
        let Some(name) = &params.name else {
            return Ok(Place::Free);
        };
        let Some(id) = self.sessions.named(name) else {
            return Ok(Place::Free);
        };
        let entry = self.sessions.get(id);
        if entry.is_some_and(|entry| !matches!(entry.life, Life::Ended(_))) {
            return Err(Failure::new(
                ErrorCode::NameTaken,
                format!("session {id} has the name {name} already"),
            ));
        }
        Ok(Place::Over(id))
    }

    /// Adds a session that is to be started in its turn: after the end of the one whose place it takes. What is refused
    /// changes nothing.
    pub(super) fn admit(
        &mut self,
        now: Now,
        recipe: Arc<Recipe>,
        place: Place,
        output: Keep,
    ) -> Result<SessionId, Failure> {
        let predecessor = match place {
            Place::Ending(session) => Some(session),
            Place::Free | Place::Over(_) => None,
        };
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
        if let Place::Over(session) = place {
            self.sessions.remove(session);
        } else if let Some(predecessor) = predecessor {
            self.sessions.rename(predecessor, None);
        }
        let entry = Entry::new(now, self.settings.ttl, order, turn);
        let id = self.sessions.insert(Box::new(entry));
        if let Some(mut predecessor) = predecessor.and_then(|id| self.sessions.change(id)) {
            predecessor.heir = Some(id);
        }
        Ok(id)
    }

    /// Refuses a run more than a client may have under way.
    fn refuse_too_many_runs(&self, ticket: Ticket) -> Result<(), Failure> {
        let runs = self.sessions.iter().filter(|(_, entry)| {
            let run = entry.calls.run.as_ref();
            run.is_some_and(|run| run.pending.ticket.client == ticket.client)
        });
        if runs.count() >= RUNS_PER_CLIENT_MAX {
            return Err(Failure::new(
                ErrorCode::Limit,
                format!("{RUNS_PER_CLIENT_MAX} runs of this client are under way already"),
            ));
        }
        Ok(())
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
        self.check_open()?;
        let ended = self
            .find(session)
            .map(|entry| matches!(entry.life, Life::Ended(_)))?;
        if ended {
            self.refuse_beyond_limit(0)?;
        }
        let mut entry = self.find(session)?;
        let id = entry.id();
        if matches!(entry.fate, Fate::Gone(_)) {
            return Err(being_ended());
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
