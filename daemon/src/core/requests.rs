//! What each request does to the core; those that begin or end something are in files of their own.

use sessiond_protocol::{
    ErrorCode, Failure, McpRequest, ReadParams, RenameParams, Request, ScreenParams, SessionParams,
    SessionRef, StatusRequest, Success, TranscriptsRequest,
};

use super::entry::{Fate, Life, being_ended, not_found};
use super::sessions::Change;
use super::{
    Core, Effect, Flow, Now, Phase, Plane, StatusCall, Ticket, TranscriptsAsked, shutting_down,
};

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
            Request::Create(params) => self.create(now, ticket, params),
            Request::Run(params) => self.run(now, ticket, params),
            Request::Restart(SessionParams { session }) => {
                self.restart(now, ticket, &session, effects)
            }
            Request::List => Ok(Some(self.list(now))),
            Request::Get(SessionParams { session }) => self.get(now, &session),
            Request::Screen(params) => self.screen(now, &params),
            Request::Read(params) => self.read(now, &params),
            Request::Attach(params) => self.attach(now, ticket, &params, &mut after),
            Request::Detach(SessionParams { session }) => {
                self.detach(now, ticket, &session, effects)
            }
            Request::Hold(of) => self.hold(ticket, &of, Flow::Stopped, effects),
            Request::Release(of) => self.hold(ticket, &of, Flow::Running, &mut after),
            Request::Pause(of) => self.set_flow(now, &of, Flow::Stopped, effects),
            Request::Resume(of) => self.set_flow(now, &of, Flow::Running, effects),
            Request::Resize(params) => self.resize(now, ticket, &params, effects),
            Request::Rename(params) => self.rename(now, params),
            Request::Kill(params) => self.kill(ticket, &params, effects),
            Request::Archive(SessionParams { session }) => {
                self.archive(now, ticket, &session, effects)
            }
            Request::Archives => Ok(Some(self.list_archives())),
            Request::Restore(params) => self.restore(ticket, params, effects),
            Request::Forget(params) => self.forget(params, effects),
            Request::Schedule(params) => self.schedule(now, params),
            Request::Schedules => Ok(Some(self.list_schedules(now))),
            Request::Unschedule(params) => self.unschedule(params),
            Request::McpStart(params) => self.pass_on(ticket, McpRequest::Start(params), effects),
            Request::McpStop(params) => self.pass_on(ticket, McpRequest::Stop(params), effects),
            Request::McpRestart(params) => {
                self.pass_on(ticket, McpRequest::Restart(params), effects)
            }
            Request::Http => Ok(self.pass_to_http(ticket, effects)),
            Request::McpList => self.pass_on(ticket, McpRequest::List, effects),
            Request::Transcripts(request) => self.pass_to_transcripts(ticket, request, effects),
            Request::Status(request) => self.pass_to_statuses(ticket, request, effects),
            Request::Close(SessionParams { session }) => self.close(ticket, &session, effects),
            Request::CloseAll => self.close_all(ticket, effects),
            Request::Wait(params) => self.wait(now, ticket, &params),
            Request::WaitText(params) => self.wait_text(now, ticket, params, effects),
            Request::WaitIdle(params) => self.wait_idle(now, ticket, &params),
            Request::Cancel(params) => self.cancel(now, ticket, &params, effects),
            Request::Stats => Ok(Some(Success::Stats { stats: self.stats })),
            Request::Shutdown => Ok(Some(Success::ShuttingDown {
                sessions: self.shut_down(effects),
            })),
        };
        if let Some(result) = answer.transpose() {
            self.reply(ticket, result, effects);
        }
        effects.append(&mut after);
    }

    /// The session that a reference means. No two sessions have one name.
    pub(super) fn find(&mut self, session: &SessionRef) -> Result<Change<'_, P::Session>, Failure> {
        let id = self.sessions.id(session);
        id.and_then(|id| self.sessions.change(id))
            .ok_or_else(|| not_found(session))
    }

    /// The same, for a request that is a use: the session's time to live begins anew.
    pub(super) fn use_of(
        &mut self,
        now: Now,
        session: &SessionRef,
    ) -> Result<Change<'_, P::Session>, Failure> {
        let mut entry = self.find(session)?;
        entry.touch(now);
        Ok(entry)
    }

    /// Shared MCP servers are no business of the core's: it says only whether the daemon is ending.
    fn pass_on(&self, ticket: Ticket, request: McpRequest, effects: &mut Vec<Effect<P>>) -> Answer {
        if self.phase != Phase::Open && request != McpRequest::List {
            return Err(shutting_down());
        }
        if let Some(client) = self.clients.get(ticket.client).cloned() {
            let id = ticket.id;
            effects.push(Effect::Mcp {
                client,
                id,
                request,
            });
        }
        Ok(None)
    }

    /// Nor are transcripts, but for the session that they belong to: that is still there, and its agent may still write.
    fn pass_to_transcripts(
        &mut self,
        ticket: Ticket,
        request: TranscriptsRequest,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let session = match request.session() {
            None => None,
            Some(session) => {
                let entry = self.find(session)?;
                if matches!(request, TranscriptsRequest::Watch { .. }) {
                    entry.not_over()?;
                }
                Some(entry.id())
            }
        };
        if matches!(request, TranscriptsRequest::Watch { .. }) {
            self.check_open()?;
        }
        if let Some(client) = self.clients.get(ticket.client).cloned() {
            let asked = TranscriptsAsked {
                id: ticket.id,
                request,
                session,
            };
            effects.push(Effect::Transcripts { client, asked });
        }
        Ok(None)
    }

    /// Nor is HTTP.
    fn pass_to_http(&self, ticket: Ticket, effects: &mut Vec<Effect<P>>) -> Option<Success> {
        let client = self.clients.get(ticket.client).cloned()?;
        let id = ticket.id;
        effects.push(Effect::Http { client, id });
        None
    }

    /// Nor are statuses.
    fn pass_to_statuses(
        &self,
        ticket: Ticket,
        request: StatusRequest,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        if matches!(request, StatusRequest::Open(_)) {
            self.check_open()?;
        }
        if let Some(handle) = self.clients.get(ticket.client).cloned() {
            effects.push(Effect::Status(StatusCall {
                handle,
                ticket,
                request,
            }));
        }
        Ok(None)
    }

    fn list(&self, now: Now) -> Success {
        let sessions = self.sessions.iter();
        Success::Sessions {
            sessions: sessions.map(|(id, entry)| entry.info(id, now)).collect(),
        }
    }

    fn get(&mut self, now: Now, session: &SessionRef) -> Answer {
        let entry = self.find(session)?;
        let session = entry.described(entry.id(), now);
        Ok(Some(Success::Session { session }))
    }

    fn screen(&mut self, now: Now, params: &ScreenParams) -> Answer {
        let entry = self.use_of(now, &params.session)?;
        let screen = entry.screen(params.scrollback as usize)?;
        Ok(Some(Success::Screen { screen }))
    }

    fn read(&mut self, now: Now, params: &ReadParams) -> Answer {
        let entry = self.use_of(now, &params.session)?;
        let read = entry.read(&params.what)?;
        Ok(Some(Success::Read { read }))
    }

    fn rename(&mut self, now: Now, params: RenameParams) -> Answer {
        let entry = self.use_of(now, &params.session)?;
        // Its name may have gone to its heir already, and it can have one heir only.
        if matches!(entry.fate, Fate::Gone(_)) {
            return Err(being_ended());
        }
        let id = entry.id();
        drop(entry);
        if let Some(name) = &params.name
            && let Some(other) = self.sessions.named(name)
            && other != id
        {
            let other_entry = self.sessions.get(other);
            if !other_entry.is_some_and(|entry| matches!(entry.life, Life::Ended(_))) {
                return Err(Failure::new(
                    ErrorCode::NameTaken,
                    format!("session {other} has the name {name} already"),
                ));
            }
            self.sessions.remove(other);
        }
        self.sessions.rename(id, params.name);
        let session = self.find(&id.into())?.info(id, now);
        Ok(Some(Success::Renamed { session }))
    }
}
