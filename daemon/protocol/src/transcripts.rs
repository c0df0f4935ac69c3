//! Transcripts: the JSONL files in which agents write down what was said and done, as the daemon follows them.
//!
//! A transcript is followed because something is watched: a file, or a directory with what is below it. An event's place is the
//! offset of its line in the file, for good; so what is not held in memory any more can still be read.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::recording::{RecordParams, Recorded, RecordingInfo};
use crate::session::{SessionId, SessionRef};
use crate::wait::TextPattern;

/// Most events that one answer has.
pub const TRANSCRIPT_EVENTS_MAX: u32 = 1000;

/// A transcript's number; never used twice by one daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TranscriptId(pub u64);

/// The number of something that is watched; never used twice by one daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WatchId(pub u64);

impl fmt::Display for TranscriptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for WatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TranscriptId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl FromStr for WatchId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// What is wanted of the transcripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TranscriptsRequest {
    /// Which there are, without their events. Answered `transcripts`.
    List {
        /// Only those that belong to this session; all, when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionRef>,
        /// Only those after this one, of an earlier answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<TranscriptId>,
    },
    /// Events of one. Answered `events`.
    Show {
        /// Which.
        transcript: TranscriptId,
        /// Offset of the line to begin with; the last events, when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<u64>,
        /// Events to answer with at most; [`TRANSCRIPT_EVENTS_MAX`] when above it.
        limit: u32,
    },
    /// Where a text stands in the events that are held. Answered `matches`.
    Search {
        /// What to look for in each event's text.
        pattern: TextPattern,
        /// Capital and small letters are the same.
        #[serde(default)]
        ignore_case: bool,
        /// Only in this transcript; in all, when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transcript: Option<TranscriptId>,
        /// Matches to answer with at most; [`TRANSCRIPT_EVENTS_MAX`] when above it.
        limit: u32,
    },
    /// Follows a file, or every `*.jsonl` below a directory. Answered `watching`.
    Watch {
        /// An absolute path; what it names need not be there yet.
        path: String,
        /// What is written in it; told from each file's first line, when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        format: Option<TranscriptFormat>,
        /// The session whose agent writes it. When that ends, is closed or archived, nothing of it is kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionRef>,
    },
    /// Ends what `watch` began, and forgets what was read. Answered `unwatched`.
    Unwatch {
        /// Which.
        watch: WatchId,
    },
    /// What is watched. Answered `watches`.
    Watches {},
    /// Reads what the files have now. Answered `synced` when that is done.
    Sync {},
    /// What a session's agent has done. Answered `run`.
    Run {
        /// Which session; one that something is watched for.
        session: SessionRef,
    },
    /// Begins to write down what a transcript says from now on. Answered `recording`.
    Record(RecordParams),
    /// Ends that. Answered `recording`, with what it came to.
    StopRecording(Recorded),
    /// The recordings that run. Answered `recordings`.
    Recordings {},
    /// What was counted. Answered `stats`.
    Stats {},
}

impl TranscriptsRequest {
    /// The session that it is about.
    #[must_use]
    pub const fn session(&self) -> Option<&SessionRef> {
        match self {
            Self::List { session, .. } | Self::Watch { session, .. } => session.as_ref(),
            Self::Run { session } => Some(session),
            Self::Record(RecordParams { of, .. }) | Self::StopRecording(of) => of.session.as_ref(),
            Self::Show { .. }
            | Self::Search { .. }
            | Self::Unwatch { .. }
            | Self::Watches {}
            | Self::Recordings {}
            | Self::Sync {}
            | Self::Stats {} => None,
        }
    }

    /// Whether the answer needs nothing to happen first.
    #[must_use]
    pub const fn is_answered_at_once(&self) -> bool {
        !matches!(self, Self::Search { .. } | Self::Sync {})
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TranscriptsReply {
    /// Transcripts by number.
    Transcripts {
        /// As many as fit an answer.
        transcripts: Vec<TranscriptInfo>,
        /// The last of them, where there are more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<TranscriptId>,
    },
    /// Events, oldest first.
    Events {
        /// As many as were asked for and fit an answer.
        events: Vec<TranscriptEvent>,
        /// Where to go on, where the file has more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<u64>,
        /// Whether they had to be read from the file.
        from_disk: bool,
    },
    /// Events whose text matches, of each transcript the latest first.
    Matches {
        /// The places.
        matches: Vec<TranscriptMatch>,
        /// False when there may be more than were asked for.
        complete: bool,
    },
    /// It is watched from now on.
    Watching {
        /// What was made of it.
        watch: WatchInfo,
    },
    /// Nothing of it is kept.
    Unwatched {},
    /// What is watched, by number.
    Watches {
        /// All of it.
        watches: Vec<WatchInfo>,
    },
    /// Everything that the files had is read.
    Synced {},
    /// What an agent has done.
    Run {
        /// The summary.
        run: TranscriptRun,
    },
    /// A recording.
    Recording {
        /// What it is, or has come to.
        recording: RecordingInfo,
    },
    /// The recordings that run, by transcript.
    Recordings {
        /// All of them.
        recordings: Vec<RecordingInfo>,
    },
    /// What was counted.
    Stats {
        /// The counts.
        stats: TranscriptStats,
    },
}

/// Who writes a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TranscriptFormat {
    /// Claude Code: `~/.claude/projects/*/*.jsonl`.
    Claude,
    /// Codex: `~/.codex/sessions/*/*/*/rollout-*.jsonl`.
    Codex,
    /// Anybody: `{"time":.., "kind":"prompt", "text":".."}`.
    Generic,
}

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TranscriptKind {
    /// What a person, or for a sub-agent its agent, has said.
    Prompt,
    /// What the agent has said.
    Reply,
    /// What it has thought aloud.
    Thought,
    /// A tool that it has called.
    ToolCall,
    /// What that came to.
    ToolResult,
    /// Anything else with a text.
    Note,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranscriptEvent {
    /// Offset of its line in the file. A line may have several events.
    pub at: u64,
    /// What it is.
    pub kind: TranscriptKind,
    /// When it was, in milliseconds since 1970 UTC; absent where the line does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_unix_ms: Option<u64>,
    /// The tool's name, of a call.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The beginning of its text.
    pub text: String,
    /// Bytes of all of its text.
    pub bytes: u64,
}

/// An event whose text matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranscriptMatch {
    /// Of which transcript.
    pub transcript: TranscriptId,
    /// Offset of its line.
    pub at: u64,
    /// What it is.
    pub kind: TranscriptKind,
    /// The first line of its text that matches, or a piece of that.
    pub text: String,
}

/// What the daemon tells about one transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranscriptInfo {
    /// Its number.
    pub id: TranscriptId,
    /// The file.
    pub path: String,
    /// Who writes it, once it has a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<TranscriptFormat>,
    /// What it is followed for.
    pub watch: WatchId,
    /// The session that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The transcript of the agent whose sub-agent writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<TranscriptId>,
    /// What the agent calls its own session, where it says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent_session: String,
    /// Bytes of the file when it was last looked at.
    pub file_bytes: u64,
    /// Bytes of it that are read; a last line without an end waits.
    pub read_bytes: u64,
    /// Events in what was read.
    pub events: u64,
    /// Those of them that are held in memory.
    pub held_events: u64,
    /// Bytes that these take.
    pub held_bytes: u64,
    /// Lines that could not be understood.
    pub bad_lines: u64,
    /// Lines that were longer than any may be.
    pub oversized_lines: u64,
    /// The last of either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_fault: Option<LineFault>,
    /// When its last event was, in milliseconds since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_unix_ms: Option<u64>,
    /// The beginning of the last prompt.
    pub prompt: String,
    /// The beginning of the last thing that was said.
    pub snippet: String,
}

/// A line that says nothing to the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineFault {
    /// Where it begins in the file.
    pub at: u64,
    /// What is wrong with it.
    pub why: String,
}

/// Something that is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchInfo {
    /// Its number.
    pub id: WatchId,
    /// The file or directory.
    pub path: String,
    /// What was said to be written in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<TranscriptFormat>,
    /// The session that it is watched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// True when the daemon was started with it.
    pub configured: bool,
    /// Transcripts that are followed for it.
    pub transcripts: u64,
    /// Directories below it that are looked at.
    pub directories: u64,
}

/// What a session's agent has done, from all of its transcripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranscriptRun {
    /// The session.
    pub session: SessionId,
    /// Its agent's own transcript: the first that was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<TranscriptId>,
    /// The file, empty where there is none yet.
    pub path: String,
    /// Bytes of the file when it was last looked at.
    pub file_bytes: u64,
    /// The beginning of the last prompt.
    pub prompt: String,
    /// Events of the agent and its sub-agents.
    pub events: u64,
    /// The tools that were called among them.
    pub tool_calls: u64,
    /// The last of the events, oldest first; at most 1,000.
    pub recent: Vec<TranscriptMark>,
}

/// An event of a run, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranscriptMark {
    /// In which transcript it is.
    pub transcript: TranscriptId,
    /// Offset of its line there.
    pub at: u64,
    /// What it is.
    pub kind: TranscriptKind,
    /// When it was, in milliseconds since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_unix_ms: Option<u64>,
}

/// What was counted since the daemon was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranscriptStats {
    /// Transcripts that are followed.
    pub transcripts: u64,
    /// Events that are held.
    pub held_events: u64,
    /// Bytes that everything about transcripts takes.
    pub held_bytes: u64,
    /// Bytes that it may take.
    pub max_bytes: u64,
    /// Bytes that events of one transcript may take.
    pub transcript_max_bytes: u64,
    /// Bytes of files read.
    pub read_bytes: u64,
    /// Events read.
    pub events: u64,
    /// Lines that could not be understood.
    pub bad_lines: u64,
    /// Lines that were longer than any may be.
    pub oversized_lines: u64,
    /// Files that became shorter than what was read of them.
    pub truncated: u64,
    /// Files in whose place another one was found.
    pub rotated: u64,
    /// Files that had other text before the place of the last reading.
    pub rewritten: u64,
    /// Files and directories that are not followed because there are as many as may be.
    pub left_out: u64,
    /// Why events are not held any more.
    pub evicted: Evicted,
}

/// Events that are not held any more, by the reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evicted {
    /// All transcripts together were over their budget, and this one was used least recently.
    pub total_budget: u64,
    /// Their transcript alone was over its budget.
    pub transcript_budget: u64,
    /// Their session has ended, or they are not watched any more.
    pub unwatched: u64,
    /// Their file was truncated, replaced or rewritten.
    pub replaced: u64,
    /// Their file is gone.
    pub gone: u64,
}
