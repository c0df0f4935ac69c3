//! A request's own client of the core: it asks like any other, has a bounded queue like any other, and is gone with the request.

use std::sync::Arc;

use bytes::Bytes;
use sessiond_protocol::{Decoded, FrameBuffer, MAX_FRAME_BYTES};
use sessiond_protocol::{
    ErrorCode, ExitStatus, Failure, Frame, Notice, Reply, Request, RequestId, ServerMessage,
    SessionId, Success,
};

use crate::core::{ClientId, Event};
use crate::fanout::Outbox;
use crate::server::{Daemon, asked};

/// A client without a connection. Dropping it disconnects it: what it waits for is taken back, and it is detached.
pub(super) struct Caller {
    daemon: Arc<Daemon>,
    client: ClientId,
    outbox: Arc<Outbox>,
    frames: FrameBuffer,
    last: u64,
}

/// What a caller hears.
#[derive(Debug)]
pub(super) enum Heard {
    Reply(Option<RequestId>, Result<Success, Failure>),
    /// Of the session that it is attached to.
    Output(Bytes),
    /// Output that it was too slow for.
    Missed(u64),
    /// The session has ended for good.
    Exited(ExitStatus),
}

impl Caller {
    /// Says hello to the core.
    pub(super) async fn new(daemon: &Arc<Daemon>) -> Result<Self, Failure> {
        let mut caller = Self {
            daemon: Arc::clone(daemon),
            client: daemon.next_client(),
            outbox: Arc::default(),
            frames: FrameBuffer::new(MAX_FRAME_BYTES),
            last: 0,
        };
        daemon.dispatch(Event::Connected {
            client: caller.client,
            handle: Arc::clone(&caller.outbox),
        });
        if caller.outbox.is_ending() {
            return Err(match caller.hear().await {
                Some(Heard::Reply(_, Err(failure))) => failure,
                _ => ending(),
            });
        }
        Ok(caller)
    }

    /// Asks, and waits for the answer; what else is heard meanwhile is of no interest.
    pub(super) async fn ask(&mut self, request: Request) -> Result<Success, Failure> {
        let id = self.begin(request);
        loop {
            match self.hear().await {
                Some(Heard::Reply(of, result)) if of == Some(id) => return result,
                Some(_) => {}
                None => return Err(ending()),
            }
        }
    }

    /// Asks, without waiting for the answer.
    fn begin(&mut self, request: Request) -> RequestId {
        let id = self.next_id();
        asked::of(&request).add(1);
        self.daemon.dispatch(Event::Asked {
            client: self.client,
            id,
            request,
        });
        id
    }

    /// Types into a session; the reply comes when its terminal has taken all of it.
    pub(super) fn write(&mut self, session: SessionId, bytes: Bytes) -> RequestId {
        let id = self.next_id();
        asked::INPUT.add(1);
        let (client, outbox) = (self.client, &self.outbox);
        self.daemon.input(client, session, bytes, outbox, id);
        id
    }

    fn next_id(&mut self) -> RequestId {
        self.last += 1;
        RequestId(self.last)
    }

    /// The next thing that is said to it; nothing when it is cut off.
    pub(super) async fn hear(&mut self) -> Option<Heard> {
        loop {
            let frame = self.outbox.next().await?;
            self.outbox.wrote(frame.len());
            self.outbox.heard();
            self.frames.fill(&frame);
            while let Ok(Some(Decoded::Frame(frame))) = self.frames.take() {
                if let Some(heard) = heard(frame) {
                    return Some(heard);
                }
            }
        }
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let client = self.client;
        self.daemon.dispatch(Event::Disconnected { client });
        self.outbox.close();
    }
}

/// What a frame says that is of interest: screens are not, nor what it has not asked for.
fn heard(frame: Frame) -> Option<Heard> {
    let json = match frame {
        Frame::Control(json) => json,
        Frame::Output { bytes, .. } => return Some(Heard::Output(bytes)),
        Frame::Snapshot { .. } | Frame::Input { .. } => return None,
    };
    match ServerMessage::parse(&json) {
        Ok(ServerMessage::Reply(Reply { id, result })) => Some(Heard::Reply(id, result)),
        Ok(ServerMessage::Notice(Notice::Resynced { dropped_bytes, .. })) => {
            Some(Heard::Missed(dropped_bytes))
        }
        Ok(ServerMessage::Notice(Notice::Exited { status, .. })) => Some(Heard::Exited(status)),
        _ => None,
    }
}

pub(super) fn ending() -> Failure {
    Failure::new(ErrorCode::ShuttingDown, "the daemon is ending")
}
