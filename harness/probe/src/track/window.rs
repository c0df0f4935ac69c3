//! Owns one stretch of tracking: the table that is in use from `track start` to `track stop`.

use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::snapshot::{self, Written};
use super::stack;
use super::table::Table;
use super::{CURRENT, thread};
use crate::protocol::track::Mode;

/// How often one process can begin. Each table keeps up to 150 MiB of addresses (not of memory) for ever; a profiled run
/// begins once or twice.
const STARTS_MAX: usize = 64;

/// Every table of this process; their epochs are their places plus one.
static TABLES: [OnceLock<Table>; STARTS_MAX] = [const { OnceLock::new() }; STARTS_MAX];

/// The tables that are or were in use.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// Why tracking did not begin, or nothing was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrackError {
    #[error(
        "stacks cannot be read: this build has no frame pointers; allowed: x86-64 or aarch64, built with -C force-frame-pointers=yes"
    )]
    NoFramePointers,
    #[error("blocks are being tracked; allowed: track snapshot <path>, track stop")]
    Open,
    #[error("nothing is being tracked; allowed: track start exact <frames>")]
    Closed,
    #[error("{STARTS_MAX} tables were used; allowed: {STARTS_MAX} in the life of a process")]
    Exhausted,
    #[error("cannot map a table: {0}")]
    Map(io::Error),
    #[error("cannot write the snapshot: {0}")]
    Write(io::Error),
}

impl TrackError {
    /// The word for programs.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::NoFramePointers => "unsupported",
            Self::Open | Self::Closed | Self::Exhausted => "wrong_state",
            Self::Map(_) | Self::Write(_) => "io",
        }
    }
}

/// The table in use, if this probe has begun one.
pub(crate) struct TrackWindow {
    open: Option<&'static Table>,
}

impl TrackWindow {
    pub(crate) const fn new() -> Self {
        Self { open: None }
    }

    /// Records from now on, keeping so many frames of each stack.
    pub(crate) fn start(&mut self, mode: Mode, frames_max: usize) -> Result<(), TrackError> {
        if !stack::can_be_read() {
            return Err(TrackError::NoFramePointers);
        }
        if !CURRENT.load(Ordering::Acquire).is_null() {
            return Err(TrackError::Open);
        }
        let place = STARTED.fetch_add(1, Ordering::AcqRel);
        let Some(cell) = TABLES.get(place) else {
            STARTED.store(STARTS_MAX, Ordering::Release);
            return Err(TrackError::Exhausted);
        };
        let epoch = u16::try_from(place + 1).expect("at most 64");
        let table = Table::map(epoch, mode, frames_max.min(stack::FRAMES_MAX))
            .map_err(|errno| TrackError::Map(errno.into()))?;
        let table = cell.get_or_init(|| table);
        if let Some(before) = place.checked_sub(1).and_then(|place| TABLES[place].get()) {
            before.give_back();
        }
        let begun = CURRENT.compare_exchange(
            std::ptr::null_mut(),
            std::ptr::from_ref(table).cast_mut(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        if begun.is_err() {
            return Err(TrackError::Open);
        }
        self.open = Some(table);
        Ok(())
    }

    /// Writes what is alive now, and goes on.
    pub(crate) fn snapshot(&self, path: &Path) -> Result<Written, TrackError> {
        let table = self.open.ok_or(TrackError::Closed)?;
        thread::unrecorded(|| snapshot::write(table, path)).map_err(TrackError::Write)
    }

    /// Records nothing more.
    pub(crate) fn stop(&mut self) -> Result<(), TrackError> {
        self.open.take().ok_or(TrackError::Closed)?;
        CURRENT.store(std::ptr::null_mut(), Ordering::Release);
        Ok(())
    }
}

impl Drop for TrackWindow {
    /// A probe that ends stops what it has begun: nobody could read it any more.
    fn drop(&mut self) {
        let _ = self.stop();
    }
}
