//! Archives as the core knows them: which there are, which are being written or read, and which have to go. The files are
//! elsewhere ([`ArchiveStore`](crate::archives::ArchiveStore)); their text never comes here but on its way through.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use leakgate_probe::Held;
use sessiond_protocol::{
    ArchiveId, ArchiveInfo, ArchiveParams, CreateParams, EndReason, ErrorCode, Failure, SessionRef,
    Success,
};

use super::creation::{bad, too_large_to_keep};
use super::entry::{Fate, Life, still_starting};
use super::recipe::{Recipe, Remembered};
use super::requests::Answer;
use super::waiting::{Archiver, Pending, Wish};
use super::{Core, Effect, Keep, Now, Plane, Ticket};
use crate::gauges::ARCHIVES;

/// Archives at a time; the oldest makes room. A screenful or two of a list.
pub(super) const ARCHIVES_MAX: usize = 64;

/// Bytes of text in all archives; the oldest make room. What a small host's disk does not feel.
pub(super) const ARCHIVES_BYTES_MAX: u64 = 16 << 20;

/// How long an archive is kept unless whoever starts the daemon says something else.
pub(crate) const ARCHIVE_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Archives that are on their way to the disk at a time, each with its text in memory.
const WRITES_MAX: usize = 8;

/// What is written of a session.
#[derive(Debug)]
pub(crate) struct Manuscript {
    pub(crate) info: ArchiveInfo,
    pub(crate) recipe: Arc<Recipe>,
    pub(crate) text: String,
}

/// What was read of an archive.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) params: CreateParams,
    pub(crate) text: String,
}

/// One archive.
#[derive(Debug)]
struct Archive {
    info: ArchiveInfo,
    expires: Instant,
    /// Whoever restores it: nobody else may.
    reader: Option<Pending>,
    _counted: Held,
}

/// All archives.
#[derive(Debug)]
pub(super) struct Archives {
    known: BTreeMap<ArchiveId, Archive>,
    /// Those that are being written, by the number that they will have.
    writers: BTreeMap<ArchiveId, Pending>,
    /// Sessions that are being ended to be archived.
    awaited: usize,
    last: u64,
    age_max: Duration,
}

impl Archives {
    pub(super) const fn new(age_max: Duration) -> Self {
        Self {
            known: BTreeMap::new(),
            writers: BTreeMap::new(),
            awaited: 0,
            last: 0,
            age_max,
        }
    }

    /// When one is too old next. One that is being read has its turn afterwards.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let idle = self
            .known
            .values()
            .filter(|archive| archive.reader.is_none());
        idle.map(|archive| archive.expires).min()
    }

    #[cfg(test)]
    pub(super) fn ids(&self) -> impl Iterator<Item = &ArchiveId> {
        self.known.keys()
    }

    fn insert(&mut self, now: Now, info: ArchiveInfo) {
        self.last = self.last.max(info.id.0);
        let age = Duration::from_millis(now.unix_ms.saturating_sub(info.archived_unix_ms));
        let archive = Archive {
            expires: now.instant + self.age_max.saturating_sub(age),
            info,
            reader: None,
            _counted: ARCHIVES.hold(1),
        };
        self.known.insert(archive.info.id, archive);
    }

    /// Takes one out that is too old, or the oldest of too many or too large ones. One that is being read stays.
    fn take_surplus(&mut self, now: Now) -> Option<ArchiveId> {
        let bytes: u64 = self
            .known
            .values()
            .map(|archive| archive.info.text_bytes)
            .sum();
        let too_many = self.known.len() > ARCHIVES_MAX || bytes > ARCHIVES_BYTES_MAX;
        let mut idle = self
            .known
            .iter()
            .filter(|(_, archive)| archive.reader.is_none());
        let surplus = idle.find(|(_, archive)| too_many || archive.expires <= now.instant);
        let id = surplus.map(|(id, _)| *id)?;
        self.known.remove(&id);
        Some(id)
    }
}

impl<P: Plane> Core<P> {
    /// Archives that an earlier daemon left.
    pub(super) fn archives_found(&mut self, now: Now, found: Vec<ArchiveInfo>) {
        for info in found {
            self.archives.insert(now, info);
        }
    }

    pub(super) fn archive(
        &mut self,
        now: Now,
        ticket: Ticket,
        session: &SessionRef,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        self.check_open()?;
        if self.archives.awaited + self.archives.writers.len() >= WRITES_MAX {
            let message = format!("{WRITES_MAX} sessions are being archived already");
            return Err(Failure::new(ErrorCode::Busy, message));
        }
        let mut entry = self.find(session)?;
        if matches!(entry.fate, Fate::Gone(_)) {
            return Err(Failure::new(
                ErrorCode::Exited,
                "the session is being ended",
            ));
        }
        if matches!(entry.life, Life::Queued { .. } | Life::Starting { .. }) {
            return Err(still_starting());
        }
        if entry.calls.run.is_some() {
            return Err(bad("a run is not archived: its output is in its answer"));
        }
        if entry.recipe.whole().is_none() {
            return Err(too_large_to_keep());
        }
        entry.calls.archiver = Some(Archiver {
            pending: Pending::new(ticket),
            unix_ms: now.unix_ms,
        });
        if let Life::Running { handle, .. } = &entry.life {
            effects.push(Effect::KeepText {
                session: handle.clone(),
            });
        }
        let id = entry.id();
        drop(entry);
        self.archives.awaited += 1;
        self.end(id, Fate::Gone(EndReason::Closed), effects);
        Ok(None)
    }

    /// A session that is to be archived has ended.
    pub(super) fn write_archive(
        &mut self,
        archiver: Archiver,
        recipe: &Remembered,
        name: Option<sessiond_protocol::SessionName>,
        text: String,
        effects: &mut Vec<Effect<P>>,
    ) {
        self.archives.awaited -= 1;
        let Some(recipe) = recipe.whole() else {
            return; // it was refused
        };
        self.archives.last += 1;
        let id = ArchiveId(self.archives.last);
        let info = ArchiveInfo {
            id,
            name,
            command: Remembered::new(recipe).command(),
            archived_unix_ms: archiver.unix_ms,
            text_bytes: text.len() as u64,
        };
        self.archives.writers.insert(id, archiver.pending);
        effects.push(Effect::WriteArchive {
            manuscript: Box::new(Manuscript {
                info,
                recipe: Arc::clone(recipe),
                text,
            }),
        });
    }

    /// An archive is on the disk, or could not be written.
    pub(super) fn archive_written(
        &mut self,
        now: Now,
        info: ArchiveInfo,
        result: Result<(), Failure>,
        effects: &mut Vec<Effect<P>>,
    ) {
        let writer = self.archives.writers.remove(&info.id);
        if result.is_ok() {
            self.archives.insert(now, info.clone());
        }
        if let Some(writer) = writer {
            let result = result.map(|()| Success::Archived { archive: info });
            self.reply(writer.ticket, result, effects);
        }
        self.drop_surplus_archives(now, effects);
    }

    /// Removes what is too old, too many or too large.
    pub(super) fn drop_surplus_archives(&mut self, now: Now, effects: &mut Vec<Effect<P>>) {
        while let Some(archive) = self.archives.take_surplus(now) {
            effects.push(Effect::RemoveArchive { archive });
        }
    }

    pub(super) fn list_archives(&self) -> Success {
        let known = self.archives.known.values();
        Success::Archives {
            archives: known.map(|archive| archive.info.clone()).collect(),
        }
    }

    /// Removes an archive.
    pub(super) fn forget(&mut self, params: ArchiveParams, effects: &mut Vec<Effect<P>>) -> Answer {
        self.idle_archive(params)?;
        let archive = params.archive;
        self.archives.known.remove(&archive);
        effects.push(Effect::RemoveArchive { archive });
        Ok(Some(Success::Forgotten {}))
    }

    pub(super) fn restore(
        &mut self,
        ticket: Ticket,
        params: ArchiveParams,
        effects: &mut Vec<Effect<P>>,
    ) -> Answer {
        self.check_open()?;
        self.idle_archive(params)?.reader = Some(Pending::new(ticket));
        let archive = params.archive;
        effects.push(Effect::ReadArchive { archive });
        Ok(None)
    }

    /// An archive that nobody is restoring.
    fn idle_archive(&mut self, params: ArchiveParams) -> Result<&mut Archive, Failure> {
        let ArchiveParams { archive: id } = params;
        let archive = self
            .archives
            .known
            .get_mut(&id)
            .ok_or_else(|| Failure::new(ErrorCode::NotFound, format!("no archive {id}")))?;
        if archive.reader.is_some() {
            let message = format!("archive {id} is being restored");
            return Err(Failure::new(ErrorCode::Busy, message));
        }
        Ok(archive)
    }

    /// An archive was read, or could not be: a session is started that shows its text.
    pub(super) fn archive_read(
        &mut self,
        now: Now,
        id: ArchiveId,
        result: Result<Reading, Failure>,
        effects: &mut Vec<Effect<P>>,
    ) {
        let archive = self.archives.known.get_mut(&id);
        let Some(reader) = archive.and_then(|archive| archive.reader.take()) else {
            return;
        };
        let started = result.and_then(|reading| self.start_restored(now, reader.ticket, reading));
        match started {
            Ok(()) => {
                self.archives.known.remove(&id);
                effects.push(Effect::RemoveArchive { archive: id });
            }
            Err(failure) => self.reply(reader.ticket, Err(failure), effects),
        }
    }

    fn start_restored(
        &mut self,
        now: Now,
        ticket: Ticket,
        reading: Reading,
    ) -> Result<(), Failure> {
        let Reading { params, text } = reading;
        self.check(&params)?;
        let place = self.free_name(&params)?;
        let id = self.admit(now, Recipe::new(params), place, Keep::Nothing)?;
        if let Some(mut entry) = self.sessions.change(id) {
            entry.add_creator(ticket, Wish::New);
            entry.show_first(text);
        }
        Ok(())
    }
}
