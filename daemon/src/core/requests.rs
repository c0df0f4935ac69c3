//! What each request does to the core.

use sessiond_protocol::{
    CreateParams, ErrorCode, Failure, Request, ScreenParams, SessionId, SessionParams, SessionRef,
    Size, Success,
};

use super::entry::{Entry, Life, not_found};
use super::{Core, Effect, Flow, Now, Phase, Plane, SESSIONS_MAX, StartOrder, Ticket};

/// An answer for now, or none because it comes later.
pub(super) type Answer = Result<Option<Success>, Failure>;

impl<P: Plane> Core<P> {
    pub(super) fn asked(
        &mut self,
        now: Now,
        ticket: Ticket,
        request: Request,
        effects: &mut Vec<Effect<P>>,
    ) {
        let mut after = Vec::new();
        let answer = match request {
            Request::Ping => Ok(Some(Success::Pong {})),
            Request::Create(params) => self.create(now, ticket, params, effects),
            Request::List => Ok(Some(Success::Sessions {
                sessions: self
                    .sessions
                    .iter()
                    .map(|(id, entry)| entry.info(*id))
                    .collect(),
            })),
            Request::Get(SessionParams { session }) => self.find(&session).map(|(id, entry)| {
                Some(Success::Session {
                    session: entry.info(id),
                })
            }),
            Request::Screen(ScreenParams {
                session,
                scrollback,
            }) => self
                .find(&session)
                .and_then(|(_, entry)| entry.screen(scrollback as usize))
                .map(|screen| Some(Success::Screen { screen })),
            Request::Attach(params) => self.attach(ticket, &params, &mut after),
            Request::Detach(SessionParams { session }) => self.detach(ticket, &session, effects),
            Request::Hold(of) => self.hold(ticket, &of, Flow::Stopped, effects),
            Request::Release(of) => self.hold(ticket, &of, Flow::Running, &mut after),
            Request::Pause(of) => self.set_flow(&of, Flow::Stopped, effects),
            Request::Resume(of) => self.set_flow(&of, Flow::Running, effects),
            Request::Resize(params) => self.resize(ticket, &params, effects),
            Request::Close(SessionParams { session }) => self.close(ticket, &session, effects),
            Request::Wait(params) => self.wait(now, ticket, &params),
            Request::WaitText(params) => self.wait_text(now, ticket, params, effects),
            Request::WaitIdle(params) => self.wait_idle(now, ticket, &params),
            Request::Cancel(params) => self.cancel(ticket, &params, effects),
            Request::Shutdown => Ok(Some(Success::ShuttingDown {
                sessions: self.shut_down(effects),
            })),
        };
        if let Some(result) = answer.transpose() {
            self.reply_all([ticket], &result, effects);
        }
        effects.append(&mut after);
    }

    /// The session that a reference means. No two sessions have one name.
    pub(super) fn find(
        &mut self,
        session: &SessionRef,
    ) -> Result<(SessionId, &mut Entry<P::Session>), Failure> {
        let id = match session {
            SessionRef::Id(id) => Some(*id),
            SessionRef::Name(name) => {
                let named = self
                    .sessions
                    .iter()
                    .find(|(_, entry)| entry.name.as_ref() == Some(name));
                named.map(|(id, _)| *id)
            }
        };
        let found = id.and_then(|id| Some((id, &mut **self.sessions.get_mut(&id)?)));
        found.ok_or_else(|| not_found(session))
    }

    fn create(
        &mut self,
        now: Now,
        ticket: Ticket,
        params: CreateParams,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        if self.phase != Phase::Open {
            return Err(Failure::new(
                ErrorCode::ShuttingDown,
                "the daemon is ending",
            ));
        }
        if params.command.is_empty() {
            return Err(Failure::new(ErrorCode::BadRequest, "an empty command"));
        }
        let live = self
            .sessions
            .values()
            .filter(|entry| entry.exit_status().is_none())
            .count();
        if live >= SESSIONS_MAX {
            return Err(Failure::new(
                ErrorCode::Limit,
                format!("{SESSIONS_MAX} sessions run already"),
            ));
        }
        if let Some(name) = &params.name {
            self.free_name(&SessionRef::Name(name.clone()))?;
        }
        self.last_session += 1;
        let session = SessionId(self.last_session);
        let size = params.size.unwrap_or(Size::DEFAULT);
        let entry = Entry::new(
            params.name.clone(),
            params.command.clone(),
            size,
            now.unix_ms,
            ticket,
        );
        self.sessions.insert(session, Box::new(entry));
        effects.push(Effect::Start {
            session,
            order: Box::new(StartOrder { params, size }),
        });
        Ok(None)
    }

    /// Makes sure that nobody has this name; an exited session gives it up together with itself.
    fn free_name(&mut self, name: &SessionRef) -> Result<(), Failure> {
        match self.find(name) {
            Ok((id, entry)) if entry.exit_status().is_some() => {
                self.remove(id);
                Ok(())
            }
            Ok((id, _)) => Err(Failure::new(
                ErrorCode::NameTaken,
                format!("session {id} has the name {name} already"),
            )),
            Err(_) => Ok(()),
        }
    }

    fn close(
        &mut self,
        ticket: Ticket,
        session: &SessionRef,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let (id, entry) = self.find(session)?;
        if let Life::Exited(_) = entry.life {
            let status = entry.exit_status();
            self.remove(id);
            return Ok(Some(Success::Closed { status }));
        }
        entry.add_closer(ticket);
        effects.extend(entry.end());
        Ok(None)
    }
}
