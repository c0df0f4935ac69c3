//! Owns the counters themselves: one shard per thread, and the peak that all shards feed.
//!
//! A shard is written by the thread that owns it, with plain loads and stores, and read by anybody; one more shard is
//! for threads without a slot and is written with locked instructions. Totals are sums over the shards: exact when no
//! counted call is running.
//!
//! The peak needs a total at every moment, which sums cannot give. So each shard tells the common total about its net
//! change once that exceeds [`PEAK_STEP_BYTES`]; the common total then knows the live bytes to within that many bytes
//! per shard in use. A single allocation larger than the step is always told at once, and so always seen.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering, fence};

use super::slot::{self, Place, SLOTS};

/// How far one shard's net change may stray before the common total hears of it.
///
/// Telling costs two locked instructions on a line that all threads share. At 16 KiB that is off the path of what
/// programs allocate most (4 KiB cost another 2 % of a loop that only allocates), and a daemon with four allocating
/// threads still knows its peak to 64 KiB.
pub const PEAK_STEP_BYTES: u64 = 16 * 1024;

const STEP: i64 = PEAK_STEP_BYTES.cast_signed();

/// What a counting allocator has counted. One instance per allocator; the installed one uses the process's own.
pub struct Counters {
    shards: [Shard; SLOTS],
    shared: Shard,
    total: Total,
}

/// Counters of one thread. 128 bytes: the adjacent-line prefetcher makes pairs of cache lines one unit of sharing.
#[repr(align(128))]
struct Shard {
    allocated_bytes: AtomicU64,
    freed_bytes: AtomicU64,
    allocated_blocks: AtomicU64,
    freed_blocks: AtomicU64,
    /// The net change (allocated minus freed bytes) that the common total has heard of, plus and minus the step:
    /// beyond these the total is told anew. Two fields, so that each call compares with one.
    ceiling: AtomicI64,
    floor: AtomicI64,
}

/// What the shards have told, and its maximum since the last reset.
#[repr(align(128))]
struct Total {
    live: AtomicI64,
    peak: AtomicI64,
}

/// One reading of [`Counters`]. Exact when no counted call was running, but for the peak's stated error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapReading {
    /// Bytes requested by blocks that are live now.
    pub live_bytes: u64,
    /// Blocks that are live now.
    pub live_blocks: u64,
    /// Bytes requested so far, since the process started. A reallocation adds what it grew by, and nothing if it shrank.
    pub allocated_bytes: u64,
    /// Blocks allocated so far. A reallocation is the same block.
    pub allocated_blocks: u64,
    /// The most live bytes at any moment since the last [`Counters::reset_peak`].
    pub peak_bytes: u64,
    /// How far `peak_bytes` may be from the truth, either way: [`PEAK_STEP_BYTES`] per
    /// shard that ever counted here, those of ended threads included.
    pub peak_error_bytes: u64,
}

impl Counters {
    /// All zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            shards: [const { Shard::new() }; SLOTS],
            shared: Shard::new(),
            total: Total {
                live: AtomicI64::new(0),
                peak: AtomicI64::new(0),
            },
        }
    }

    /// What was counted up to now.
    #[must_use]
    pub fn read(&self) -> HeapReading {
        let in_use = slot::ever_taken();
        // Frees first: a block freed between the two sums then shows as live rather than as less than nothing.
        let freed = self.sum(in_use, |shard| (&shard.freed_bytes, &shard.freed_blocks));
        fence(Ordering::Acquire);
        let allocated = self.sum(in_use, |shard| {
            (&shard.allocated_bytes, &shard.allocated_blocks)
        });
        let live_bytes = allocated.0.saturating_sub(freed.0);
        let peak = self.total.peak.load(Ordering::Relaxed);
        HeapReading {
            live_bytes,
            live_blocks: allocated.1.saturating_sub(freed.1),
            allocated_bytes: allocated.0,
            allocated_blocks: allocated.1,
            peak_bytes: u64::try_from(peak).unwrap_or(0).max(live_bytes),
            peak_error_bytes: self.shards_counted_in(in_use) * PEAK_STEP_BYTES,
        }
    }

    /// Makes the live bytes of this moment the peak.
    pub fn reset_peak(&self) {
        let live = self.read().live_bytes;
        self.total.peak.store(live.cast_signed(), Ordering::Relaxed);
    }

    /// How many shards may hold something untold. The shared one tells everything at once.
    fn shards_counted_in(&self, in_use: usize) -> u64 {
        let counted = |shard: &&Shard| {
            shard.allocated_blocks.load(Ordering::Relaxed) > 0
                || shard.freed_blocks.load(Ordering::Relaxed) > 0
                || shard.allocated_bytes.load(Ordering::Relaxed) > 0
                || shard.freed_bytes.load(Ordering::Relaxed) > 0
        };
        self.shards.iter().take(in_use).filter(counted).count() as u64
    }

    fn sum(&self, in_use: usize, pick: fn(&Shard) -> (&AtomicU64, &AtomicU64)) -> (u64, u64) {
        let shards = self.shards.iter().take(in_use);
        shards.chain([&self.shared]).fold((0, 0), |sum, shard| {
            let (bytes, blocks) = pick(shard);
            (
                sum.0 + bytes.load(Ordering::Relaxed),
                sum.1 + blocks.load(Ordering::Relaxed),
            )
        })
    }

    /// Counts a new block of `bytes`.
    #[inline]
    pub(super) fn allocated(&self, bytes: usize) {
        match slot::place() {
            Place::Own(slot) => {
                let shard = &self.shards[slot];
                bump(&shard.allocated_blocks, 1);
                self.grow(shard, bytes as u64);
            }
            Place::Shared => {
                self.shared.allocated_blocks.fetch_add(1, Ordering::Relaxed);
                self.grow_shared(bytes as u64);
            }
            Place::Nowhere => {}
        }
    }

    /// Counts the end of a block of `bytes`.
    #[inline]
    pub(super) fn freed(&self, bytes: usize) {
        match slot::place() {
            Place::Own(slot) => {
                let shard = &self.shards[slot];
                bump(&shard.freed_blocks, 1);
                self.shrink(shard, bytes as u64);
            }
            Place::Shared => {
                self.shared.freed_blocks.fetch_add(1, Ordering::Relaxed);
                self.shrink_shared(bytes as u64);
            }
            Place::Nowhere => {}
        }
    }

    /// Counts that a block of `from` bytes now has `to`.
    #[inline]
    pub(super) fn resized(&self, from: usize, to: usize) {
        match slot::place() {
            Place::Own(slot) if to >= from => self.grow(&self.shards[slot], (to - from) as u64),
            Place::Own(slot) => self.shrink(&self.shards[slot], (from - to) as u64),
            Place::Shared if to >= from => self.grow_shared((to - from) as u64),
            Place::Shared => self.shrink_shared((from - to) as u64),
            Place::Nowhere => {}
        }
    }

    #[inline]
    fn grow(&self, shard: &Shard, bytes: u64) {
        let allocated = bump(&shard.allocated_bytes, bytes);
        let freed = shard.freed_bytes.load(Ordering::Relaxed);
        let net = allocated.wrapping_sub(freed).cast_signed();
        if net > shard.ceiling.load(Ordering::Relaxed) {
            self.tell(shard, net);
        }
    }

    #[inline]
    fn shrink(&self, shard: &Shard, bytes: u64) {
        let freed = bump(&shard.freed_bytes, bytes);
        let allocated = shard.allocated_bytes.load(Ordering::Relaxed);
        let net = allocated.wrapping_sub(freed).cast_signed();
        if net < shard.floor.load(Ordering::Relaxed) {
            self.tell(shard, net);
        }
    }

    #[cold]
    fn tell(&self, shard: &Shard, net: i64) {
        let told = shard.ceiling.load(Ordering::Relaxed) - STEP;
        shard.ceiling.store(net + STEP, Ordering::Relaxed);
        shard.floor.store(net - STEP, Ordering::Relaxed);
        self.total.change(net - told);
    }

    fn grow_shared(&self, bytes: u64) {
        self.shared
            .allocated_bytes
            .fetch_add(bytes, Ordering::Relaxed);
        self.total.change(bytes.cast_signed());
    }

    fn shrink_shared(&self, bytes: u64) {
        self.shared.freed_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.total.change(bytes.cast_signed().wrapping_neg());
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

impl Total {
    #[cold]
    fn change(&self, bytes: i64) {
        let live = self.live.fetch_add(bytes, Ordering::Relaxed) + bytes;
        // The load keeps the line shared among threads that only come near an older peak.
        if live > self.peak.load(Ordering::Relaxed) {
            self.peak.fetch_max(live, Ordering::Relaxed);
        }
    }
}

/// Adds to a counter that only the calling thread writes: no locked instruction. Returns the new value.
#[inline]
fn bump(counter: &AtomicU64, by: u64) -> u64 {
    let value = counter.load(Ordering::Relaxed).wrapping_add(by);
    counter.store(value, Ordering::Relaxed);
    value
}

impl std::fmt::Debug for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.read().fmt(f)
    }
}
