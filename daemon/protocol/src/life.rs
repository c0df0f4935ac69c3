//! What is asked about a session's life beside its start and its end: run, rename, kill; and how it came to end.

use serde::{Deserialize, Serialize};

use crate::name::SessionName;
use crate::request::CreateParams;
use crate::session::{ExitStatus, SessionId, SessionRef};
use crate::signal::SignalName;

/// What `create` does when a session that has not ended has the name already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IfExists {
    /// Answers `name_taken`.
    #[default]
    Refuse,
    /// Answers with that session, once it runs, and starts nothing. One that is being ended is waited for and replaced.
    Get,
}

impl IfExists {
    /// Whether this is what is done when nothing is said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Its process ended by itself.
    Exited,
    /// It was to be respawned, and that was given up.
    Failed,
    /// Somebody closed it, or archived it.
    Closed,
    /// Nobody used it for its time to live.
    Expired,
    /// The daemon ends.
    Shutdown,
}

/// A session to be run to its end, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunParams {
    /// What is started; without `respawn` and `if_exists`.
    pub session: CreateParams,
    /// After which it is ended, in milliseconds; never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunResult {
    /// The session that it was; nothing of it is left.
    pub session: SessionId,
    /// How its process ended.
    pub status: ExitStatus,
    /// True when it was ended because its time was over.
    pub timed_out: bool,
    /// The last of what it put out, [`RUN_OUTPUT_BYTES_MAX`](crate::RUN_OUTPUT_BYTES_MAX) bytes at most, as the terminal
    /// got it: lines end with CR LF. Bytes that are no UTF-8 are replaced.
    pub output: String,
    /// Bytes of output before those, which are gone.
    pub cut_bytes: u64,
}

/// A session's new name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenameParams {
    /// By id or name.
    pub session: SessionRef,
    /// What it is called from now on; nothing, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SessionName>,
}

/// A signal for a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KillParams {
    /// By id or name.
    pub session: SessionRef,
    /// Which; it goes to the process group of the session's first process.
    pub signal: SignalName,
}
