//! One transcript as it is followed: how far it is read, and what is known of it. Its events are elsewhere.

use std::ffi::CString;

use leakgate_probe::Held;
use serde::{Deserialize, Serialize};
use sessiond_protocol::{
    LineFault, SessionId, TranscriptFormat, TranscriptId, TranscriptInfo, TranscriptKind, WatchId,
};

use super::block::{block, tree_entry};
use super::cursor::{Cursor, Identity};
use super::file::Stamp;
use super::files::Cause;
use super::format::{Said, beginning};
use super::recording::Recording;
use super::summary::{PROMPT_BYTES, SNIPPET_BYTES, keep_beginning};
use crate::gauges::TRANSCRIPTS;

/// Bytes of an agent's name for its session, and of what is wrong with a line.
const NAME_BYTES_MAX: usize = 128;

/// A transcript.
#[derive(Debug)]
pub(crate) struct Transcript {
    pub(crate) path: CString,
    pub(crate) watch: WatchId,
    /// The one that it is watched for.
    pub(crate) session: Option<SessionId>,
    /// What was said to be written in it.
    pub(crate) given_format: Option<TranscriptFormat>,
    pub(crate) parent: Option<TranscriptId>,
    /// What the file was when it was last looked at.
    pub(crate) stamp: Option<Stamp>,
    pub(crate) state: State,
    pub(crate) commands: Commands,
    pub(crate) recording: Option<Box<Recording>>,
    _counted: Held,
}

/// Which prompts are taken for commands to the daemon: those that are news, however often a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commands {
    None,
    After {
        /// Of those that tell their time.
        unix_ms: u64,
        /// In the file, of those that do not.
        offset: u64,
    },
}

impl Commands {
    /// Whether a command is news. Once it was, what is older is none.
    pub(crate) fn is_news(&mut self, at: u64, time_unix_ms: Option<u64>) -> bool {
        let Self::After { unix_ms, offset } = self else {
            return false;
        };
        match time_unix_ms {
            // Some agents write no fractions of seconds.
            Some(time) if time + 1000 <= *unix_ms => false,
            Some(time) => {
                *unix_ms = time.max(*unix_ms);
                true
            }
            None if at < *offset => false,
            None => {
                *offset = at;
                true
            }
        }
    }
}

/// What is kept of it over a restart of the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    pub(crate) cursor: Cursor,
    pub(crate) format: Option<TranscriptFormat>,
    pub(crate) agent_session: String,
    pub(crate) events: u64,
    pub(crate) bad_lines: u64,
    pub(crate) oversized_lines: u64,
    pub(crate) last_fault: Option<(u64, String)>,
    pub(crate) last_event_unix_ms: Option<u64>,
    pub(crate) prompt: String,
    pub(crate) snippet: String,
}

impl State {
    pub(crate) const fn new(identity: Identity, format: Option<TranscriptFormat>) -> Self {
        Self {
            cursor: Cursor::start(identity),
            format,
            agent_session: String::new(),
            events: 0,
            bad_lines: 0,
            oversized_lines: 0,
            last_fault: None,
            last_event_unix_ms: None,
            prompt: String::new(),
            snippet: String::new(),
        }
    }

    pub(crate) fn note(&mut self, said: Said<'_>) {
        self.events += 1;
        if said.time_unix_ms.is_some() {
            self.last_event_unix_ms = said.time_unix_ms;
        }
        if said.kind == TranscriptKind::Prompt {
            keep_beginning(&mut self.prompt, said.text, PROMPT_BYTES);
        }
        if matches!(said.kind, TranscriptKind::Prompt | TranscriptKind::Reply) {
            keep_beginning(&mut self.snippet, said.text, SNIPPET_BYTES);
        }
    }

    pub(crate) fn note_session(&mut self, name: &str) {
        let name = beginning(name, NAME_BYTES_MAX);
        if self.agent_session != name {
            name.clone_into(&mut self.agent_session);
        }
    }

    pub(crate) fn note_fault(&mut self, at: u64, why: &str) {
        let (place, text) = self.last_fault.get_or_insert_default();
        *place = at;
        beginning(why, NAME_BYTES_MAX).clone_into(text);
    }

    /// Lets go of what was said; where the file has been read to stays known.
    pub(crate) fn forget_texts(&mut self) {
        self.prompt = String::new();
        self.snippet = String::new();
        self.last_fault = None;
    }

    fn heap_bytes(&self) -> usize {
        let fault = self.last_fault.as_ref();
        block(self.agent_session.capacity())
            + block(self.prompt.capacity())
            + block(self.snippet.capacity())
            + fault.map_or(0, |(_, why)| block(why.capacity()))
    }
}

impl Transcript {
    pub(crate) fn new(
        path: CString,
        cause: Cause,
        parent: Option<TranscriptId>,
        state: State,
    ) -> Self {
        Self {
            path,
            watch: cause.watch,
            session: cause.session,
            given_format: cause.format,
            parent,
            stamp: None,
            state,
            commands: Commands::None,
            recording: None,
            _counted: TRANSCRIPTS.hold(1),
        }
    }

    /// Bytes of its blocks, of its place among the others, and of its path in the index.
    pub(crate) fn heap_bytes(&self) -> usize {
        2 * block(self.path.count_bytes() + 1)
            + block(size_of::<Self>())
            + tree_entry::<TranscriptId, Box<Self>>()
            + tree_entry::<CString, TranscriptId>()
            + self.state.heap_bytes()
            + self
                .recording
                .as_ref()
                .map_or(0, |recording| recording.heap_bytes())
    }

    /// What is told of it; what is held of it is known elsewhere.
    pub(crate) fn info(&self, id: TranscriptId) -> TranscriptInfo {
        let state = &self.state;
        TranscriptInfo {
            id,
            path: self.path.to_string_lossy().into_owned(),
            format: state.format,
            watch: self.watch,
            session: self.session,
            parent: self.parent,
            agent_session: state.agent_session.clone(),
            file_bytes: self.stamp.map_or(0, |stamp| stamp.bytes),
            read_bytes: state.cursor.offset,
            events: state.events,
            held_events: 0,
            held_bytes: 0,
            bad_lines: state.bad_lines,
            oversized_lines: state.oversized_lines,
            last_fault: state.last_fault.as_ref().map(|(at, why)| LineFault {
                at: *at,
                why: why.clone(),
            }),
            last_event_unix_ms: state.last_event_unix_ms,
            prompt: state.prompt.clone(),
            snippet: state.snippet.clone(),
        }
    }
}
