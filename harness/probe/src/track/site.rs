//! Owns one allocation site: what the blocks of one stack add up to, counted by any thread and read by any.
//!
//! All of it is atomic and valid when zeroed: sites lie in memory that comes from the system as it is.

use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};

use super::sampling::Weight;

/// Sets of counters per site, so that threads which allocate at the same line do not share a cache line: as many as
/// threads of a daemon do so at once.
pub(super) const LANES: usize = 4;

/// One site: a stack in a task, and counters of each lane.
#[repr(C, align(64))]
pub(super) struct Site {
    pub(super) hash: AtomicU64,
    pub(super) depth: AtomicU32,
    /// The number of the task's name.
    pub(super) task: AtomicU16,
    /// At the highest moment that a snapshot saw: bytes and blocks. Written by snapshots alone.
    pub(super) high_bytes: AtomicU64,
    pub(super) high_blocks: AtomicU64,
    lanes: [Lane; LANES],
}

/// What some threads have allocated at a site. Totals only grow; what is alive is total less gone, of the same lane,
/// because a block is taken off where it was added.
#[repr(C, align(64))]
struct Lane {
    total_bytes: AtomicU64,
    total_blocks: AtomicU64,
    gone_bytes: AtomicU64,
    gone_blocks: AtomicU64,
    max_bytes: AtomicU64,
    max_blocks: AtomicU64,
}

/// What a site has counted, in bytes and in [`Mode::parts`] of blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) total_bytes: u64,
    pub(super) total_blocks: u64,
    pub(super) live_bytes: u64,
    pub(super) live_blocks: u64,
    /// The most that was alive; where several threads allocate at the site, at most that.
    pub(super) max_bytes: u64,
    pub(super) max_blocks: u64,
}

impl Site {
    /// Adds a block in this lane.
    #[inline]
    pub(super) fn add(&self, lane: usize, weight: Weight) {
        let lane = &self.lanes[lane % LANES];
        let total_bytes =
            lane.total_bytes.fetch_add(weight.bytes, Ordering::Relaxed) + weight.bytes;
        // Release: a snapshot that sees the block sees the stack of its site.
        let total_blocks = lane
            .total_blocks
            .fetch_add(weight.blocks, Ordering::Release)
            + weight.blocks;
        let live_blocks = total_blocks.wrapping_sub(lane.gone_blocks.load(Ordering::Relaxed));
        let live_bytes = total_bytes.wrapping_sub(lane.gone_bytes.load(Ordering::Relaxed));
        // Plain stores: where threads share a lane, one of two maxima of the same moment is kept. Also when it is equal:
        // of several highest moments the last one counts, as under dhat.
        if live_bytes >= lane.max_bytes.load(Ordering::Relaxed) {
            lane.max_bytes.store(live_bytes, Ordering::Relaxed);
            lane.max_blocks.store(live_blocks, Ordering::Relaxed);
        }
    }

    /// Takes a block off the lane that it was added in.
    #[inline]
    pub(super) fn take_off(&self, lane: usize, weight: Weight) {
        let lane = &self.lanes[lane % LANES];
        // Release: a snapshot that sees the end of a block has to see its beginning too.
        lane.gone_bytes.fetch_add(weight.bytes, Ordering::Release);
        lane.gone_blocks.fetch_add(weight.blocks, Ordering::Release);
    }

    /// What was counted up to now: nothing alive is missing, and nothing that is gone is counted as alive unless it went
    /// meanwhile.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for lane in &self.lanes {
            // Gone first, with acquire: whatever is seen to have gone is then seen to have been there.
            let gone_bytes = lane.gone_bytes.load(Ordering::Acquire);
            let gone_blocks = lane.gone_blocks.load(Ordering::Acquire);
            let total_blocks = lane.total_blocks.load(Ordering::Acquire);
            let total_bytes = lane.total_bytes.load(Ordering::Acquire);
            counts.total_bytes += total_bytes;
            counts.total_blocks += total_blocks;
            counts.live_bytes += total_bytes.saturating_sub(gone_bytes);
            counts.live_blocks += total_blocks.saturating_sub(gone_blocks);
            counts.max_bytes += lane.max_bytes.load(Ordering::Relaxed);
            counts.max_blocks += lane.max_blocks.load(Ordering::Relaxed);
        }
        counts
    }
}
