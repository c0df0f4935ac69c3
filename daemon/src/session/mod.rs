//! The data plane: terminal bytes from a session's PTY to its screen and its clients, and back.
//!
//! A [`Session`] is what the core and the connections hold of a running one; the [task](task::run) owns the rest. All of
//! its operations are short and none waits.

mod input;
mod pty;
pub(crate) mod task;
mod terminal;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sessiond_protocol::{Failure, RequestId, ScreenText, SessionId, Size};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::core::{ClientId, Facts, LiveSession};
use crate::fanout::Outbox;
pub(crate) use pty::{Pty, Reading};
pub(crate) use terminal::Terminal;

/// A running session, as everybody but its task sees it.
#[derive(Debug)]
pub(crate) struct Session {
    id: SessionId,
    pty: Pty,
    terminal: Mutex<Terminal>,
    /// Wakes the task: there is input, or a client has room again. Shared with the queues of clients that are behind.
    poke: Arc<Notify>,
    end: CancellationToken,
}

impl Session {
    pub(crate) fn new(id: SessionId, pty: Pty, terminal: Terminal) -> Self {
        let poke = Arc::new(Notify::new());
        Self {
            id,
            pty,
            terminal: Mutex::new(terminal),
            poke,
            end: CancellationToken::new(),
        }
    }

    pub(crate) fn terminal(&self) -> MutexGuard<'_, Terminal> {
        // A screen that a panic left half-changed still shows more than none.
        self.terminal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) const fn pty(&self) -> &Pty {
        &self.pty
    }

    /// Begins the session's end.
    pub(crate) fn end(&self) {
        self.end.cancel();
    }

    /// Sends a snapshot and from then on all output to this client.
    pub(crate) fn attach(&self, client: ClientId, outbox: Arc<Outbox>) {
        let mut terminal = self.terminal();
        terminal.attach(client, outbox);
        terminal.send_snapshots(self.id, &self.poke);
    }

    pub(crate) fn detach(&self, client: ClientId) {
        self.terminal().detach(client);
    }

    /// Changes the size of screen and terminal; the programs in it are told by the kernel.
    pub(crate) fn resize(&self, size: Size) {
        self.terminal().resize(size);
        if let Err(error) = self.pty.resize(size) {
            tracing::warn!(session = %self.id, %error, "the terminal was not resized");
        }
    }

    /// Queues input; the answer goes to `outbox` when the terminal has taken it.
    pub(crate) fn write(
        &self,
        bytes: Bytes,
        outbox: &Arc<Outbox>,
        id: RequestId,
    ) -> Result<(), Failure> {
        self.terminal().input().push(bytes, outbox, id)?;
        self.poke.notify_one();
        Ok(())
    }
}

impl LiveSession for Arc<Session> {
    fn facts(&self) -> Facts {
        self.terminal().facts()
    }

    fn screen(&self, scrollback: usize) -> ScreenText {
        self.terminal().text(scrollback)
    }
}
