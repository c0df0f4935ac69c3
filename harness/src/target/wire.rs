//! What leakgate and its supervisor say to each other: one JSON object per line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::exit::Left;

/// The first line to the supervisor: what it starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Launch {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// The working directory.
    pub cwd: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
}

/// What leakgate asks for afterwards.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(super) enum Command {
    /// End the target with a signal; kill it when it has not gone in time.
    Stop {
        /// Signal number; none when something else has asked it to end.
        signal: Option<i32>,
        /// Milliseconds.
        within_ms: u64,
    },
}

/// What the supervisor tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub(super) enum Notice {
    /// The target runs.
    Started {
        /// Its process id.
        pid: u32,
    },
    /// The target could not be started.
    NotStarted {
        /// Why.
        reason: String,
    },
    /// The target has gone, and with it everything it had started.
    Exited {
        /// Exit code, when it ended by itself.
        code: Option<i32>,
        /// Signal, when one ended it.
        signal: Option<i32>,
        /// Whether it had to be killed because it did not stop in time.
        overdue: bool,
        /// Milliseconds since it was asked to stop; 0 when it was not asked.
        took_ms: u64,
        /// Command lines of what it left running.
        left: Left,
    },
}
