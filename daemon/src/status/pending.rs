//! Files that have changed and are to be read when the changes have settled. Pure: the time comes in with each call.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use leakgate_probe::Held;
use sessiond_protocol::SessionName;

use super::board::Source;
use crate::gauges::STATUS_PENDING;

/// How long changes gather, from the first one on: a file that is written twice in a moment is read once, and nobody waits
/// noticeably.
pub(super) const SETTLE: Duration = Duration::from_millis(50);

/// Files that gather; of more, their whole directory is read.
const FILES_MAX: usize = 1024;

/// What is to be read.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// By profile and name.
    files: BTreeSet<(SessionName, Box<str>)>,
    /// Directories that are read as a whole.
    whole: BTreeSet<SessionName>,
    due: Option<Instant>,
    counted: Option<Held>,
}

/// What is to be read now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) files: BTreeSet<(SessionName, Box<str>)>,
    pub(super) whole: BTreeSet<SessionName>,
}

impl Pending {
    /// A file has changed; false when its whole directory is read for lack of room.
    pub(super) fn file(&mut self, now: Instant, source: Source) -> bool {
        let Source { profile, file } = source;
        if self.whole.contains(&profile) {
            return true;
        }
        if self.files.len() >= FILES_MAX {
            self.whole(now, profile);
            return false;
        }
        self.files.insert((profile, file));
        self.wake(now);
        true
    }

    /// A whole directory has changed.
    pub(super) fn whole(&mut self, now: Instant, profile: SessionName) {
        self.files.retain(|(other, _)| *other != profile);
        self.whole.insert(profile);
        self.wake(now);
    }

    fn wake(&mut self, now: Instant) {
        self.due.get_or_insert(now + SETTLE);
        let counted = self.counted.get_or_insert_with(|| STATUS_PENDING.hold(0));
        counted.resize(self.files.len() + self.whole.len());
    }

    /// When [`Pending::take`] is to be called.
    pub(super) const fn next_wake(&self) -> Option<Instant> {
        self.due
    }

    /// What has gathered, when it is time.
    pub(super) fn take(&mut self, now: Instant) -> Option<Batch> {
        if self.due.is_none_or(|due| now < due) {
            return None;
        }
        let Self { files, whole, .. } = std::mem::take(self);
        Some(Batch { files, whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(file: usize) -> Source {
        Source {
            profile: "p".parse().unwrap(),
            file: file.to_string().into(),
        }
    }

    #[test]
    fn changes_gather_from_the_first_one_on_and_are_read_once() {
        let (mut pending, begin) = (Pending::default(), Instant::now());
        for ms in 0..40 {
            pending.file(begin + Duration::from_millis(ms), source(1));
        }
        assert_eq!(pending.next_wake(), Some(begin + SETTLE));
        assert_eq!(pending.take(begin), None);
        let batch = pending.take(begin + SETTLE).unwrap();
        assert_eq!((batch.files.len(), batch.whole.len()), (1, 0));
        assert_eq!(
            (pending.next_wake(), pending.take(begin + SETTLE)),
            (None, None)
        );
    }

    #[test]
    fn of_too_many_files_the_whole_directory_is_read() {
        let (mut pending, now) = (Pending::default(), Instant::now());
        let refused = (0..5000).filter(|file| !pending.file(now, source(*file)));
        assert_eq!(refused.count(), 1);
        let batch = pending.take(now + SETTLE).unwrap();
        assert_eq!((batch.files.len(), batch.whole.len()), (0, 1));
    }
}
