//! The requests about archives.

use sessiond_protocol::{
    ArchiveId, ArchiveInfo, ArchiveParams, Request, SessionInfo, SessionParams, SessionRef, Success,
};

use crate::client::Client;
use crate::driver::unexpected;
use crate::error::ClientError;

impl Client {
    /// Ends a session and keeps its text on the daemon's disk; returns when it is there.
    ///
    /// # Errors
    /// `not_found`, `storage`, `too_large` when its command was too long to be kept; and see [`Client`].
    pub async fn archive(
        &self,
        session: impl Into<SessionRef>,
    ) -> Result<ArchiveInfo, ClientError> {
        let session = session.into();
        match self
            .call(&Request::Archive(SessionParams { session }))
            .await?
        {
            Success::Archived { archive } => Ok(archive),
            other => Err(unexpected(&other)),
        }
    }

    /// All archives by number.
    ///
    /// # Errors
    /// See [`Client`].
    pub async fn archives(&self) -> Result<Vec<ArchiveInfo>, ClientError> {
        match self.call(&Request::Archives).await? {
            Success::Archives { archives } => Ok(archives),
            other => Err(unexpected(&other)),
        }
    }

    /// Starts an archive's command again in a session whose scrollback begins with the archived text. The archive is gone
    /// then.
    ///
    /// # Errors
    /// `not_found`, `name_taken`, `storage`; and see [`Client`].
    pub async fn restore(&self, archive: ArchiveId) -> Result<SessionInfo, ClientError> {
        match self
            .call(&Request::Restore(ArchiveParams { archive }))
            .await?
        {
            Success::Created { session, .. } => Ok(session),
            other => Err(unexpected(&other)),
        }
    }

    /// Removes an archive.
    ///
    /// # Errors
    /// `not_found`; and see [`Client`].
    pub async fn forget(&self, archive: ArchiveId) -> Result<(), ClientError> {
        match self
            .call(&Request::Forget(ArchiveParams { archive }))
            .await?
        {
            Success::Forgotten {} => Ok(()),
            other => Err(unexpected(&other)),
        }
    }
}
