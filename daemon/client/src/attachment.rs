//! One session's output as one connection receives it.

use bytes::Bytes;
use sessiond_protocol::{ExitStatus, SessionId, SessionInfo, Size};
use tokio::sync::mpsc;

use crate::driver::Handle;
use crate::error::ClientError;

/// Events that wait for one attachment's reader before the connection stops reading its socket. Enough for a reader
/// that is called back between two reads; more would only hide a slow reader from the server.
pub const ATTACHMENT_EVENTS_MAX: usize = 8;

/// Something that happened to an attached session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Its terminal put this out.
    Output(Bytes),
    /// Its screen as escape sequences: clear yours, then write them. Comes first, and again whenever output was dropped
    /// because this client was too slow.
    Snapshot(Bytes),
    /// Its process ended; the last event.
    Exited(ExitStatus),
}

/// A session that this connection is attached to. Dropping it discards what still comes without telling the server;
/// [`Attachment::detach`] tells it.
#[derive(Debug)]
pub struct Attachment {
    pub(crate) session: SessionInfo,
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) handle: Handle,
}

impl Attachment {
    /// The session's id.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.session.id
    }

    /// The session as it was when it was attached to.
    #[must_use]
    pub const fn session(&self) -> &SessionInfo {
        &self.session
    }

    /// The next event; `None` after the last one, or when the connection has ended. Dropping the call loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// As [`Client::write`](crate::Client::write).
    ///
    /// # Errors
    /// As there.
    pub async fn write(&self, bytes: &[u8]) -> Result<(), ClientError> {
        self.handle.write(self.session.id, bytes).await
    }

    /// As [`Client::resize`](crate::Client::resize).
    ///
    /// # Errors
    /// As there.
    pub async fn resize(&self, size: Size) -> Result<(), ClientError> {
        self.handle.resize(self.session.id.into(), size).await
    }

    /// Stops the session's output to this connection.
    ///
    /// # Errors
    /// When the server refuses or the connection has ended.
    pub async fn detach(self) -> Result<(), ClientError> {
        let Self {
            session,
            events,
            handle,
        } = self;
        drop(events);
        handle.detach(session.id.into()).await
    }
}
