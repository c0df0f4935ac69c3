//! What attached clients ask: attach, detach, hold, resize; and pausing a session for everybody.

use sessiond_protocol::{
    AttachParams, ErrorCode, Failure, ResizeParams, SessionParams, SessionRef, Success,
};

use super::requests::Answer;
use super::{
    Access, AttachOrder, CLIENTS_PER_SESSION_MAX, Core, Effect, Flow, LiveSession, Plane, Ticket,
};

impl<P: Plane> Core<P> {
    pub(super) fn attach(
        &mut self,
        ticket: Ticket,
        params: &AttachParams,
        after: &mut Vec<Effect<P>>,
    ) -> Answer {
        let Some(handle) = self.clients.get(ticket.client).cloned() else {
            return Ok(None); // gone: there is nobody to answer
        };
        let (id, entry) = self.find(&params.session)?;
        let session = entry.running()?.clone();
        if !entry.is_attached(ticket.client) && entry.clients() >= CLIENTS_PER_SESSION_MAX {
            let message = format!("{CLIENTS_PER_SESSION_MAX} clients are attached already");
            return Err(Failure::new(ErrorCode::Limit, message));
        }
        let access = match params.read_only {
            true => Access::ReadOnly,
            false => Access::Full,
        };
        entry.attach(ticket.client, access);
        let mut info = entry.info(id);
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
        ticket: Ticket,
        session: &SessionRef,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let (_, entry) = self.find(session)?;
        if !entry.detach(ticket.client) {
            return Err(not_attached(session));
        }
        let session = entry.running()?.clone();
        effects.push(Effect::Detach {
            session,
            client: ticket.client,
        });
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
        let (_, entry) = self.find(session)?;
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
        SessionParams { session }: &SessionParams,
        flow: Flow,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let session = self.find(session)?.1.running()?.clone();
        effects.push(Effect::SetFlow { session, flow });
        Ok(Some(match flow {
            Flow::Stopped => Success::Paused {},
            Flow::Running => Success::Resumed {},
        }))
    }

    pub(super) fn resize(
        &mut self,
        ticket: Ticket,
        ResizeParams { session, size }: &ResizeParams,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let (_, entry) = self.find(session)?;
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
