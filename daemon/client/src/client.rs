//! The typed requests of one connection.

use std::path::Path;
use std::time::Duration;

use sessiond_protocol::{
    AttachParams, CreateParams, ExitStatus, Request, ScreenParams, ScreenText, ServerHello,
    SessionId, SessionInfo, SessionParams, SessionRef, Size, Success, TextPattern, WaitIdleParams,
    WaitParams, WaitTextParams,
};
use tokio::task::JoinHandle;

use crate::attachment::Attachment;
use crate::driver::{Handle, Seat, connect, unexpected};
use crate::error::ClientError;
use crate::raw::RawConnection;

/// A connection to sessiond. Dropping it closes the connection without a word.
///
/// Every request fails with [`ClientError::Refused`] when the server says no, and with [`ClientError::Disconnected`]
/// when the connection ends first.
#[derive(Debug)]
pub struct Client {
    handle: Handle,
    server: ServerHello,
    task: JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    /// Connects to the daemon that listens at `path`.
    ///
    /// # Errors
    /// When nobody listens, or the server refuses.
    pub async fn connect(path: &Path) -> Result<Self, ClientError> {
        let name = concat!("sessiond-client/", env!("CARGO_PKG_VERSION"));
        let (connection, server) = RawConnection::handshake(path, name).await?;
        Ok(Self::start(connection, server))
    }

    /// Goes on with a raw connection whose hello was exchanged. Must be called inside a tokio runtime.
    #[expect(
        clippy::disallowed_methods,
        reason = "the client owns this task: it is aborted when the client is dropped and joined by close"
    )]
    #[must_use]
    pub fn start(connection: RawConnection, server: ServerHello) -> Self {
        let (stream, incoming) = connection.into_parts();
        let (handle, task) = connect(stream, incoming);
        Self {
            handle,
            server,
            task: tokio::spawn(task),
        }
    }

    pub(crate) async fn call(&self, request: &Request) -> Result<Success, ClientError> {
        self.handle.call(request).await
    }

    /// What the server said of itself.
    #[must_use]
    pub const fn server(&self) -> &ServerHello {
        &self.server
    }

    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Closes the connection and waits until its task is gone.
    pub async fn close(mut self) {
        self.task.abort();
        // The task was aborted or has ended; it has no result that could be lost.
        let _ = (&mut self.task).await;
    }

    /// Asks whether the server answers.
    ///
    /// # Errors
    /// See [`Client`].
    pub async fn ping(&self) -> Result<(), ClientError> {
        match self.handle.call(&Request::Ping).await? {
            Success::Pong {} => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Starts a session; returns once its process runs.
    ///
    /// # Errors
    /// `spawn_failed`, `name_taken`, `limit`; and see [`Client`].
    pub async fn create(&self, params: CreateParams) -> Result<SessionInfo, ClientError> {
        match self.handle.call(&Request::Create(params)).await? {
            Success::Created { session, .. } => Ok(session),
            other => Err(unexpected(&other)),
        }
    }

    /// All sessions by id, also exited ones that can still be read.
    ///
    /// # Errors
    /// See [`Client`].
    pub async fn list(&self) -> Result<Vec<SessionInfo>, ClientError> {
        match self.handle.call(&Request::List).await? {
            Success::Sessions { sessions } => Ok(sessions),
            other => Err(unexpected(&other)),
        }
    }

    /// One session.
    ///
    /// # Errors
    /// `not_found`; and see [`Client`].
    pub async fn get(&self, session: impl Into<SessionRef>) -> Result<SessionInfo, ClientError> {
        match self
            .handle
            .call(&Request::Get(SessionParams {
                session: session.into(),
            }))
            .await?
        {
            Success::Session { session } => Ok(session),
            other => Err(unexpected(&other)),
        }
    }

    /// A session's screen as text, with up to `scrollback` of the last lines above it.
    ///
    /// # Errors
    /// `not_found`, `too_large` when the screen does not fit a frame; and see [`Client`].
    pub async fn screen(
        &self,
        session: impl Into<SessionRef>,
        scrollback: u32,
    ) -> Result<ScreenText, ClientError> {
        let params = ScreenParams {
            session: session.into(),
            scrollback,
        };
        match self.handle.call(&Request::Screen(params)).await? {
            Success::Screen { screen } => Ok(screen),
            other => Err(unexpected(&other)),
        }
    }

    /// Receives a session's output from now on, beginning with a snapshot. Attaching again to the same session ends the
    /// earlier attachment of this connection. `size` is that of the client's own terminal: the session's terminal has
    /// the size of the attached client that was used last.
    ///
    /// # Errors
    /// `not_found`, `exited`, `limit`; and see [`Client`].
    pub async fn attach(
        &self,
        session: impl Into<SessionRef>,
        size: Option<Size>,
    ) -> Result<Attachment, ClientError> {
        let params = AttachParams {
            size,
            ..AttachParams::new(session)
        };
        self.attach_with(params).await
    }

    /// The same, to read only, or from an offset in the session's output on.
    ///
    /// # Errors
    /// As [`Client::attach`].
    pub async fn attach_with(&self, params: AttachParams) -> Result<Attachment, ClientError> {
        let seat = Seat::new(&self.handle);
        match self
            .handle
            .call_attach(&Request::Attach(params), &seat)
            .await?
        {
            Success::Attached { session, from } => Ok(Attachment {
                offset: from.unwrap_or(session.output_bytes),
                session,
                from,
                seat,
            }),
            other => Err(unexpected(&other)),
        }
    }

    /// Stops a session's output to this connection.
    ///
    /// # Errors
    /// `not_found`, `not_attached`; and see [`Client`].
    pub async fn detach(&self, session: impl Into<SessionRef>) -> Result<(), ClientError> {
        self.handle.detach(session.into()).await
    }

    /// Sends input to a session's terminal, piece by piece as the terminal takes it; returns when all of it is taken.
    /// A program that does not read makes it wait for ever.
    ///
    /// # Errors
    /// `not_found`, `exited`, `busy` when others have input waiting; and see [`Client`].
    pub async fn write(&self, session: SessionId, bytes: &[u8]) -> Result<(), ClientError> {
        self.handle.write(session, bytes).await
    }

    /// Stops reading a session's terminal for everybody: its programs stop at the next output that finds no room. It can be
    /// read, written to, waited for and closed as before.
    ///
    /// # Errors
    /// `not_found`, `exited`; and see [`Client`].
    pub async fn pause(&self, session: impl Into<SessionRef>) -> Result<(), ClientError> {
        let session = session.into();
        match self
            .handle
            .call(&Request::Pause(SessionParams { session }))
            .await?
        {
            Success::Paused {} => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Reads a paused session's terminal again.
    ///
    /// # Errors
    /// `not_found`, `exited`; and see [`Client`].
    pub async fn resume(&self, session: impl Into<SessionRef>) -> Result<(), ClientError> {
        let session = session.into();
        match self
            .handle
            .call(&Request::Resume(SessionParams { session }))
            .await?
        {
            Success::Resumed {} => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Changes a terminal's size.
    ///
    /// # Errors
    /// `not_found`, `exited`, `read_only`; and see [`Client`].
    pub async fn resize(
        &self,
        session: impl Into<SessionRef>,
        size: Size,
    ) -> Result<(), ClientError> {
        self.handle.resize(session.into(), size).await
    }

    /// Ends a session and everything it started; returns when nothing of it is left. The status is that of its first
    /// process.
    ///
    /// # Errors
    /// `not_found`; and see [`Client`].
    pub async fn close_session(
        &self,
        session: impl Into<SessionRef>,
    ) -> Result<Option<ExitStatus>, ClientError> {
        match self
            .handle
            .call(&Request::Close(SessionParams {
                session: session.into(),
            }))
            .await?
        {
            Success::Closed { status } => Ok(status),
            other => Err(unexpected(&other)),
        }
    }

    /// Waits until a row of a session's screen shows a text, or has since this was called; returns the row without trailing
    /// blanks. Dropping the call takes the wait back.
    ///
    /// # Errors
    /// `not_found`, `bad_request` for a pattern that is none, `exited` when the session ends without showing it, `timeout`,
    /// `limit`; and see [`Client`].
    pub async fn wait_text(
        &self,
        session: impl Into<SessionRef>,
        pattern: TextPattern,
        timeout: Option<Duration>,
    ) -> Result<String, ClientError> {
        let params = WaitTextParams {
            session: session.into(),
            pattern,
            timeout_ms: timeout.map(milliseconds),
        };
        match self.handle.call(&Request::WaitText(params)).await? {
            Success::Seen { row } => Ok(row),
            other => Err(unexpected(&other)),
        }
    }

    /// Waits until a session has put out nothing for `quiet`; at once when it already has. An exited session is quiet.
    /// Dropping the call takes the wait back.
    ///
    /// # Errors
    /// `not_found`, `timeout`; and see [`Client`].
    pub async fn wait_idle(
        &self,
        session: impl Into<SessionRef>,
        quiet: Duration,
        timeout: Option<Duration>,
    ) -> Result<(), ClientError> {
        let params = WaitIdleParams {
            session: session.into(),
            quiet_ms: milliseconds(quiet),
            timeout_ms: timeout.map(milliseconds),
        };
        match self.handle.call(&Request::WaitIdle(params)).await? {
            Success::Idle {} => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Waits until a session's process has ended and its last output is on the screen.
    ///
    /// # Errors
    /// `not_found`, also when somebody closes it meanwhile; `timeout`; and see [`Client`].
    pub async fn wait(
        &self,
        session: impl Into<SessionRef>,
        timeout: Option<Duration>,
    ) -> Result<ExitStatus, ClientError> {
        let params = WaitParams {
            session: session.into(),
            timeout_ms: timeout.map(milliseconds),
        };
        match self.handle.call(&Request::Wait(params)).await? {
            Success::Exited { status } => Ok(status),
            other => Err(unexpected(&other)),
        }
    }

    /// Ends the daemon; returns how many sessions it closes on the way. [`Client::closed`] waits for its end.
    ///
    /// # Errors
    /// See [`Client`].
    pub async fn shutdown(&self) -> Result<usize, ClientError> {
        match self.handle.call(&Request::Shutdown).await? {
            Success::ShuttingDown { sessions } => Ok(sessions),
            other => Err(unexpected(&other)),
        }
    }

    /// Waits until the server has closed the connection.
    pub async fn closed(mut self) {
        // The task has no result that could be lost.
        let _ = (&mut self.task).await;
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
