//! What the exit code says, and which error has which.

use std::io;
use std::path::PathBuf;

use sessiond_client::ClientError;
use sessiond_protocol::{ErrorCode, ExitStatus};

use crate::paths::PathError;
use crate::server::{DaemonError, SocketError};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExitCode {
    /// Done.
    Success,
    /// The daemon said no; the message says why.
    Refused,
    /// `serve`: another daemon has the socket.
    SocketTaken,
    /// No daemon runs and none could be started.
    NoDaemon,
    /// The time that was given is over.
    Timeout,
    /// The connection to the daemon ended in the middle.
    Disconnected,
    /// The operating system refused something that should work.
    System,
    /// `wait`: what the session's process ended with; a signal counts from 128 up, as in a shell.
    Session(ExitStatus),
}

/// Shown below the help. Usage errors exit with 2, which is clap's.
pub(super) const EXIT_CODES_HELP: &str = "\
Exit codes: 0 done, 1 the daemon refused, 2 wrong usage, 3 the socket is taken by another daemon, 4 no daemon, \
5 timed out, 6 the connection was lost, 70 the system refused. `wait` exits with the session's own code, \
or 128 and the signal that ended it.";

/// The shell's convention for a process that a signal ended.
const SIGNAL_BASE: i32 = 128;

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        let number = match code {
            ExitCode::Success => 0,
            ExitCode::Refused => 1,
            ExitCode::SocketTaken => 3,
            ExitCode::NoDaemon => 4,
            ExitCode::Timeout => 5,
            ExitCode::Disconnected => 6,
            ExitCode::System => 70,
            ExitCode::Session(ExitStatus::Code(code)) => code,
            ExitCode::Session(ExitStatus::Signal(signal)) => SIGNAL_BASE + signal,
        };
        // A code beyond a byte is no Linux process's; failure is what is left of it.
        Self::from(u8::try_from(number).unwrap_or(u8::MAX))
    }
}

/// Why a command did not do what it says.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error(transparent)]
    Path(#[from] PathError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("no daemon runs on {}", .0.display())]
    NoDaemon(PathBuf),
    #[error("the daemon did not start ({reason}); the end of its log, {}:\n{tail}", log.display())]
    DaemonDied {
        reason: String,
        log: PathBuf,
        tail: String,
    },
    #[error("{0:?} is no log level or filter")]
    LogLevel(String),
    #[error("cannot {what}")]
    System {
        what: &'static str,
        source: io::Error,
    },
}

impl CliError {
    pub(super) const fn system(what: &'static str, source: io::Error) -> Self {
        Self::System { what, source }
    }
}

impl From<&CliError> for ExitCode {
    fn from(error: &CliError) -> Self {
        match error {
            CliError::Daemon(DaemonError::Socket(SocketError::Taken(_))) => ExitCode::SocketTaken,
            CliError::Client(ClientError::Refused(failure))
                if failure.code == ErrorCode::Timeout =>
            {
                ExitCode::Timeout
            }
            CliError::Client(ClientError::Refused(_)) => ExitCode::Refused,
            CliError::Client(ClientError::Disconnected) => ExitCode::Disconnected,
            CliError::NoDaemon(_)
            | CliError::DaemonDied { .. }
            | CliError::Client(ClientError::Connect { .. }) => ExitCode::NoDaemon,
            CliError::Daemon(_)
            | CliError::Path(_)
            | CliError::Client(ClientError::Io(_) | ClientError::Protocol(_))
            | CliError::LogLevel(_)
            | CliError::System { .. } => ExitCode::System,
        }
    }
}
