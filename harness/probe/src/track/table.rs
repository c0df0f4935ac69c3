//! Owns the table of allocation sites: which stacks have allocated, and what each of them has alive.
//!
//! Sites are numbered in the order in which they are first seen; an index of open addressing finds them by the hash of
//! their stack. Everything lies in one anonymous mapping of fixed capacity, of which the system provides the pages that
//! are touched. A site that does not fit is counted as site 0, so that no byte is lost, and told.
//!
//! Insertion takes no lock: a thread fills in a site of its own and publishes it by one compare-and-swap in the index.
//! A thread that loses that race to another one with the same stack leaves an empty site behind.
//!
//! A table is never unmapped, because a thread may hold it for as long as an allocation takes, however long it sleeps in
//! there; when its successor begins, its pages are given back.

use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};

use super::site::Site;
use super::stack::Stack;
use super::task::Task;
use super::thread::Thread;
use crate::protocol::track::Mode;

/// Sites of a table. A daemon has thousands; 64 Ki take 20 MiB of addresses and the stacks up to 128 MiB, touched only
/// as they are used.
pub(super) const SITES_MAX: usize = 1 << 16;

/// Twice the sites: probes stay short, and always find an empty place.
const INDEX_SLOTS: usize = 2 * SITES_MAX;

/// The site of everything that found no place.
const OVERFLOW: u32 = 0;

/// The eight bytes in front of a block: site, table and lane; [`Label::NONE`] for a block that was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label {
    site: u32,
    epoch: u16,
    lane: u8,
}

impl Label {
    /// Of a block that was not recorded: epochs begin with 1.
    pub(super) const NONE: u64 = 0;

    const fn pack(self) -> u64 {
        (self.site as u64) << 32 | (self.epoch as u64) << 16 | self.lane as u64
    }

    #[expect(clippy::cast_possible_truncation, reason = "takes the fields apart")]
    const fn unpack(packed: u64) -> Self {
        Self {
            site: (packed >> 32) as u32,
            epoch: (packed >> 16) as u16,
            lane: packed as u8,
        }
    }
}

/// Sites and counters of one stretch of tracking.
pub(super) struct Table {
    pub(super) epoch: u16,
    pub(super) mode: Mode,
    pub(super) frames_max: usize,
    pub(super) began: Instant,
    /// The most live bytes that a snapshot saw, and when, microseconds after the beginning.
    pub(super) high_bytes: AtomicU64,
    pub(super) high_at_us: AtomicU64,
    /// Sites handed out, [`OVERFLOW`] included; may run past [`SITES_MAX`].
    used: AtomicUsize,
    sites_max: usize,
    overflowed_blocks: AtomicU64,
    index: AtomicPtr<AtomicU64>,
    sites: AtomicPtr<Site>,
    stacks: AtomicPtr<AtomicUsize>,
    mapped_bytes: usize,
}

impl Table {
    /// Maps an empty table.
    pub(super) fn map(epoch: u16, mode: Mode, frames_max: usize) -> Result<Self, Errno> {
        Self::with_capacity(epoch, mode, frames_max, SITES_MAX)
    }

    fn with_capacity(
        epoch: u16,
        mode: Mode,
        frames_max: usize,
        sites_max: usize,
    ) -> Result<Self, Errno> {
        let sites_bytes = SITES_MAX * size_of::<Site>();
        let index_bytes = INDEX_SLOTS * size_of::<AtomicU64>();
        let stacks_bytes = SITES_MAX * frames_max * size_of::<AtomicUsize>();
        let mapped_bytes = sites_bytes + index_bytes + stacks_bytes;
        #[expect(unsafe_code, reason = "memory that no allocator hands out")]
        // SAFETY: a new anonymous mapping; the parts lie within it one after the other, each a multiple of 64 bytes.
        let (sites, index, stacks) = unsafe {
            let start = rustix::mm::mmap_anonymous(
                std::ptr::null_mut(),
                mapped_bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )?
            .cast::<u8>();
            let index = start.add(sites_bytes);
            (start.cast(), index.cast(), index.add(index_bytes).cast())
        };
        Ok(Self {
            epoch,
            mode,
            frames_max,
            began: Instant::now(),
            high_bytes: AtomicU64::new(0),
            high_at_us: AtomicU64::new(0),
            used: AtomicUsize::new(1),
            sites_max,
            overflowed_blocks: AtomicU64::new(0),
            index: AtomicPtr::new(index),
            sites: AtomicPtr::new(sites),
            stacks: AtomicPtr::new(stacks),
            mapped_bytes,
        })
    }

    /// Gives the pages back; what a late thread still counts here is lost, as it should be.
    pub(super) fn give_back(&self) {
        let start = self.sites.load(Ordering::Relaxed).cast();
        #[expect(unsafe_code, reason = "gives pages back to the system")]
        // SAFETY: the table's own mapping. It stays mapped, and zero is a valid value of everything in it. A failure
        // costs memory and nothing else.
        let _ = unsafe { rustix::mm::madvise(start, self.mapped_bytes, Advice::LinuxDontNeed) };
    }

    /// Counts a new block of `bytes`, if it is to be recorded; its label.
    #[inline(never)]
    pub(super) fn allocated(&self, bytes: usize) -> u64 {
        let Some(place) = Thread::place(self.mode, self.epoch, bytes) else {
            return Label::NONE;
        };
        let stack = Stack::read(place.bounds, self.frames_max, place.task);
        let site = self.site_of(&stack);
        self.site(site).add(place.lane, self.mode.weight(bytes));
        self.label(site, place.lane)
    }

    /// Counts the end of the block of `bytes` that had this label.
    #[inline]
    pub(super) fn freed(&self, label: u64, bytes: usize) {
        let label = Label::unpack(label);
        if label.epoch == self.epoch {
            self.take_off(label, bytes);
        }
    }

    /// Counts that a block with this label now has `to` bytes instead of `from`; its new label. A recorded block keeps its
    /// site. One that was not is a new block, by the stack of this moment.
    #[inline(never)]
    pub(super) fn resized(&self, label: u64, from: usize, to: usize) -> u64 {
        let old = Label::unpack(label);
        if old.epoch != self.epoch {
            return self.allocated(to);
        }
        self.take_off(old, from);
        if let Mode::Sample { .. } = self.mode
            && Thread::place(self.mode, self.epoch, to).is_none()
        {
            // By its new size it is not one of the sample.
            return Label::NONE;
        }
        self.site(old.site)
            .add(usize::from(old.lane), self.mode.weight(to));
        label
    }

    #[inline]
    fn take_off(&self, label: Label, bytes: usize) {
        let weight = self.mode.weight(bytes);
        self.site(label.site)
            .take_off(usize::from(label.lane), weight);
    }

    fn label(&self, site: u32, lane: usize) -> u64 {
        Label {
            site,
            epoch: self.epoch,
            lane: u8::try_from(lane).expect("fewer lanes than 256"),
        }
        .pack()
    }

    /// The site with this stack, which is made if there is none.
    #[inline]
    fn site_of(&self, stack: &Stack) -> u32 {
        let mut slot = slot_of(stack.hash);
        let mut mine = None;
        loop {
            // Acquire: the site was filled in before it was published.
            let mut found = self.slot(slot).load(Ordering::Acquire);
            if found == 0 {
                let Some(site) = mine.or_else(|| self.new_site(stack)) else {
                    return self.overflow();
                };
                mine = Some(site);
                let place = self.slot(slot);
                let published =
                    place.compare_exchange(0, u64::from(site), Ordering::AcqRel, Ordering::Acquire);
                match published {
                    Ok(_) => return site,
                    Err(other) => found = other,
                }
            }
            let site = u32::try_from(found).expect("the index holds sites");
            if self.site(site).hash.load(Ordering::Relaxed) == stack.hash {
                return site;
            }
            slot = (slot + 1) % INDEX_SLOTS;
        }
    }

    /// Takes the next site and fills it in.
    #[cold]
    fn new_site(&self, stack: &Stack) -> Option<u32> {
        // Looked at first, so that the count does not run away once the table is full.
        if self.used.load(Ordering::Relaxed) >= self.sites_max {
            return None;
        }
        let number = self.used.fetch_add(1, Ordering::Relaxed);
        if number >= self.sites_max {
            return None;
        }
        let number = u32::try_from(number).ok()?;
        let frames = self.stack_slots(number);
        for (place, frame) in frames.iter().zip(stack.frames()) {
            place.store(*frame, Ordering::Relaxed);
        }
        let site = self.site(number);
        site.hash.store(stack.hash, Ordering::Relaxed);
        site.task.store(stack.task.number(), Ordering::Relaxed);
        let depth = u32::try_from(stack.frames().len()).expect("at most 256");
        site.depth.store(depth, Ordering::Relaxed);
        Some(number)
    }

    #[cold]
    fn overflow(&self) -> u32 {
        self.overflowed_blocks.fetch_add(1, Ordering::Relaxed);
        OVERFLOW
    }

    /// Recorded blocks whose site found no place.
    pub(super) fn overflowed_blocks(&self) -> u64 {
        self.overflowed_blocks.load(Ordering::Relaxed)
    }

    /// The numbers of all sites so far.
    pub(super) fn numbers(&self) -> std::ops::Range<u32> {
        let used = self.used.load(Ordering::Relaxed).min(self.sites_max);
        0..u32::try_from(used).expect("fewer sites than 2^32")
    }

    /// The return addresses of a site that has counted something, innermost first.
    pub(super) fn frames(&self, number: u32) -> impl Iterator<Item = usize> {
        let depth = self.site(number).depth.load(Ordering::Relaxed) as usize;
        let frames = self.stack_slots(number).iter();
        frames
            .take(depth)
            .map(|frame| frame.load(Ordering::Relaxed))
    }

    /// The name of the task in which a site has allocated.
    pub(super) fn task(&self, number: u32) -> Option<&'static str> {
        Task::name_of(self.site(number).task.load(Ordering::Relaxed))
    }

    #[inline]
    #[expect(unsafe_code, reason = "the sites lie in a mapping")]
    pub(super) fn site(&self, number: u32) -> &Site {
        let number = number as usize % SITES_MAX;
        // SAFETY: within the mapping, which holds SITES_MAX sites, zeroed at first; all of a site is atomic.
        unsafe { &*self.sites.load(Ordering::Relaxed).add(number) }
    }

    #[inline]
    #[expect(unsafe_code, reason = "the index lies in a mapping")]
    fn slot(&self, slot: usize) -> &AtomicU64 {
        // SAFETY: within the mapping, which holds INDEX_SLOTS of them.
        unsafe { &*self.index.load(Ordering::Relaxed).add(slot % INDEX_SLOTS) }
    }

    #[expect(unsafe_code, reason = "the stacks lie in a mapping")]
    fn stack_slots(&self, number: u32) -> &[AtomicUsize] {
        let first = number as usize % SITES_MAX * self.frames_max;
        // SAFETY: within the mapping, which holds SITES_MAX times so many frames.
        unsafe {
            let first = self.stacks.load(Ordering::Relaxed).add(first);
            std::slice::from_raw_parts(first, self.frames_max)
        }
    }
}

/// Where the search for a hash begins.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low bits are meant")]
const fn slot_of(hash: u64) -> usize {
    hash as usize % INDEX_SLOTS
}

#[cfg(test)]
mod tests {
    use super::super::site::Counts;
    use super::*;

    #[inline(never)]
    fn allocate_here(table: &Table, bytes: usize) -> u64 {
        std::hint::black_box(table.allocated(bytes))
    }

    fn sum(table: &Table) -> Counts {
        table.numbers().map(|site| table.site(site).counts()).fold(
            Counts::default(),
            |mut sum, counts| {
                sum.total_bytes += counts.total_bytes;
                sum.live_bytes += counts.live_bytes;
                sum.live_blocks += counts.live_blocks;
                sum
            },
        )
    }

    #[test]
    fn labels_survive_packing() {
        let label = Label {
            site: u32::MAX,
            epoch: 0xabcd,
            lane: 3,
        };
        assert_eq!(Label::unpack(label.pack()), label);
        assert_ne!(
            Label {
                site: 0,
                epoch: 1,
                lane: 0
            }
            .pack(),
            Label::NONE
        );
    }

    #[test]
    fn what_finds_no_place_is_counted_together_and_told() {
        let table = Table::with_capacity(1, Mode::Exact, 64, 2).unwrap();
        // One site fits beside the one for the rest. The loop is one site; the calls after it are others.
        let mut labels: Vec<u64> = (0..3).map(|_| allocate_here(&table, 10)).collect();
        labels.push(allocate_here(&table, 20));
        labels.push(allocate_here(&table, 30));
        assert_eq!(table.overflowed_blocks(), 2);
        assert_eq!(table.site(0).counts().live_bytes, 50);
        assert_eq!((sum(&table).live_bytes, sum(&table).live_blocks), (80, 5));
        for (label, bytes) in labels.into_iter().zip([10, 10, 10, 20, 30]) {
            table.freed(label, bytes);
        }
        assert_eq!((sum(&table).total_bytes, sum(&table).live_bytes), (80, 0));
    }

    #[test]
    fn a_label_of_another_table_is_nobodys_here() {
        let before = Table::with_capacity(1, Mode::Exact, 64, SITES_MAX).unwrap();
        let after = Table::with_capacity(2, Mode::Exact, 64, SITES_MAX).unwrap();
        let old = allocate_here(&before, 10);
        let kept = allocate_here(&after, 7);
        after.freed(old, 10);
        assert_eq!(sum(&after).live_bytes, 7);
        let moved = after.resized(old, 10, 20);
        assert_eq!(
            Label::unpack(moved).epoch,
            2,
            "a block from before is a new one when it grows"
        );
        after.freed(moved, 20);
        after.freed(kept, 7);
        assert_eq!(sum(&after).live_bytes, 0);
    }

    #[test]
    fn two_threads_at_one_line_make_one_site_of_it() {
        let table = Table::with_capacity(1, Mode::Exact, 64, SITES_MAX).unwrap();
        let barrier = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    barrier.wait();
                    for _ in 0..10_000 {
                        let label = allocate_here(&table, 8);
                        table.freed(label, 8);
                    }
                });
            }
        });
        let counted: Vec<Counts> = table
            .numbers()
            .map(|site| table.site(site).counts())
            .filter(|counts| counts.total_blocks > 0)
            .collect();
        assert_eq!(counted.len(), 1, "{counted:?}");
        assert_eq!(
            (counted[0].total_blocks, counted[0].live_blocks),
            (20_000, 0)
        );
    }
}
