//! All transcripts that are followed, and their events: which there are, and what their lines add to them.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::path::PathBuf;

use sessiond_protocol::{SessionId, TranscriptFormat, TranscriptId, TranscriptKind, WatchId};

use super::cursor::{Change, Identity};
use super::file::{self, Found, Stamp};
use super::format::{self, Listener, Said};
use super::lines::{LINE_BYTES_MAX, Line};
use super::recording::{Command, Over, Recording};
use super::store::{Store, Why};
use super::summary::Run;
use super::transcript::{Commands, State, Transcript};

/// Transcripts at a time. A year of somebody who starts ten agents a day; a look at each takes a microsecond.
pub(crate) const TRANSCRIPTS_MAX: usize = 4096;

/// For what a transcript is followed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause {
    pub(crate) watch: WatchId,
    pub(crate) session: Option<SessionId>,
    pub(crate) format: Option<TranscriptFormat>,
    /// Since when, in milliseconds since 1970 UTC: what was said to the daemon before that is history.
    pub(crate) since_unix_ms: u64,
}

/// What was counted since the daemon was started.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) read_bytes: u64,
    pub(crate) events: u64,
    pub(crate) bad_lines: u64,
    pub(crate) oversized_lines: u64,
    pub(crate) truncated: u64,
    pub(crate) rotated: u64,
    pub(crate) rewritten: u64,
}

/// The owner of all transcripts.
#[derive(Debug)]
pub(crate) struct Files {
    transcripts: BTreeMap<TranscriptId, Box<Transcript>>,
    by_path: BTreeMap<CString, TranscriptId>,
    pub(crate) store: Store,
    pub(crate) counts: Counts,
    /// What an earlier daemon knew of files that have not been found yet.
    remembered: BTreeMap<CString, State>,
    last: u64,
    /// The directory of recordings.
    pub(super) recorded_in: PathBuf,
    /// Of transcripts, and of what is watched.
    other_bytes: usize,
}

/// What a file's line adds to its transcript.
struct Reader<'a> {
    id: TranscriptId,
    at: u64,
    state: &'a mut State,
    store: &'a mut Store,
    run: Option<&'a mut Run>,
    counts: &'a mut Counts,
    commands: &'a mut Commands,
    recording: Option<&'a mut Recording>,
    /// What the line has come to beside its events.
    aside: Aside,
}

/// What a line has come to beside its events.
#[derive(Default)]
struct Aside {
    command: Option<Command>,
    over: Option<Over>,
}

impl Listener for Reader<'_> {
    fn said(&mut self, said: Said<'_>) {
        self.counts.events += 1;
        self.state.note(said);
        if let Some(run) = &mut self.run {
            run.note(self.id, self.at, said);
        }
        self.store.append(self.id, self.at, said);
        if said.kind == TranscriptKind::Prompt
            && let Some(command) = Command::read(said.text)
        {
            if self.commands.is_news(self.at, said.time_unix_ms) {
                self.aside.command = Some(command);
            }
        } else if let Some(recording) = &mut self.recording
            && let Err(over) = recording.note(said)
        {
            self.aside.over = Some(over);
        }
    }

    fn session(&mut self, name: &str) {
        self.state.note_session(name);
    }
}

impl Files {
    pub(crate) fn new(
        store: Store,
        remembered: BTreeMap<CString, State>,
        recorded_in: PathBuf,
    ) -> Self {
        Self {
            transcripts: BTreeMap::new(),
            by_path: BTreeMap::new(),
            store,
            counts: Counts::default(),
            remembered,
            last: 0,
            recorded_in,
            other_bytes: 0,
        }
    }

    /// Lets go of what an earlier daemon knew of files that are not there any more.
    pub(crate) fn forget_remembered(&mut self) {
        self.remembered = BTreeMap::new();
    }

    pub(crate) fn len(&self) -> usize {
        self.transcripts.len()
    }

    pub(crate) fn get(&self, id: TranscriptId) -> Option<&Transcript> {
        self.transcripts.get(&id).map(|transcript| &**transcript)
    }

    pub(crate) fn after(
        &self,
        after: Option<TranscriptId>,
    ) -> impl Iterator<Item = (TranscriptId, &Transcript)> {
        let first = TranscriptId(after.map_or(0, |after| after.0.saturating_add(1)));
        let rest = self.transcripts.range(first..);
        rest.map(|(id, transcript)| (*id, &**transcript))
    }

    /// Changes what is accounted for beside events.
    pub(crate) fn account(&mut self, before: usize, now: usize) {
        self.other_bytes = self.other_bytes.wrapping_add(now.wrapping_sub(before));
        self.store.set_other_bytes(self.other_bytes);
    }

    pub(super) fn change<T>(
        &mut self,
        id: TranscriptId,
        change: impl FnOnce(&mut Transcript) -> T,
    ) -> Option<T> {
        let transcript = self.transcripts.get_mut(&id)?;
        let before = transcript.heap_bytes();
        let result = change(transcript);
        let now = transcript.heap_bytes();
        self.account(before, now);
        Some(result)
    }

    /// Takes a file that was found; false when there is no place for it.
    pub(crate) fn found(&mut self, path: &CStr, cause: Cause, run: &mut Option<Run>) -> bool {
        let id = match self.by_path.get(path) {
            Some(id) => {
                let id = *id;
                self.adopt(id, cause, run);
                return true;
            }
            None => match file::look(path) {
                Some(Found::File(stamp)) => self.add(path, stamp, cause),
                _ => return true, // it has gone meanwhile
            },
        };
        if let (Some(id), Some(run)) = (id, run) {
            run.transcript.get_or_insert(id);
        }
        id.is_some()
    }

    /// A session's watch takes over what was followed for nobody in particular.
    fn adopt(&mut self, id: TranscriptId, cause: Cause, run: &mut Option<Run>) {
        let Some(transcript) = self.transcripts.get_mut(&id) else {
            return;
        };
        if transcript.watch == cause.watch
            || cause.session.is_none()
            || transcript.session.is_some()
        {
            return;
        }
        transcript.watch = cause.watch;
        transcript.session = cause.session;
        if let Some(run) = run
            && run.transcript.is_none()
        {
            run.transcript = Some(id);
            run.prompt.clone_from(&transcript.state.prompt);
        }
    }

    fn add(&mut self, path: &CStr, stamp: Stamp, cause: Cause) -> Option<TranscriptId> {
        if let Some(moved) = self.moved(path, stamp, cause.watch) {
            self.rename(moved, path);
            return Some(moved);
        }
        if self.transcripts.len() >= TRANSCRIPTS_MAX {
            return None;
        }
        self.last += 1;
        let id = TranscriptId(self.last);
        let state = match self.remembered.remove(path) {
            Some(state) => state,
            None => State::new(stamp.identity, cause.format),
        };
        let parent = self.parent(path);
        let mut transcript = Transcript::new(path.to_owned(), cause, parent, state);
        transcript.commands = match parent {
            None => Commands::After {
                unix_ms: cause.since_unix_ms,
                offset: stamp.bytes,
            },
            // What a sub-agent is asked is not asked by a person.
            Some(_) => Commands::None,
        };
        let transcript = Box::new(transcript);
        let bytes = transcript.heap_bytes();
        self.by_path.insert(path.to_owned(), id);
        self.transcripts.insert(id, transcript);
        self.account(0, bytes);
        Some(id)
    }

    /// The transcript of this watch that was this file and whose path is not any more. A new file may have the number of one that was
    /// removed: what was read has to be there.
    fn moved(&self, path: &CStr, stamp: Stamp, watch: WatchId) -> Option<TranscriptId> {
        let identity = stamp.identity;
        let is_it = |transcript: &Transcript| {
            let cursor = transcript.state.cursor;
            transcript.watch == watch
                && cursor.identity == identity
                && cursor.offset > 0
                && file::open(path).is_ok_and(|(file, identity, bytes)| {
                    let print = file::print_before(&file, cursor.offset).ok();
                    print.is_some() && cursor.change(identity, bytes, print) == Change::Grown
                })
        };
        let same = self.after(None).filter(|(_, transcript)| is_it(transcript));
        let is_away = |path: &CStr| match file::look(path) {
            Some(Found::File(stamp)) => stamp.identity != identity,
            found => found.is_some(),
        };
        let mut moved = same.filter(|(_, transcript)| is_away(&transcript.path));
        moved.next().map(|(id, _)| id)
    }

    fn rename(&mut self, id: TranscriptId, path: &CStr) {
        let old = self.change(id, |transcript| {
            std::mem::replace(&mut transcript.path, path.to_owned())
        });
        if let Some(old) = old {
            self.by_path.remove(&old);
            self.by_path.insert(path.to_owned(), id);
        }
    }

    /// The transcript in whose directory a sub-agent's is.
    fn parent(&self, path: &CStr) -> Option<TranscriptId> {
        let mut rest = path.to_bytes();
        while let Some(end) = rest.iter().rposition(|byte| *byte == b'/') {
            rest = &rest[..end];
            let beside = CString::new([rest, super::tree::SUFFIX].concat()).ok()?;
            if let Some(parent) = self.by_path.get(&beside) {
                return Some(*parent);
            }
        }
        None
    }

    /// Forgets a transcript.
    pub(crate) fn remove(&mut self, id: TranscriptId, why: Why) {
        let over = match why {
            Why::Unwatched => Over::Unwatched,
            Why::Replaced => Over::Replaced,
            Why::Gone => Over::Gone,
        };
        self.end_recording(id, &over);
        if let Some(transcript) = self.transcripts.remove(&id) {
            self.by_path.remove(&transcript.path);
            self.account(transcript.heap_bytes(), 0);
        }
        self.store.forget(id, why);
    }

    /// Forgets what a transcript says, and follows it from here on for something else.
    pub(crate) fn release(&mut self, id: TranscriptId, cause: Cause) {
        self.end_recording(id, &Over::Unwatched);
        self.change(id, |transcript| {
            transcript.watch = cause.watch;
            transcript.session = cause.session;
            transcript.state.forget_texts();
        });
        self.store.forget(id, Why::Unwatched);
    }

    /// Begins a transcript anew, if its file is not what it was.
    pub(crate) fn follow_change(&mut self, id: TranscriptId, change: Change, identity: Identity) {
        let count = match change {
            Change::Grown => return,
            Change::Truncated => &mut self.counts.truncated,
            Change::Rotated => &mut self.counts.rotated,
            Change::Rewritten => &mut self.counts.rewritten,
        };
        *count += 1;
        tracing::info!(transcript = id.0, ?change, "a transcript begins anew");
        self.end_recording(id, &Over::Replaced);
        self.change(id, |transcript| {
            transcript.state = State::new(identity, transcript.given_format);
        });
        self.store.forget(id, Why::Replaced);
    }

    pub(crate) fn set_stamp(&mut self, id: TranscriptId, stamp: Stamp) {
        if let Some(transcript) = self.transcripts.get_mut(&id) {
            transcript.stamp = Some(stamp);
        }
    }

    /// Notes how far a file has been read.
    pub(crate) fn advance(&mut self, id: TranscriptId, bytes: usize, skipping: Option<u64>) {
        let bytes = bytes as u64;
        self.counts.read_bytes += bytes;
        if let Some(transcript) = self.transcripts.get_mut(&id) {
            transcript.state.cursor.offset += bytes;
            transcript.state.cursor.skipping = skipping;
        }
    }

    pub(crate) fn set_print(&mut self, id: TranscriptId, print: u64) {
        if let Some(transcript) = self.transcripts.get_mut(&id) {
            transcript.state.cursor.print = print;
        }
    }

    /// Takes lines of a file.
    pub(crate) fn take<'a>(
        &mut self,
        id: TranscriptId,
        lines: impl IntoIterator<Item = Line<'a>>,
        mut run: Option<&mut Run>,
    ) {
        for line in lines {
            let Aside { command, over } = self.take_one(id, line, run.as_deref_mut());
            if let Some(over) = over {
                self.end_recording(id, &over);
            }
            if let Some(command) = command {
                self.obey(id, command);
            }
        }
    }

    fn take_one(&mut self, id: TranscriptId, line: Line<'_>, run: Option<&mut Run>) -> Aside {
        let Some(transcript) = self.transcripts.get_mut(&id) else {
            return Aside::default();
        };
        let before = transcript.heap_bytes();
        let mut reader = Reader {
            id,
            at: 0,
            state: &mut transcript.state,
            store: &mut self.store,
            run,
            counts: &mut self.counts,
            commands: &mut transcript.commands,
            recording: transcript.recording.as_deref_mut(),
            aside: Aside::default(),
        };
        reader.take(line);
        let aside = reader.aside;
        let now = transcript.heap_bytes();
        self.account(before, now);
        aside
    }
}

impl Reader<'_> {
    fn take(&mut self, line: Line<'_>) {
        match line {
            Line::Oversized { at, .. } => {
                self.state.oversized_lines += 1;
                self.counts.oversized_lines += 1;
                let why = format!("longer than {LINE_BYTES_MAX} bytes");
                self.fault(at, &why);
            }
            Line::Whole { bytes, .. } if bytes.trim_ascii().is_empty() => {}
            Line::Whole { at, bytes } => {
                self.at = at;
                if let Err(error) = self.read(bytes) {
                    self.state.bad_lines += 1;
                    self.counts.bad_lines += 1;
                    self.fault(at, &error.to_string());
                }
            }
        }
    }

    fn read(&mut self, line: &[u8]) -> Result<(), format::BadLine> {
        let format = match self.state.format {
            Some(format) => format,
            // Where the first line is none, the next one tells.
            None => *self.state.format.insert(format::recognise(line)?),
        };
        format::read(format, line, self)
    }

    /// Notes a line that is skipped; the first of a transcript is worth a line of the log.
    fn fault(&mut self, at: u64, why: &str) {
        if self.state.bad_lines + self.state.oversized_lines == 1 {
            tracing::warn!(transcript = self.id.0, at, why, "a line was skipped");
        }
        self.state.note_fault(at, why);
    }
}
