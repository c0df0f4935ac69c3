//! What can go wrong between a client and its server.

use std::io;
use std::path::PathBuf;

use sessiond_protocol::{ErrorCode, Failure, FrameError};

/// Why a call did not do what it says.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there, or one may not connect.
    #[error("cannot connect to {}", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The socket failed.
    #[error("the connection to sessiond failed")]
    Io(#[from] io::Error),
    /// The server closed the connection, or this client was closed.
    #[error("the connection to sessiond has ended")]
    Disconnected,
    /// The server sent what no version-1 server sends.
    #[error("sessiond sent something unexpected: {0}")]
    Protocol(String),
    /// The server said no.
    #[error(transparent)]
    Refused(#[from] Failure),
}

impl ClientError {
    /// The server's error code, where it is the server that said no.
    #[must_use]
    pub const fn code(&self) -> Option<ErrorCode> {
        match self {
            ClientError::Refused(failure) => Some(failure.code),
            ClientError::Connect { .. }
            | ClientError::Io(_)
            | ClientError::Disconnected
            | ClientError::Protocol(_) => None,
        }
    }
}

impl From<FrameError> for ClientError {
    fn from(error: FrameError) -> Self {
        ClientError::Protocol(error.to_string())
    }
}
