//! The task behind a client: the only one that touches its socket.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sessiond_protocol::{
    Decoded, Frame, FrameBuffer, INPUT_BYTES_MAX, Notice, Request, RequestId, ResizeParams,
    ServerMessage, SessionId, SessionParams, SessionRef, Size, Success, encode_control,
    encode_input,
};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};

use crate::attachment::Event;
use crate::error::ClientError;
use crate::link::{Link, Pending};
use crate::mailbox::Mailbox;
use crate::raw::{self, oversized, parse_message, write_all};
use crate::status_feed::Feed;

/// Frames that wait for the socket: callers beyond it wait their turn in `send`.
pub(crate) const OUTGOING_FRAMES_MAX: usize = 16;

/// What a caller holds of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    link: Arc<Link>,
    outgoing: mpsc::Sender<Outgoing>,
}

/// A request's frame.
type Outgoing = (RequestId, Bytes);

/// An attachment's place in its connection, from before it is asked for. Dropping it gives the place up.
#[derive(Debug)]
pub(crate) struct Seat {
    handle: Handle,
    mailbox: Arc<Mailbox>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.handle.link.leave(&self.mailbox);
    }
}

impl Seat {
    /// A place for one attachment of this connection.
    pub(crate) fn new(handle: &Handle) -> Self {
        Self {
            handle: handle.clone(),
            mailbox: Arc::default(),
        }
    }

    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The session's next event, and its offset after it.
    pub(crate) async fn next(&self, session: SessionId) -> Option<(Event, u64)> {
        let (event, offset, wish) = self.mailbox.pop().await?;
        self.handle.link.wish(session, &self.mailbox, wish);
        Some((event, offset))
    }

    /// Discards what still comes.
    pub(crate) fn read_no_more(&self) {
        self.mailbox.close();
    }

    /// Gives the place up after the server has been told.
    pub(crate) fn leave(&self) {
        self.handle.link.left(&self.mailbox);
    }
}

/// Ends every wait when the task ends, also when it is aborted.
struct EndOnDrop(Arc<Link>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The two ends of a connection: what callers hold, and the task's body.
pub(crate) fn connect(
    stream: UnixStream,
    incoming: FrameBuffer,
) -> (Handle, impl Future<Output = ()> + Send + 'static) {
    let link = Arc::new(Link::default());
    let (outgoing, frames) = mpsc::channel(OUTGOING_FRAMES_MAX);
    let task = drive(stream, incoming, frames, EndOnDrop(Arc::clone(&link)));
    (Handle { link, outgoing }, task)
}

async fn drive(
    stream: UnixStream,
    incoming: FrameBuffer,
    frames: mpsc::Receiver<Outgoing>,
    end: EndOnDrop,
) {
    tokio::select! {
        // A stream that breaks and a stream that ends are one to the callers: every wait ends.
        _ = receive(&stream, incoming, &end.0) => {}
        () = send(&stream, frames, &end.0) => {}
    }
}

/// Writes frames until every caller is gone. A failed write ends only the writing: what the server said before it
/// closed is still to be read.
async fn send(stream: &UnixStream, mut frames: mpsc::Receiver<Outgoing>, link: &Link) {
    loop {
        let frame = tokio::select! {
            biased;
            frame = link.errand() => frame,
            frame = frames.recv() => match frame {
                Some((id, frame)) if link.is_to_be_sent(id) => frame,
                Some(_) => continue,
                None => return,
            },
        };
        if write_all(stream, &frame).await.is_err() {
            drop(frames);
            return std::future::pending().await;
        }
    }
}

async fn receive(
    stream: &UnixStream,
    mut incoming: FrameBuffer,
    link: &Link,
) -> Result<(), ClientError> {
    while let Some(decoded) = raw::receive(stream, &mut incoming).await? {
        match decoded {
            Decoded::Frame(Frame::Control(json)) => match parse_message(&json)? {
                ServerMessage::Reply(reply) => link.answer(reply),
                ServerMessage::Notice(notice) => take_notice(link, notice).await,
                ServerMessage::Hello(_) => {
                    return Err(ClientError::Protocol("a second hello".to_owned()));
                }
            },
            Decoded::Frame(Frame::Output { session, bytes }) => {
                link.deliver(session, Event::Output(bytes), None).await;
            }
            Decoded::Frame(Frame::Snapshot {
                session,
                offset,
                bytes,
            }) => {
                link.deliver(session, Event::Snapshot(bytes), Some(offset))
                    .await;
            }
            Decoded::Frame(Frame::Input { .. }) => {
                return Err(ClientError::Protocol("an input frame".to_owned()));
            }
            Decoded::Oversized { declared } => return Err(oversized(declared)),
        }
    }
    Ok(())
}

async fn take_notice(link: &Link, notice: Notice) {
    match notice {
        Notice::Exited {
            session,
            status,
            reason,
        } => {
            link.deliver(session, Event::Exited(status, reason), None)
                .await;
        }
        Notice::Respawning {
            session,
            status,
            in_ms,
        } => {
            let event = Event::Respawning(status, Duration::from_millis(in_ms));
            link.deliver(session, event, None).await;
        }
        Notice::Resynced {
            session,
            dropped_bytes,
        } => {
            link.deliver(session, Event::Resynced { dropped_bytes }, None)
                .await;
        }
        Notice::Status(change) => link.status_changed(change),
        Notice::StatusMissed { changes } => link.status_missed(changes),
        Notice::Ping {} => link.pong(),
    }
}

/// Takes the entry of a request out again when its caller stops waiting.
struct Waiting<'a> {
    link: &'a Link,
    id: RequestId,
    /// The server may be at it for long, so it is told.
    is_revocable: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.link.give_up(self.id, self.is_revocable);
    }
}

impl Handle {
    pub(crate) fn watch_statuses(&self, feed: &Arc<Feed>) {
        self.link.watch_statuses(feed);
    }

    pub(crate) fn unwatch_statuses(&self, feed: &Arc<Feed>) {
        self.link.unwatch_statuses(feed);
    }

    pub(crate) async fn call(&self, request: &Request) -> Result<Success, ClientError> {
        let is_revocable = !request.is_answered_at_once();
        let encode = |id| encode_control(&request.message(id));
        self.exchange(None, is_revocable, encode).await
    }

    pub(crate) async fn call_attach(
        &self,
        request: &Request,
        seat: &Seat,
    ) -> Result<Success, ClientError> {
        let mailbox = Arc::clone(&seat.mailbox);
        let encode = |id| encode_control(&request.message(id));
        self.exchange(Some(mailbox), false, encode).await
    }

    pub(crate) async fn write(&self, session: SessionId, bytes: &[u8]) -> Result<(), ClientError> {
        // A quarter of what may wait for a terminal: others can type while this one pastes.
        for piece in bytes.chunks(INPUT_BYTES_MAX / 4) {
            match self
                .exchange(None, false, |id| encode_input(id, session, piece))
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
        attach: Option<Arc<Mailbox>>,
        is_revocable: bool,
        encode: impl FnOnce(RequestId) -> Bytes,
    ) -> Result<Success, ClientError> {
        let (reply, answer) = oneshot::channel();
        let id = self.link.expect_reply(Pending {
            reply,
            attach,
            is_sent: false,
        })?;
        let _waiting = Waiting {
            link: &self.link,
            id,
            is_revocable,
        };
        // When the task no longer takes frames, it ends or has ended, and so does the wait below.
        let _ = self.outgoing.send((id, encode(id))).await;
        answer.await.unwrap_or(Err(ClientError::Disconnected))
    }
}

pub(crate) fn unexpected(success: &Success) -> ClientError {
    ClientError::Protocol(format!("an answer to another question: {success:?}"))
}
