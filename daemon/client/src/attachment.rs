//! One session's output as one connection receives it.

use std::time::Duration;

use bytes::Bytes;
use sessiond_protocol::{EndReason, ExitStatus, SessionId, SessionInfo, Size};

use crate::driver::{Handle, Seat};
use crate::error::ClientError;

/// Something that happened to an attached session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Its terminal put this out.
    Output(Bytes),
    /// Its screen as escape sequences: clear yours, then write them. Comes first, unless output goes on from an offset, and
    /// again whenever output was dropped.
    Snapshot(Bytes),
    /// So much output was dropped because this client read too slowly; a snapshot follows.
    Resynced {
        /// How much.
        dropped_bytes: u64,
    },
    /// Its process ended, and another is started after this time at the soonest; a snapshot follows then.
    Respawning(ExitStatus, Duration),
    /// It ended, like this and for this reason; the last event.
    Exited(ExitStatus, EndReason),
}

impl Event {
    /// Bytes of terminal data in it.
    pub(crate) const fn bytes(&self) -> usize {
        match self {
            Event::Output(bytes) | Event::Snapshot(bytes) => bytes.len(),
            Event::Resynced { .. } | Event::Respawning(..) | Event::Exited(..) => 0,
        }
    }
}

/// A session that this connection is attached to. Dropping it detaches, without waiting for the server's answer;
/// [`Attachment::detach`] waits.
///
/// A reader that falls behind by more than 256 KiB misses output and gets a snapshot. Requests and other attachments of the
/// connection go on meanwhile.
#[derive(Debug)]
pub struct Attachment {
    pub(crate) session: SessionInfo,
    pub(crate) from: Option<u64>,
    pub(crate) offset: u64,
    pub(crate) seat: Seat,
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

    /// The offset that output goes on from, where the server could do that; otherwise a snapshot is the first event.
    #[must_use]
    pub const fn from(&self) -> Option<u64> {
        self.from
    }

    /// How many bytes the session had put out after the event that [`Attachment::next`] returned last: where another
    /// attachment can go on. Before the first event it means nothing.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The next event; `None` after the last one, or when the connection has ended. Dropping the call loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        let (event, offset) = self.seat.next(self.session.id).await?;
        self.offset = offset;
        Some(event)
    }

    /// As [`Client::write`](crate::Client::write).
    ///
    /// # Errors
    /// As there.
    pub async fn write(&self, bytes: &[u8]) -> Result<(), ClientError> {
        self.handle().write(self.session.id, bytes).await
    }

    /// Says what size this client's own terminal has; see [`Client::attach`](crate::Client::attach).
    ///
    /// # Errors
    /// `read_only`; and as [`Client::resize`](crate::Client::resize).
    pub async fn resize(&self, size: Size) -> Result<(), ClientError> {
        self.handle().resize(self.session.id.into(), size).await
    }

    /// Stops the session's output to this connection.
    ///
    /// # Errors
    /// When the server refuses or the connection has ended.
    pub async fn detach(self) -> Result<(), ClientError> {
        self.seat.read_no_more();
        self.handle().detach(self.session.id.into()).await?;
        self.seat.leave();
        Ok(())
    }

    const fn handle(&self) -> &Handle {
        self.seat.handle()
    }
}
