//! Owns [`Counters`]: a ledger with a shard for every slot, written by whichever thread calls.

use std::sync::atomic::{AtomicI64, AtomicU64};

use super::ledger::{HeapReading, Ledger, STEP, Shard, Total};
use super::slot::{self, SLOTS};

/// What a counting allocator has counted. One instance per allocator; the installed one uses the process's own.
pub struct Counters(Ledger<SLOTS>);

impl Counters {
    /// All zero.
    #[must_use]
    pub const fn new() -> Self {
        Self(Ledger {
            shards: [const { Shard::new() }; SLOTS],
            shared: Shard::new(),
            total: Total {
                live: AtomicI64::new(0),
                peak: AtomicI64::new(0),
            },
        })
    }

    /// What was counted up to now.
    #[must_use]
    pub fn read(&self) -> HeapReading {
        self.0.read(slot::ever_taken)
    }

    /// Makes the live bytes of this moment the peak.
    pub fn reset_peak(&self) {
        self.0.reset_peak(slot::ever_taken);
    }

    /// Counts a new block of `bytes`.
    #[inline]
    pub(super) fn allocated(&self, bytes: usize) {
        self.0.allocated(slot::place(), bytes);
    }

    /// Counts the end of a block of `bytes`.
    #[inline]
    pub(super) fn freed(&self, bytes: usize) {
        self.0.freed(slot::place(), bytes);
    }

    /// Counts that a block of `from` bytes now has `to`.
    #[inline]
    pub(super) fn resized(&self, from: usize, to: usize) {
        self.0.resized(slot::place(), from, to);
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

impl Shard {
    const fn new() -> Self {
        Self {
            allocated_bytes: AtomicU64::new(0),
            freed_bytes: AtomicU64::new(0),
            allocated_blocks: AtomicU64::new(0),
            freed_blocks: AtomicU64::new(0),
            ceiling: AtomicI64::new(STEP),
            floor: AtomicI64::new(-STEP),
        }
    }
}

impl std::fmt::Debug for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.read().fmt(f)
    }
}
