//! The requests about a session's life beside its start and its end.

use sessiond_protocol::{
    CreateParams, KillParams, RenameParams, Request, RunParams, RunResult, SessionInfo,
    SessionName, SessionParams, SessionRef, SignalName, Success,
};

use crate::client::Client;
use crate::driver::unexpected;
use crate::error::ClientError;

impl Client {
    /// As [`Client::create`], and says whether the session is new: with `if_exists: get` it may have been there.
    ///
    /// # Errors
    /// As there.
    pub async fn create_or_get(
        &self,
        params: CreateParams,
    ) -> Result<(SessionInfo, bool), ClientError> {
        match self.call(&Request::Create(params)).await? {
            Success::Created { session, created } => Ok((session, created)),
            other => Err(unexpected(&other)),
        }
    }

    /// Starts a session, waits for its end, and returns what came of it. When the call is dropped, what
    /// it started is ended.
    ///
    /// # Errors
    /// As [`Client::create`].
    pub async fn run(&self, params: RunParams) -> Result<RunResult, ClientError> {
        match self.call(&Request::Run(params)).await? {
            Success::Ran { run } => Ok(run),
            other => Err(unexpected(&other)),
        }
    }

    /// Starts a session's command again; returns once the new process runs.
    ///
    /// # Errors
    /// `not_found`, `busy` while it starts, `spawn_failed`, `too_large` when its command was too long to be kept; and see
    /// [`Client`].
    pub async fn restart(
        &self,
        session: impl Into<SessionRef>,
    ) -> Result<SessionInfo, ClientError> {
        let session = session.into();
        match self
            .call(&Request::Restart(SessionParams { session }))
            .await?
        {
            Success::Restarted { session } => Ok(session),
            other => Err(unexpected(&other)),
        }
    }

    /// Gives a session another name, or none.
    ///
    /// # Errors
    /// `not_found`, `name_taken`; and see [`Client`].
    pub async fn rename(
        &self,
        session: impl Into<SessionRef>,
        name: Option<SessionName>,
    ) -> Result<SessionInfo, ClientError> {
        let session = session.into();
        match self
            .call(&Request::Rename(RenameParams { session, name }))
            .await?
        {
            Success::Renamed { session } => Ok(session),
            other => Err(unexpected(&other)),
        }
    }

    /// Sends a signal to the process group of a session's first process.
    ///
    /// # Errors
    /// `not_found`, `exited`; and see [`Client`].
    pub async fn kill(
        &self,
        session: impl Into<SessionRef>,
        signal: SignalName,
    ) -> Result<(), ClientError> {
        let session = session.into();
        match self
            .call(&Request::Kill(KillParams { session, signal }))
            .await?
        {
            Success::Signalled {} => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Ends every session; returns how many there were when nothing is left of any.
    ///
    /// # Errors
    /// See [`Client`].
    pub async fn close_all(&self) -> Result<usize, ClientError> {
        match self.call(&Request::CloseAll).await? {
            Success::ClosedAll { sessions } => Ok(sessions),
            other => Err(unexpected(&other)),
        }
    }
}
