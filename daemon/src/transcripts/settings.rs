//! What whoever starts the daemon decides about transcripts.

use std::path::PathBuf;
use std::time::Duration;

/// Bytes that everything about transcripts may take when nobody says otherwise: some hundred sessions of a day's work.
const MEMORY: usize = 200 << 20;

/// Bytes that the events of one transcript may take when nobody says otherwise: the longest session is no more than this, and a few
/// of them do not make all others go.
const TRANSCRIPT_MEMORY: usize = 32 << 20;

/// No budget is smaller: a few segments have to fit.
pub(crate) const MEMORY_MIN: usize = 1 << 20;

/// How often files are looked at: as soon as a person notices.
const EVERY: Duration = Duration::from_secs(1);

/// The settings.
#[derive(Debug, Clone)]
pub(crate) struct TranscriptSettings {
    /// Files and directories that are watched from the start.
    pub(crate) roots: Vec<PathBuf>,
    /// Where recordings are; beside the daemon's log, when absent.
    pub(crate) recordings: Option<PathBuf>,
    /// Bytes that everything about transcripts may take.
    pub(crate) max_memory: usize,
    /// Bytes that the events of one transcript may take.
    pub(crate) max_transcript_memory: usize,
    /// Between two looks at what is watched.
    pub(crate) every: Duration,
}

impl Default for TranscriptSettings {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            recordings: None,
            max_memory: MEMORY,
            max_transcript_memory: TRANSCRIPT_MEMORY,
            every: EVERY,
        }
    }
}
