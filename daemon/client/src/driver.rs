//! The task behind a client: the only one that touches its socket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sessiond_protocol::{
    Decoded, Failure, Frame, FrameBuffer, INPUT_BYTES_MAX, Notice, Reply, Request, RequestId,
    ResizeParams, ServerMessage, SessionId, SessionParams, SessionRef, Size, Success,
    encode_control, encode_input,
};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};

use crate::attachment::Event;
use crate::error::ClientError;
use crate::raw::{self, oversized, parse_message, write_all};

/// Frames that wait for the socket: callers beyond it wait their turn in `send`.
pub(crate) const OUTGOING_FRAMES_MAX: usize = 16;

/// What callers and the task share: who waits for which reply, and where each session's events go.
#[derive(Debug, Default)]
struct Shared {
    next_request: u64,
    pending: BTreeMap<RequestId, Pending>,
    attachments: BTreeMap<SessionId, mpsc::Sender<Event>>,
    ended: bool,
    /// A failure that the server tied to no request: the last thing it says before it closes.
    farewell: Option<Failure>,
}

/// A caller that waits for a reply; one that attaches also says where the events go, because the first of them follows
/// the reply at once.
#[derive(Debug)]
struct Pending {
    reply: oneshot::Sender<Result<Success, ClientError>>,
    attach: Option<mpsc::Sender<Event>>,
}

/// What a caller holds of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    shared: Arc<Mutex<Shared>>,
    outgoing: mpsc::Sender<Bytes>,
}

/// Ends every wait when the task ends, also when it is aborted.
struct EndOnDrop(Arc<Mutex<Shared>>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let mut shared = lock(&self.0);
        shared.ended = true;
        shared.attachments.clear();
        let farewell = shared.farewell.clone();
        for (_, pending) in std::mem::take(&mut shared.pending) {
            let error = farewell
                .clone()
                .map_or(ClientError::Disconnected, ClientError::Refused);
            // A caller that no longer waits needs no answer.
            let _ = pending.reply.send(Err(error));
        }
    }
}

/// No code that holds this lock can panic half-way through a change.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The two ends of a connection: what callers hold, and the task's body.
pub(crate) fn connect(
    stream: UnixStream,
    incoming: FrameBuffer,
) -> (Handle, impl Future<Output = ()> + Send + 'static) {
    let shared = Arc::new(Mutex::new(Shared::default()));
    let (outgoing, frames) = mpsc::channel(OUTGOING_FRAMES_MAX);
    let task = drive(stream, incoming, frames, EndOnDrop(Arc::clone(&shared)));
    (Handle { shared, outgoing }, task)
}

async fn drive(
    stream: UnixStream,
    incoming: FrameBuffer,
    frames: mpsc::Receiver<Bytes>,
    end: EndOnDrop,
) {
    tokio::select! {
        // A stream that breaks and a stream that ends are one to the callers: every wait ends.
        _ = receive(&stream, incoming, &end.0) => {}
        () = send(&stream, frames) => {}
    }
}

/// Writes frames until every caller is gone. A failed write ends only the writing: what the server said before it
/// closed is still to be read.
async fn send(stream: &UnixStream, mut frames: mpsc::Receiver<Bytes>) {
    while let Some(frame) = frames.recv().await {
        if write_all(stream, &frame).await.is_err() {
            drop(frames);
            return std::future::pending().await;
        }
    }
}

async fn receive(
    stream: &UnixStream,
    mut incoming: FrameBuffer,
    shared: &Mutex<Shared>,
) -> Result<(), ClientError> {
    while let Some(decoded) = raw::receive(stream, &mut incoming).await? {
        match decoded {
            Decoded::Frame(Frame::Control(json)) => match parse_message(&json)? {
                ServerMessage::Reply(reply) => answer(shared, reply),
                ServerMessage::Notice(Notice::Exited { session, status }) => {
                    deliver(shared, session, Event::Exited(status)).await;
                    lock(shared).attachments.remove(&session);
                }
                ServerMessage::Hello(_) => {
                    return Err(ClientError::Protocol("a second hello".to_owned()));
                }
            },
            Decoded::Frame(Frame::Output { session, bytes }) => {
                deliver(shared, session, Event::Output(bytes)).await;
            }
            Decoded::Frame(Frame::Snapshot { session, bytes }) => {
                deliver(shared, session, Event::Snapshot(bytes)).await;
            }
            Decoded::Frame(Frame::Input { .. }) => {
                return Err(ClientError::Protocol("an input frame".to_owned()));
            }
            Decoded::Oversized { declared } => return Err(oversized(declared)),
        }
    }
    Ok(())
}

fn answer(shared: &Mutex<Shared>, reply: Reply) {
    let mut shared = lock(shared);
    let Some(id) = reply.id else {
        shared.farewell = reply.result.err();
        return;
    };
    let Some(pending) = shared.pending.remove(&id) else {
        return; // its caller stopped waiting
    };
    if let (Ok(Success::Attached { session }), Some(events)) = (&reply.result, pending.attach) {
        shared.attachments.insert(session.id, events);
    }
    // A caller that no longer waits needs no answer.
    let _ = pending
        .reply
        .send(reply.result.map_err(ClientError::Refused));
}

/// Hands an event to the session's attachment and waits while that has no room.
async fn deliver(shared: &Mutex<Shared>, session: SessionId, event: Event) {
    let Some(events) = lock(shared).attachments.get(&session).cloned() else {
        return; // detached, or its attachment was dropped
    };
    if events.send(event).await.is_err() {
        lock(shared).attachments.remove(&session);
    }
}

/// Takes the entry of a request out again when its caller stops waiting.
struct Waiting<'a> {
    shared: &'a Mutex<Shared>,
    id: RequestId,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(self.shared).pending.remove(&self.id);
    }
}

impl Handle {
    pub(crate) async fn call(&self, request: &Request) -> Result<Success, ClientError> {
        self.exchange(None, |id| encode_control(&request.message(id)))
            .await
    }

    pub(crate) async fn call_attach(
        &self,
        request: &Request,
        events: mpsc::Sender<Event>,
    ) -> Result<Success, ClientError> {
        self.exchange(Some(events), |id| encode_control(&request.message(id)))
            .await
    }

    pub(crate) async fn write(&self, session: SessionId, bytes: &[u8]) -> Result<(), ClientError> {
        // A quarter of what may wait for a terminal: others can type while this one pastes.
        for piece in bytes.chunks(INPUT_BYTES_MAX / 4) {
            match self
                .exchange(None, |id| encode_input(id, session, piece))
                .await?
            {
                Success::Written {} => {}
                other => return Err(unexpected(&other)),
            }
        }
        Ok(())
    }

    pub(crate) async fn resize(&self, session: SessionRef, size: Size) -> Result<(), ClientError> {
        match self
            .call(&Request::Resize(ResizeParams { session, size }))
            .await?
        {
            Success::Resized {} => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    pub(crate) async fn detach(&self, session: SessionRef) -> Result<(), ClientError> {
        match self
            .call(&Request::Detach(SessionParams { session }))
            .await?
        {
            Success::Detached {} => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn exchange(
        &self,
        attach: Option<mpsc::Sender<Event>>,
        encode: impl FnOnce(RequestId) -> Bytes,
    ) -> Result<Success, ClientError> {
        let (reply, answer) = oneshot::channel();
        let id = self.expect_reply(Pending { reply, attach })?;
        let _waiting = Waiting {
            shared: &self.shared,
            id,
        };
        // When the task no longer takes frames, it ends or has ended, and so does the wait below.
        let _ = self.outgoing.send(encode(id)).await;
        answer.await.unwrap_or(Err(ClientError::Disconnected))
    }

    fn expect_reply(&self, pending: Pending) -> Result<RequestId, ClientError> {
        let mut shared = lock(&self.shared);
        if shared.ended {
            let farewell = shared.farewell.clone();
            return Err(farewell.map_or(ClientError::Disconnected, ClientError::Refused));
        }
        shared.next_request += 1;
        let id = RequestId(shared.next_request);
        shared.pending.insert(id, pending);
        Ok(id)
    }
}

pub(crate) fn unexpected(success: &Success) -> ClientError {
    ClientError::Protocol(format!("an answer to another question: {success:?}"))
}
