//! What each request does to the core.

use std::time::Duration;

use sessiond_protocol::{
    AttachParams, CreateParams, ErrorCode, Failure, Request, ResizeParams, ScreenParams, SessionId,
    SessionParams, SessionRef, Size, Success, WaitParams,
};

use super::entry::{Entry, Life, Ticket, not_found};
use super::{Core, Effect, Now, Phase, Plane, SESSIONS_MAX, StartOrder};

/// The longest wait that is counted at all; beyond it a wait has no deadline. A century keeps the clock from overflowing.
const WAIT_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// An answer for now, or none because it comes later.
type Answer = Result<Option<Success>, Failure>;

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
            Request::Attach(params) => self.attach(ticket, &params, effects, &mut after),
            Request::Detach(SessionParams { session }) => self.detach(ticket, &session, effects),
            Request::Resize(ResizeParams { session, size }) => self.resize(&session, size, effects),
            Request::Close(SessionParams { session }) => self.close(ticket, &session, effects),
            Request::Wait(params) => self.wait(now, ticket, &params),
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
    fn find(
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

    fn attach(
        &mut self,
        ticket: Ticket,
        params: &AttachParams,
        effects: &mut Vec<Effect<P>>,
        after: &mut Vec<Effect<P>>,
    ) -> Answer {
        let Some(handle) = self.clients.get(&ticket.client).cloned() else {
            return Ok(None); // gone: there is nobody to answer
        };
        let (id, entry) = self.find(&params.session)?;
        let session = entry.running()?.clone();
        entry.attach(ticket.client);
        let mut info = entry.info(id);
        if let Some(size) = params.size {
            info.size = size;
            effects.push(Effect::Resize {
                session: session.clone(),
                size,
            });
        }
        // The snapshot follows the answer, which tells the client where it belongs.
        after.push(Effect::Attach {
            session,
            client: ticket.client,
            handle,
        });
        Ok(Some(Success::Attached { session: info }))
    }

    fn detach(
        &mut self,
        ticket: Ticket,
        session: &SessionRef,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let (_, entry) = self.find(session)?;
        if !entry.detach(ticket.client) {
            return Err(Failure::new(
                ErrorCode::NotAttached,
                format!("not attached to session {session}"),
            ));
        }
        let session = entry.running()?.clone();
        effects.push(Effect::Detach {
            session,
            client: ticket.client,
        });
        Ok(Some(Success::Detached {}))
    }

    fn resize(&mut self, session: &SessionRef, size: Size, effects: &mut Vec<Effect<P>>) -> Answer {
        let session = self.find(session)?.1.running()?.clone();
        effects.push(Effect::Resize { session, size });
        Ok(Some(Success::Resized {}))
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

    fn wait(&mut self, now: Now, ticket: Ticket, params: &WaitParams) -> Answer {
        let (_, entry) = self.find(&params.session)?;
        if let Some(status) = entry.exit_status() {
            return Ok(Some(Success::Exited { status }));
        }
        let timeout = params
            .timeout_ms
            .map(Duration::from_millis)
            .filter(|timeout| *timeout < WAIT_MAX);
        entry.add_waiter(ticket, timeout.map(|timeout| now.instant + timeout));
        Ok(None)
    }
}
