//! What is watched, and the transcripts that are followed for it.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};

use leakgate_probe::Held;
use sessiond_protocol::{
    ErrorCode, Failure, SessionId, TranscriptFormat, TranscriptId, WatchId, WatchInfo,
};

use super::block::tree_entry;
use super::files::{Cause, Files};
use super::lines::Line;
use super::store::{Store, Why};
use super::summary::Run;
use super::transcript::State;
use super::tree::{Progress, Tree};
use crate::gauges::TRANSCRIPT_WATCHES;

/// Things that are watched at a time: one or two for every agent that runs.
const WATCHES_MAX: usize = 256;

/// Bytes of a path that is watched.
const PATH_BYTES_MAX: usize = 1024;

/// Everything that is known of transcripts.
#[derive(Debug)]
pub(crate) struct Book {
    watches: BTreeMap<WatchId, Watch>,
    pub(crate) files: Files,
    last: u64,
    /// A cursor has changed since cursors were written.
    pub(crate) is_dirty: bool,
}

/// Something that is watched.
#[derive(Debug)]
struct Watch {
    tree: Tree,
    format: Option<TranscriptFormat>,
    origin: Origin,
    since_unix_ms: u64,
    /// Of the session that it is watched for.
    run: Option<Run>,
    /// Bytes that are accounted for.
    bytes: usize,
    _counted: Held,
}

/// Who wants something watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Whoever has started the daemon: for as long as it runs, and its cursors outlive it.
    Configured,
    Asked(Option<SessionId>),
}

impl Watch {
    fn cause(&self, id: WatchId) -> Cause {
        Cause {
            watch: id,
            session: self.run.as_ref().map(|run| run.session),
            format: self.format,
            since_unix_ms: self.since_unix_ms,
        }
    }

    fn heap_bytes(&self) -> usize {
        self.tree.heap_bytes()
            + self.run.as_ref().map_or(0, Run::heap_bytes)
            + tree_entry::<WatchId, Self>()
    }
}

impl Book {
    pub(crate) fn new(
        store: Store,
        remembered: BTreeMap<CString, State>,
        recorded_in: PathBuf,
    ) -> Self {
        Self {
            watches: BTreeMap::new(),
            files: Files::new(store, remembered, recorded_in),
            last: 0,
            is_dirty: false,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// Begins to watch; what was watched at the same path for a session, or for nobody, is replaced.
    ///
    /// # Errors
    /// `bad_request` for a path that is not absolute or too long, `limit`.
    pub(crate) fn watch(
        &mut self,
        path: &Path,
        format: Option<TranscriptFormat>,
        origin: Origin,
    ) -> Result<WatchId, Failure> {
        let bad = |message: String| Failure::new(ErrorCode::BadRequest, message);
        let bytes = path.as_os_str().as_encoded_bytes();
        let trimmed = bytes.strip_suffix(b"/").unwrap_or(bytes);
        let Ok(root) = CString::new(trimmed) else {
            return Err(bad("a path has no zero byte".to_owned()));
        };
        if !path.is_absolute() || trimmed.is_empty() || trimmed.len() > PATH_BYTES_MAX {
            return Err(bad(format!(
                "{} is not an absolute path below / of at most {PATH_BYTES_MAX} bytes",
                path.display()
            )));
        }
        let mut same = self.watches.iter().filter(|(_, watch)| {
            watch.tree.root() == root.as_c_str() && watch.origin != Origin::Configured
        });
        if let Some((id, watch)) = same.next() {
            let id = *id;
            if watch.origin == origin && watch.format == format {
                return Ok(id);
            }
            self.unwatch(id);
        }
        if self.watches.len() >= WATCHES_MAX {
            let message = format!("{WATCHES_MAX} files and directories are watched");
            return Err(Failure::new(ErrorCode::Limit, message));
        }
        self.last += 1;
        let id = WatchId(self.last);
        let run = match origin {
            Origin::Asked(Some(session)) => Some(Run::new(session)),
            Origin::Asked(None) | Origin::Configured => None,
        };
        let mut watch = Watch {
            tree: Tree::new(root),
            format,
            origin,
            since_unix_ms: super::now_unix_ms(),
            run,
            bytes: 0,
            _counted: TRANSCRIPT_WATCHES.hold(1),
        };
        watch.bytes = watch.heap_bytes();
        self.files.account(0, watch.bytes);
        self.watches.insert(id, watch);
        Ok(id)
    }

    /// Ends it, and forgets what was followed for it; false when there is no such watch.
    pub(crate) fn unwatch(&mut self, id: WatchId) -> bool {
        let Some(watch) = self.watches.remove(&id) else {
            return false;
        };
        self.is_dirty = true;
        self.files.account(watch.bytes, 0);
        let mut last = None;
        while let Some((transcript, cause)) = self.next_of(id, last) {
            match cause {
                Some(cause) => self.files.release(transcript, cause),
                None => self.files.remove(transcript, Why::Unwatched),
            }
            last = Some(transcript);
        }
        true
    }

    /// The next transcript that is followed for a watch, and what else it would be followed for.
    fn next_of(
        &self,
        watch: WatchId,
        after: Option<TranscriptId>,
    ) -> Option<(TranscriptId, Option<Cause>)> {
        let mut of_watch = self.files.after(after).filter(|(_, t)| t.watch == watch);
        let (id, transcript) = of_watch.next()?;
        let mut others = self.watches.iter();
        let other = others.find(|(_, other)| other.tree.covers(&transcript.path));
        Some((id, other.map(|(id, other)| other.cause(*id))))
    }

    /// A session has ended for good: nothing is kept of what its agent has written.
    pub(crate) fn session_over(&mut self, session: SessionId) {
        let of_session = Origin::Asked(Some(session));
        while let Some((id, _)) = self
            .watches
            .iter()
            .find(|(_, watch)| watch.origin == of_session)
        {
            self.unwatch(*id);
        }
    }

    /// Looks for files of the watch after `after`, a few directories at a time; which watch it was, and whether it is through.
    pub(crate) fn find(
        &mut self,
        after: Option<WatchId>,
        now_ns: i128,
    ) -> Option<(WatchId, Progress)> {
        let first = WatchId(after.map_or(0, |after| after.0.saturating_add(1)));
        let (id, watch) = self.watches.range_mut(first..).next()?;
        let cause = watch.cause(*id);
        let files = &mut self.files;
        let Watch { tree, run, .. } = watch;
        let progress = tree.look(now_ns, |path: &CStr| files.found(path, cause, run));
        let before = std::mem::replace(&mut watch.bytes, 0);
        watch.bytes = watch.heap_bytes();
        files.account(before, watch.bytes);
        Some((*id, progress))
    }

    /// Takes lines of a transcript's file.
    pub(crate) fn take<'a>(&mut self, id: TranscriptId, lines: impl IntoIterator<Item = Line<'a>>) {
        let watch = self.files.get(id).map(|transcript| transcript.watch);
        let watch = watch.and_then(|watch| self.watches.get_mut(&watch));
        let Some(Watch { run, bytes, .. }) = watch else {
            return self.files.take(id, lines, None);
        };
        let before = run.as_ref().map_or(0, Run::heap_bytes);
        self.files.take(id, lines, run.as_mut());
        let now = run.as_ref().map_or(0, Run::heap_bytes);
        *bytes = *bytes + now - before;
        self.files.account(before, now);
    }

    /// The last thing that is watched for a session.
    pub(crate) fn run(&self, session: SessionId) -> Option<&Run> {
        let mut runs = self.watches.values().filter_map(|watch| watch.run.as_ref());
        runs.rfind(|run| run.session == session)
    }

    pub(crate) fn left_out(&self) -> u64 {
        let watches = self.watches.values();
        watches.map(|watch| watch.tree.left_out()).sum()
    }

    pub(crate) fn watch_info(&self, id: WatchId) -> Option<WatchInfo> {
        let watch = self.watches.get(&id)?;
        let transcripts = self.files.after(None);
        Some(WatchInfo {
            id,
            path: watch.tree.root().to_string_lossy().into_owned(),
            format: watch.format,
            session: watch.run.as_ref().map(|run| run.session),
            configured: watch.origin == Origin::Configured,
            transcripts: transcripts.filter(|(_, t)| t.watch == id).count() as u64,
            directories: watch.tree.directories() as u64,
        })
    }

    pub(crate) fn watch_infos(&self) -> Vec<WatchInfo> {
        let ids = self.watches.keys();
        ids.filter_map(|id| self.watch_info(*id)).collect()
    }

    /// What is to be kept over a restart: of the files that whoever starts the daemon wants followed.
    pub(crate) fn to_be_kept(&self) -> impl Iterator<Item = (&CStr, &State)> {
        let is_configured = |path: &CStr| {
            let mut watches = self.watches.values();
            watches.any(|watch| watch.origin == Origin::Configured && watch.tree.covers(path))
        };
        let transcripts = self.files.after(None);
        transcripts
            .filter(move |(_, transcript)| is_configured(&transcript.path))
            .map(|(_, transcript)| (transcript.path.as_c_str(), &transcript.state))
    }
}
