//! Owns the tracking global allocator: which line of code asked for each block that is alive, cheap enough to leave a
//! daemon usable, and readable at any moment without stopping it.
//!
//! Every block has eight bytes in front of it that say to which allocation site it belongs, so that freeing looks
//! nothing up. A stack is read off the frame pointers and becomes an entry of a table; the entry's counters are
//! atomics. Nothing here takes a lock or calls an allocator, so that a fork or a signal finds nothing half done that it
//! would have to wait for. Symbols are found afterwards, by whoever reads the snapshot.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicPtr, Ordering};

mod modules;
mod sampling;
mod site;
mod snapshot;
mod stack;
mod table;
mod task;
mod thread;
mod window;

pub(crate) use snapshot::Written;
pub(crate) use task::polled_as;
pub(crate) use window::{TrackError, TrackWindow};

use table::{Label, Table};

/// The table that is recorded into; null while nothing is tracked. Like the counters, a state of the process: a global
/// allocator exists before anybody could hand it anything.
static CURRENT: AtomicPtr<Table> = AtomicPtr::new(std::ptr::null_mut());

/// Bytes in front of a block, where its alignment does not ask for more. Not 16: with 8, half of all sizes stay in the
/// class that the inner allocator would have given them.
const LABEL_BYTES: usize = size_of::<u64>();

/// A global allocator that knows who asked for what, around the allocator `A`. Nothing is recorded until the probe is
/// told `track start`.
///
/// ```
/// #[global_allocator]
/// static ALLOC: leakgate_probe::TrackAlloc = leakgate_probe::TrackAlloc::system();
/// ```
///
/// The program has to be built with frame pointers (`-C force-frame-pointers=yes`). Blocks have to come back through
/// this allocator: one that is handed to C's `free` is not where C expects it.
#[derive(Debug)]
pub struct TrackAlloc<A = System> {
    inner: A,
}

impl TrackAlloc<System> {
    /// Tracks what the system's allocator hands out.
    #[must_use]
    pub const fn system() -> Self {
        Self::new(System)
    }
}

impl<A> TrackAlloc<A> {
    /// Tracks what `inner` hands out. All of them record into one table, which the probe reads.
    #[must_use]
    pub const fn new(inner: A) -> Self {
        Self { inner }
    }
}

/// The table that is recorded into, if any.
#[inline]
fn current() -> Option<&'static Table> {
    // Acquire: the table was filled in before it was published.
    let table = CURRENT.load(Ordering::Acquire);
    #[expect(unsafe_code, reason = "the table is shared by its address")]
    // SAFETY: null, or a table that was written before it was published and whose memory stays mapped for ever.
    unsafe {
        table.as_ref()
    }
}

/// From now on this process, the child of a fork, records nothing. Labels are still there and still skipped.
pub(crate) fn pass_through() {
    CURRENT.store(std::ptr::null_mut(), Ordering::Relaxed);
}

/// How far into what the inner allocator gave a block of this alignment begins.
#[inline]
const fn offset(align: usize) -> usize {
    if align > LABEL_BYTES {
        align
    } else {
        LABEL_BYTES
    }
}

/// What the inner allocator is asked for; `None` where that is more than a layout can say.
#[inline]
const fn outer(layout: Layout) -> Option<Layout> {
    let offset = offset(layout.align());
    let Some(size) = layout.size().checked_add(offset) else {
        return None;
    };
    // For alignments above the label's the offset is the alignment itself.
    match Layout::from_size_align(size, offset) {
        Ok(outer) => Some(outer),
        Err(_) => None,
    }
}

/// The label of a new block of `bytes`.
#[inline]
fn label_of_new(bytes: usize) -> u64 {
    match current() {
        None => Label::NONE,
        Some(table) => table.allocated(bytes),
    }
}

#[expect(unsafe_code, reason = "labels stand in front of blocks")]
#[inline]
/// Writes the label of a fresh `raw` and gives the block behind it.
///
/// # Safety
/// `raw` came from the inner allocator for the outer layout of a block with this alignment.
unsafe fn labelled(raw: *mut u8, align: usize, label: u64) -> *mut u8 {
    // SAFETY: the outer layout has `offset` bytes in front of the block, which is aligned to 8 and more.
    unsafe {
        let block = raw.add(offset(align));
        block.cast::<u64>().sub(1).write(label);
        block
    }
}

#[expect(unsafe_code, reason = "a global allocator is an unsafe trait")]
// SAFETY: every call is passed on to `inner` with a layout that is larger by the offset and at least as aligned; blocks
// begin `offset` behind what `inner` gave, and go back to it by the same rule, which depends on the alignment alone.
unsafe impl<A: GlobalAlloc> GlobalAlloc for TrackAlloc<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(outer) = outer(layout) else {
            return std::ptr::null_mut();
        };
        // SAFETY: the outer layout is not empty.
        let raw = unsafe { self.inner.alloc(outer) };
        if raw.is_null() {
            return raw;
        }
        // SAFETY: it was allocated for this layout.
        unsafe { labelled(raw, layout.align(), label_of_new(layout.size())) }
    }

    /// Stays the inner allocator's: only the page of the label is touched.
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(outer) = outer(layout) else {
            return std::ptr::null_mut();
        };
        // SAFETY: as in `alloc`.
        let raw = unsafe { self.inner.alloc_zeroed(outer) };
        if raw.is_null() {
            return raw;
        }
        // SAFETY: as in `alloc`.
        unsafe { labelled(raw, layout.align(), label_of_new(layout.size())) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let offset = offset(layout.align());
        // SAFETY: the block is live and came from here, so its label stands in front of it and `inner` gave what lies
        // `offset` before it, for a layout that is not larger than what was allocated then.
        unsafe {
            let label = block.cast::<u64>().sub(1).read();
            if label != Label::NONE
                && let Some(table) = current()
            {
                table.freed(label, layout.size());
            }
            let outer = Layout::from_size_align_unchecked(layout.size() + offset, offset);
            self.inner.dealloc(block.sub(offset), outer);
        }
    }

    /// Stays the inner allocator's, and so may grow in place. The block keeps its site, as under dhat.
    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let offset = offset(layout.align());
        let Some(new_outer) = new_size.checked_add(offset) else {
            return std::ptr::null_mut();
        };
        if Layout::from_size_align(new_outer, offset).is_err() {
            return std::ptr::null_mut();
        }
        // SAFETY: as in `dealloc`; the label is the beginning of what `inner` copies.
        unsafe {
            let outer = Layout::from_size_align_unchecked(layout.size() + offset, offset);
            let raw = self.inner.realloc(block.sub(offset), outer, new_outer);
            if raw.is_null() {
                return raw;
            }
            let moved = raw.add(offset);
            if let Some(table) = current() {
                let label = moved.cast::<u64>().sub(1);
                let relabelled = table.resized(label.read(), layout.size(), new_size);
                label.write(relabelled);
            }
            moved
        }
    }
}
