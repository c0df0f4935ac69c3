//! Recordings: what a transcript says from some moment on, written down as Markdown by the daemon.

use serde::{Deserialize, Serialize};

use crate::name::SessionName;
use crate::session::{SessionId, SessionRef};
use crate::transcripts::TranscriptId;

/// Whose recording is meant: one of these is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// This transcript's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<TranscriptId>,
    /// That of what this session's agent writes itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionRef>,
}

/// What is to be recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordParams {
    /// Whose.
    pub of: Recorded,
    /// The file's, without `.md`; made from that of the transcript's file, when absent. A file that is there is gone on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SessionName>,
}

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingInfo {
    /// What is recorded.
    pub transcript: TranscriptId,
    /// The session that the transcript belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The file.
    pub path: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// Events written since it was begun.
    pub events: u64,
    /// When it was begun, in milliseconds since 1970 UTC.
    pub since_unix_ms: u64,
}
