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
        let size = params.size.filter(|_| access == Access::Full);
        entry.calls.attached.attach(ticket.client, access, size);
        let mut info = entry.info(entry.id(), now);
        info.size = size.unwrap_or(info.size);
        let from = params.from.filter(|from| session.replays_from(*from));
        // What the client begins with follows the answer, which tells it where that belongs.
        after.push(Effect::Attach {
            session,
            client: ticket.client,
            handle,
            order: AttachOrder {
                access,
                size,
                flow: Flow::Running,
                from,
            },
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
        if !entry.calls.attached.detach(ticket.client) {
            return Err(not_attached(session));
        }
        effects.extend(entry.detached(ticket.client));
        Ok(Some(Success::Detached {}))
    }

    /// Stops output to the client that asks, or lets it go on; between two processes, that of the next one.
    pub(super) fn hold(
        &mut self,
        ticket: Ticket,
        SessionParams { session }: &SessionParams,
        flow: Flow,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let mut entry = self.find(session)?;
        let is_attached = entry.calls.attached.hold(ticket.client, flow);
        match entry.running() {
            Ok(handle) if is_attached => effects.push(Effect::Hold {
                session: handle.clone(),
                client: ticket.client,
                flow,
            }),
            Err(_) if is_attached => {}
            Ok(_) => return Err(not_attached(session)),
            Err(failure) => return Err(failure),
        }
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

    /// Takes the size of a client's terminal, which between two processes is for the next one, or from anybody else one for
    /// the running session's.
    pub(super) fn resize(
        &mut self,
        now: Now,
        ticket: Ticket,
        ResizeParams { session, size }: &ResizeParams,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        let mut entry = self.use_of(now, session)?;
        entry.writable_by(ticket.client)?;
        let is_attached = entry.calls.attached.used(ticket.client, Some(*size));
        match entry.running() {
            Ok(session) => effects.push(Effect::Resize {
                session: session.clone(),
                client: ticket.client,
                size: *size,
            }),
            Err(_) if is_attached => entry.calls.attached.open_size(),
            Err(failure) => return Err(failure),
        }
        Ok(Some(Success::Resized {}))
    }
}

fn not_attached(session: &SessionRef) -> Failure {
    Failure::new(
        ErrorCode::NotAttached,
        format!("not attached to session {session}"),
    )
}
