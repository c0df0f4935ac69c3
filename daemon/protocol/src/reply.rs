//! What the server answers: a success of a known kind, or a failure with a code from a closed set.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::archive::ArchiveInfo;
use crate::http::HttpInfo;
use crate::life::RunResult;
use crate::mcp::McpServerInfo;
use crate::read::ReadReply;
use crate::schedule::ScheduleInfo;
use crate::session::{ExitStatus, SessionInfo, Size};
use crate::stats::Stats;
use crate::status::StatusReply;
use crate::transcripts::TranscriptsReply;

/// A request that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Success {
    /// To `ping`.
    Pong {},
    /// To `create`: it runs.
    Created {
        /// The session.
        session: SessionInfo,
        /// False when it was there already.
        created: bool,
    },
    /// To `list`, by id.
    Sessions {
        /// All of them.
        sessions: Vec<SessionInfo>,
    },
    /// To `get`.
    Session {
        /// The one asked for.
        session: SessionInfo,
    },
    /// To `screen`.
    Screen {
        /// The screen as text.
        screen: ScreenText,
    },
    /// To `read`.
    Read {
        /// What was asked for.
        read: ReadReply,
    },
    /// To `attach`; a snapshot frame follows, or output.
    Attached {
        /// The session attached to.
        session: SessionInfo,
        /// Output follows from this offset on, and no snapshot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<u64>,
    },
    /// To `detach`; no frame of that session follows.
    Detached {},
    /// To `hold`.
    Held {},
    /// To `release`.
    Released {},
    /// To `pause`.
    Paused {},
    /// To `resume`.
    Resumed {},
    /// To `resize`.
    Resized {},
    /// To `close`; nothing of the session is left.
    Closed {
        /// How its process ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<ExitStatus>,
    },
    /// To `close_all`.
    ClosedAll {
        /// How many there were.
        sessions: usize,
    },
    /// To `run`.
    Ran {
        /// What came of it.
        run: RunResult,
    },
    /// To `restart`: it runs again.
    Restarted {
        /// The session, with its new process.
        session: SessionInfo,
    },
    /// To `rename`.
    Renamed {
        /// The session, with its new name.
        session: SessionInfo,
    },
    /// To `kill`: the signal was sent.
    Signalled {},
    /// To `archive`; nothing else of the session is left.
    Archived {
        /// The new archive.
        archive: ArchiveInfo,
    },
    /// To `archives`, by number.
    Archives {
        /// All of them.
        archives: Vec<ArchiveInfo>,
    },
    /// To `forget`.
    Forgotten {},
    /// To `schedule`.
    Scheduled {
        /// The new schedule.
        schedule: ScheduleInfo,
    },
    /// To `schedules`, by number.
    Schedules {
        /// All of them.
        schedules: Vec<ScheduleInfo>,
    },
    /// To `unschedule`.
    Unscheduled {},
    /// To `stats`.
    Stats {
        /// What was counted.
        stats: Stats,
    },
    /// To `http`.
    Http {
        /// Where it is.
        http: HttpInfo,
    },
    /// To `mcp_start` and `mcp_restart`: it runs.
    McpStarted {
        /// The server.
        server: McpServerInfo,
    },
    /// To `mcp_stop`; nothing of it is left.
    McpStopped {},
    /// To `mcp_list`, by name.
    McpServers {
        /// All of them.
        servers: Vec<McpServerInfo>,
    },
    /// To `transcripts`.
    Transcripts {
        /// What came of it.
        reply: TranscriptsReply,
    },
    /// To `status`.
    Status {
        /// What came of it.
        reply: StatusReply,
    },
    /// To `wait`.
    Exited {
        /// How its process ended.
        status: ExitStatus,
    },
    /// To `wait_text`.
    Seen {
        /// The first row that matched, without trailing blanks.
        row: String,
    },
    /// To `wait_idle`.
    Idle {},
    /// To `cancel`.
    Withdrawn {
        /// False when that request does not wait (any more).
        waited: bool,
    },
    /// To an input frame: the terminal has taken all of it.
    Written {},
    /// To `shutdown`.
    ShuttingDown {
        /// Sessions that are being closed.
        sessions: usize,
    },
}

/// A screen as text, without colours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScreenText {
    /// The terminal's size; an exited session's at its end.
    pub size: Size,
    /// One string per row, top first, without trailing blanks.
    pub rows: Vec<String>,
    /// The last lines of the scrollback, oldest first; no more than were asked for and fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scrollback: Vec<String>,
    /// Lines of scrollback that the session keeps.
    pub scrollback_lines: usize,
    /// Where the cursor is.
    pub cursor: Cursor,
    /// The title its program set; empty where none.
    pub title: String,
    /// True while a full-screen program shows the alternate screen.
    pub alternate: bool,
}

/// A cursor's place, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// From the top.
    pub row: u16,
    /// From the left.
    pub column: u16,
    /// False when its program hid it.
    pub visible: bool,
}

/// A request that was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(deny_unknown_fields)]
#[error("{code}: {message}")]
pub struct Failure {
    /// What a program decides by.
    pub code: ErrorCode,
    /// What a person reads.
    pub message: String,
}

impl Failure {
    /// A failure of this code.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// The kinds of failure. The set is closed within one protocol version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not a message, an unknown method, or wrong parameters.
    BadRequest,
    /// A frame above the limit, or a reply that would be.
    TooLarge,
    /// The hello named another protocol version.
    VersionMismatch,
    /// No such session (any more).
    NotFound,
    /// Another session has that name.
    NameTaken,
    /// The program could not be started; the message says what was wrong.
    SpawnFailed,
    /// As many sessions, clients or waiters as the daemon takes.
    Limit,
    /// What was waited for did not happen in time.
    Timeout,
    /// Too much input or too many requests are waiting already; nothing of this one was taken.
    Busy,
    /// The daemon's own files cannot be written or read; the message says why.
    Storage,
    /// The daemon is ending.
    ShuttingDown,
    /// This connection is not attached to that session.
    NotAttached,
    /// The session's process has ended.
    Exited,
    /// This connection is attached to that session to read only.
    ReadOnly,
    /// The client has taken the request back.
    Cancelled,
    /// Over HTTP: the token is missing, or is another.
    Unauthorized,
    /// Over HTTP: a page of another origin asks.
    Forbidden,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorCode::BadRequest => "bad_request",
            ErrorCode::TooLarge => "too_large",
            ErrorCode::VersionMismatch => "version_mismatch",
            ErrorCode::NotFound => "not_found",
            ErrorCode::NameTaken => "name_taken",
            ErrorCode::SpawnFailed => "spawn_failed",
            ErrorCode::Limit => "limit",
            ErrorCode::Timeout => "timeout",
            ErrorCode::Busy => "busy",
            ErrorCode::Storage => "storage",
            ErrorCode::ShuttingDown => "shutting_down",
            ErrorCode::NotAttached => "not_attached",
            ErrorCode::Exited => "exited",
            ErrorCode::ReadOnly => "read_only",
            ErrorCode::Cancelled => "cancelled",
            ErrorCode::Unauthorized => "unauthorized",
            ErrorCode::Forbidden => "forbidden",
        })
    }
}
