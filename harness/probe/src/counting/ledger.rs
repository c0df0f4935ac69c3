//! Owns the counters' arithmetic: one shard per slot, and the peak that all shards feed.
//!
//! A shard is written by the thread that owns its slot, with plain loads and stores, and read by anybody; one more shard
//! is for threads without a slot and is written with locked instructions. Totals are sums over the shards: exact when no
//! counted call is running.
//!
//! The peak needs a total at every moment, which sums cannot give. So each shard tells the common total about its net
//! change once that exceeds [`PEAK_STEP_BYTES`]; the common total then knows the live bytes to within that many bytes
//! per shard in use. A single allocation larger than the step is always told at once, and so always seen.
//!
//! The atomics come from the parent module, so that the model tests can run this very source on loom's.

use super::atomics::{AtomicI64, AtomicU64, Ordering, fence};

/// How far one shard's net change may stray before the common total hears of it.
///
/// Telling costs two locked instructions on a line that all threads share. At 16 KiB that is off the path of what
/// programs allocate most (4 KiB cost another 2 % of a loop that only allocates), and a daemon with four allocating
/// threads still knows its peak to 64 KiB.
pub const PEAK_STEP_BYTES: u64 = 16 * 1024;

pub(super) const STEP: i64 = PEAK_STEP_BYTES.cast_signed();

/// The shards of so many slots, the one that all others share, and their common total.
pub(super) struct Ledger<const SLOTS: usize> {
    pub(super) shards: [Shard; SLOTS],
    pub(super) shared: Shard,
    pub(super) total: Total,
}

/// Where a thread counts.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// The shard of this index, which no other thread writes to.
    Own(usize),
    /// The shard that several threads write to.
    Shared,
    /// Nowhere: this is the child of a fork.
    Nowhere,
}

/// Counters of one thread. 128 bytes: the adjacent-line prefetcher makes pairs of cache lines one unit of sharing.
#[repr(align(128))]
pub(super) struct Shard {
    pub(super) allocated_bytes: AtomicU64,
    pub(super) freed_bytes: AtomicU64,
    pub(super) allocated_blocks: AtomicU64,
    pub(super) freed_blocks: AtomicU64,
    /// The net change (allocated minus freed bytes) that the common total has heard of, plus and minus the step:
    /// beyond these the total is told anew. Two fields, so that each call compares with one.
    pub(super) ceiling: AtomicI64,
    pub(super) floor: AtomicI64,
}

/// What the shards have told, and its maximum since the last reset.
#[repr(align(128))]
pub(super) struct Total {
    pub(super) live: AtomicI64,
    pub(super) peak: AtomicI64,
}

/// One reading of `Counters`. Exact when no counted call was running, but for the peak's stated error.
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
    /// The most live bytes at any moment since the last `Counters::reset_peak`.
    pub peak_bytes: u64,
    /// How far `peak_bytes` may be from the truth, either way: [`PEAK_STEP_BYTES`] per
    /// shard that ever counted here, those of ended threads included.
    pub peak_error_bytes: u64,
}

impl<const SLOTS: usize> Ledger<SLOTS> {
    /// What was counted up to now.
    ///
    /// `in_use` says how many slots were ever taken; shards beyond have counted nothing.
    pub(super) fn read(&self, in_use: impl Fn() -> usize) -> HeapReading {
        // Frees first: a block freed between the two sums then shows as live rather than as less than nothing.
        let freed = self.sum(in_use(), |shard| (&shard.freed_bytes, &shard.freed_blocks));
        // Pairs with the release of every free: whoever sees a free also sees the allocation of that block, and the
        // slot that it was counted in, wherever that was. So the slots are asked for again.
        fence(Ordering::Acquire);
        let in_use = in_use();
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
    pub(super) fn reset_peak(&self, in_use: impl Fn() -> usize) {
        let live = self.read(in_use).live_bytes;
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
    pub(super) fn allocated(&self, place: Place, bytes: usize) {
        match place {
            Place::Own(slot) => {
                let shard = &self.shards[slot];
                bump(&shard.allocated_blocks, 1, Ordering::Relaxed);
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
    pub(super) fn freed(&self, place: Place, bytes: usize) {
        match place {
            Place::Own(slot) => {
                let shard = &self.shards[slot];
                bump(&shard.freed_blocks, 1, Ordering::Release);
                self.shrink(shard, bytes as u64);
            }
            Place::Shared => {
                self.shared.freed_blocks.fetch_add(1, Ordering::Release);
                self.shrink_shared(bytes as u64);
            }
            Place::Nowhere => {}
        }
    }

    /// Counts that a block of `from` bytes now has `to`.
    #[inline]
    pub(super) fn resized(&self, place: Place, from: usize, to: usize) {
        match place {
            Place::Own(slot) if to >= from => self.grow(&self.shards[slot], (to - from) as u64),
            Place::Own(slot) => self.shrink(&self.shards[slot], (from - to) as u64),
            Place::Shared if to >= from => self.grow_shared((to - from) as u64),
            Place::Shared => self.shrink_shared((from - to) as u64),
            Place::Nowhere => {}
        }
    }

    #[inline]
    fn grow(&self, shard: &Shard, bytes: u64) {
        let allocated = bump(&shard.allocated_bytes, bytes, Ordering::Relaxed);
        let freed = shard.freed_bytes.load(Ordering::Relaxed);
        let net = allocated.wrapping_sub(freed).cast_signed();
        if net > shard.ceiling.load(Ordering::Relaxed) {
            self.tell(shard, net);
        }
    }

    #[inline]
    fn shrink(&self, shard: &Shard, bytes: u64) {
        let freed = bump(&shard.freed_bytes, bytes, Ordering::Release);
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
        self.shared.freed_bytes.fetch_add(bytes, Ordering::Release);
        self.total.change(bytes.cast_signed().wrapping_neg());
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
fn bump(counter: &AtomicU64, by: u64, order: Ordering) -> u64 {
    let value = counter.load(Ordering::Relaxed).wrapping_add(by);
    counter.store(value, order);
    value
}
