//! What attached clients ask: attach, detach, hold, resize; and pausing a session for everybody.

use sessiond_protocol::{
    AttachParams, ErrorCode, Failure, ResizeParams, SessionParams, SessionRef, Success,
};

use super::requests::Answer;
use super::{
    Access, AttachOrder, CLIENTS_PER_SESSION_MAX, Core, Effect, Flow, LiveSession, Now, Plane,
    Ticket,
};

impl<P: Plane> Core<P> {
    pub(super) fn attach(
        &mut self,
        now: Now,
        ticket: Ticket,
        params: &AttachParams,
        after: &mut Vec<Effect<P>>,
    ) -> Answer {
        let Some(handle) = self.clients.get(ticket.client).cloned() else {
            return Ok(None); // gone: there is nobody to answer
        };
        let mut entry = self.use_of(now, &params.session)?;
        let session = entry.running()?.clone();
        if !entry.is_attached(ticket.client)
            && entry.calls.attached.len() >= CLIENTS_PER_SESSION_MAX
        {
            let message = format!("{CLIENTS_PER_SESSION_MAX} clients are attached already");
            return Err(Failure::new(ErrorCode::Limit, message));
        }
        let access = match params.read_only {
            true => Access::ReadOnly,
            false => Access::Full,
        };
        entry.calls.attached.insert(ticket.client, access);
        let mut info = entry.info(entry.id(), now);
        let size = params.size.filter(|_| access == Access::Full);
        info.size = size.unwrap_or(info.size);
        let from = params.from.filter(|from| session.replays_from(*from));
        // What the client begins with follows the answer, which tells it where that belongs.
        after.push(Effect::Attach {
            session,
            client: ticket.client,
            handle,
            order: AttachOrder { access, size, from },
        });
        Ok(Some(Success::Attached {
            session: info,
            from,
        }))
    }

    pub(super) fn detach(
        &mut self,
        now: Now,
        ticket: Ticket,
        session: &SessionRef,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let mut entry = self.use_of(now, session)?;
        if entry.calls.attached.remove(&ticket.client).is_none() {
            return Err(not_attached(session));
        }
        // Between two processes of a session there is nothing that would have to be told.
        if let Ok(session) = entry.running().cloned() {
            let client = ticket.client;
            effects.push(Effect::Detach { session, client });
        }
        Ok(Some(Success::Detached {}))
    }

    /// Stops output to the client that asks, or lets it go on.
    pub(super) fn hold(
        &mut self,
        ticket: Ticket,
        SessionParams { session }: &SessionParams,
        flow: Flow,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let entry = self.find(session)?;
        let handle = entry.running()?.clone();
        if !entry.is_attached(ticket.client) {
            return Err(not_attached(session));
        }
        effects.push(Effect::Hold {
            session: handle,
            client: ticket.client,
            flow,
        });
        Ok(Some(match flow {
            Flow::Stopped => Success::Held {},
            Flow::Running => Success::Released {},
        }))
    }

    /// Stops reading a session's terminal, or goes on.
    pub(super) fn set_flow(
        &mut self,
        now: Now,
        SessionParams { session }: &SessionParams,
        flow: Flow,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let session = self.use_of(now, session)?.running()?.clone();
        effects.push(Effect::SetFlow { session, flow });
        Ok(Some(match flow {
            Flow::Stopped => Success::Paused {},
            Flow::Running => Success::Resumed {},
        }))
    }

    pub(super) fn resize(
        &mut self,
        now: Now,
        ticket: Ticket,
        ResizeParams { session, size }: &ResizeParams,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let entry = self.use_of(now, session)?;
        let session = entry.running()?.clone();
        entry.writable_by(ticket.client)?;
        effects.push(Effect::Resize {
            session,
            client: ticket.client,
            size: *size,
        });
        Ok(Some(Success::Resized {}))
    }
}

fn not_attached(session: &SessionRef) -> Failure {
    Failure::new(
        ErrorCode::NotAttached,
        format!("not attached to session {session}"),
    )
}
