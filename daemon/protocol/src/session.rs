//! The nouns of a session as the wire shows them: its id, its name or id, its size, its state.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::SIDE_MAX;
use crate::name::{NameError, SessionName};
use crate::read::ScreenState;
use crate::ttl::Ttl;

/// A session's number: counted from 1 by one daemon and never used twice by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number a client gives to a request, and the server to its reply. Its choice is the client's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u64);

/// How a request points at a session: by number, or by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SessionRef {
    /// A JSON number.
    Id(SessionId),
    /// A JSON string.
    Name(SessionName),
}

impl fmt::Display for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionRef::Id(id) => id.fmt(f),
            SessionRef::Name(name) => name.fmt(f),
        }
    }
}

impl FromStr for SessionRef {
    type Err = NameError;

    /// Reads what a person types: digits are an id (no name begins with a digit), anything else a name.
    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.parse() {
            Ok(id) => Ok(SessionRef::Id(SessionId(id))),
            Err(_) => text.parse().map(SessionRef::Name),
        }
    }
}

impl From<SessionId> for SessionRef {
    fn from(id: SessionId) -> Self {
        SessionRef::Id(id)
    }
}

impl From<SessionName> for SessionRef {
    fn from(name: SessionName) -> Self {
        SessionRef::Name(name)
    }
}

/// A terminal's size in character cells; both sides between 1 and [`SIDE_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawSize")]
pub struct Size {
    rows: u16,
    columns: u16,
}

impl Size {
    /// 24 rows of 80 columns, as a terminal without a window has always had.
    pub const DEFAULT: Size = Size {
        rows: 24,
        columns: 80,
    };

    /// A size of `rows` x `columns` cells.
    ///
    /// # Errors
    /// When a side is 0 or above [`SIDE_MAX`].
    pub const fn new(rows: u16, columns: u16) -> Result<Self, SizeError> {
        if rows == 0 || columns == 0 || rows > SIDE_MAX || columns > SIDE_MAX {
            return Err(SizeError { rows, columns });
        }
        Ok(Self { rows, columns })
    }

    /// Rows, at least 1.
    #[must_use]
    pub const fn rows(self) -> u16 {
        self.rows
    }

    /// Columns, at least 1.
    #[must_use]
    pub const fn columns(self) -> u16 {
        self.columns
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.rows, self.columns)
    }
}

impl FromStr for Size {
    type Err = SizeError;

    /// Reads `ROWSxCOLUMNS`, e.g. `24x80`.
    fn from_str(text: &str) -> Result<Self, SizeError> {
        let sides = text
            .split_once('x')
            .and_then(|(rows, columns)| Some((rows.parse().ok()?, columns.parse().ok()?)));
        let (rows, columns) = sides.unwrap_or((0, 0));
        Size::new(rows, columns)
    }
}

/// A size that no terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("size {rows}x{columns} is not ROWSxCOLUMNS with both between 1 and {SIDE_MAX}")]
pub struct SizeError {
    rows: u16,
    columns: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSize {
    rows: u16,
    columns: u16,
}

impl TryFrom<RawSize> for Size {
    type Error = SizeError;

    fn try_from(raw: RawSize) -> Result<Self, SizeError> {
        Size::new(raw.rows, raw.columns)
    }
}

/// How a session's first process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// It called exit with this code, 0 to 255.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitStatus::Code(code) => write!(f, "exit code {code}"),
            ExitStatus::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// Where a session is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Its process is to be started when others have been, or when the session that has to make room has ended.
    Queued,
    /// Its process is being started.
    Starting,
    /// Its process runs, or its last output is being read.
    Running,
    /// Its process runs, and its output is not read until somebody resumes it.
    Paused,
    /// It is being ended: closed, expired, or ended to be started again.
    Closing,
    /// Its process ended and is to be started again.
    Respawning {
        /// How it ended.
        status: ExitStatus,
        /// When it is started, in milliseconds from now.
        in_ms: u64,
    },
    /// Its process ended; the final screen can be read for a while.
    Exited {
        /// How it ended.
        status: ExitStatus,
    },
    /// Its process ended too often to be started again; the final screen can be read for a while.
    Failed {
        /// How it ended last.
        status: ExitStatus,
        /// Why it was given up.
        reason: String,
    },
}

/// What the server tells about one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionInfo {
    /// Its number.
    pub id: SessionId,
    /// Its name, where it was given one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SessionName>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The first process, once it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The terminal's size.
    pub size: Size,
    /// Where it is in its life.
    pub state: SessionState,
    /// Attached clients.
    pub clients: usize,
    /// When it was created, in milliseconds since 1970 UTC.
    pub created_unix_ms: u64,
    /// Bytes its processes have put out so far.
    pub output_bytes: u64,
    /// The title its program set; empty where none.
    pub title: String,
    /// How long it may stay unused.
    #[serde(rename = "ttl_ms")]
    pub ttl: Ttl,
    /// When it will have been unused for that long, in milliseconds from now; absent while it is in use, and where there
    /// is nothing to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
    /// How often a process was started for it.
    pub starts: u32,
    /// What its terminal is like; only in the answer to `get`, and not before it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<Box<ScreenState>>,
}
