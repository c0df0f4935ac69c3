//! Owns the counting global allocator.
//!
//! It passes every call on to the allocator it wraps and counts what succeeded, for a few nanoseconds per call, so that
//! it can stay on in the build that users run. A thin binary installs it with one line:
//!
//! ```
//! #[global_allocator]
//! static ALLOC: leakgate_probe::CountingAlloc = leakgate_probe::CountingAlloc::system();
//!
//! let before = leakgate_probe::heap().expect("it is installed");
//! let kept = vec![0u8; 1000];
//! let after = leakgate_probe::heap().expect("it is installed");
//! assert_eq!(after.live_bytes - before.live_bytes, 1000);
//! # drop(kept);
//! ```
//!
//! Bytes are those that were asked for. What the allocator adds for itself, and what C code allocates past it, is not
//! counted. In the child of a fork nothing is counted (see [`crate::fork`] in the source for why).

use std::alloc::{GlobalAlloc, Layout, System};

mod counters;
mod ledger;
mod registry;
pub(crate) mod slot;

#[cfg(test)]
mod model;

/// Those that the ledger and the registry use; the model tests give them loom's.
mod atomics {
    pub(super) use std::sync::atomic::{
        AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

pub use counters::Counters;
pub use ledger::{HeapReading, PEAK_STEP_BYTES};

use crate::fork;

/// What the installed allocator counts into. The only state of the process that this crate keeps, besides the flags
/// that say which thread counts where: a global allocator exists before anybody could hand it anything.
static PROCESS: Counters = Counters::new();

/// The counters of the installed [`CountingAlloc`], or `None` if none is installed or this is the child of a fork.
#[must_use]
pub fn heap() -> Option<HeapReading> {
    if fork::in_child() {
        return None;
    }
    let reading = PROCESS.read();
    // No Rust program gets as far as asking without having allocated.
    (reading.allocated_blocks > 0).then_some(reading)
}

/// Makes the live bytes of this moment the peak of [`heap`].
pub fn reset_heap_peak() {
    PROCESS.reset_peak();
}

/// A global allocator that counts, around the allocator `A`.
#[derive(Debug)]
pub struct CountingAlloc<A = System> {
    inner: A,
    counters: &'static Counters,
}

impl CountingAlloc<System> {
    /// Counts what the system's allocator hands out.
    #[must_use]
    pub const fn system() -> Self {
        Self::new(System)
    }
}

impl<A> CountingAlloc<A> {
    /// Counts what `inner` hands out into the counters that [`heap`] and the probe read.
    #[must_use]
    pub const fn new(inner: A) -> Self {
        Self::counting_into(inner, &PROCESS)
    }

    /// Counts what `inner` hands out into `counters`: for an arena beside the global allocator, and for tests.
    #[must_use]
    pub const fn counting_into(inner: A, counters: &'static Counters) -> Self {
        Self { inner, counters }
    }
}

#[expect(unsafe_code, reason = "a global allocator is an unsafe trait")]
// SAFETY: every call is passed on to `inner` with the same arguments and its result returned unchanged; the counting
// beside it neither allocates nor unwinds nor touches the block.
unsafe impl<A: GlobalAlloc> GlobalAlloc for CountingAlloc<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises to us are those that `inner` asks for.
        let block = unsafe { self.inner.alloc(layout) };
        if !block.is_null() {
            self.counters.allocated(layout.size());
        }
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.counters.freed(layout.size());
        // SAFETY: as in `alloc`; the block came from `inner`.
        unsafe { self.inner.dealloc(block, layout) };
    }

    /// Stays the inner allocator's: zeroed pages from the system remain untouched.
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        let block = unsafe { self.inner.alloc_zeroed(layout) };
        if !block.is_null() {
            self.counters.allocated(layout.size());
        }
        block
    }

    /// Stays the inner allocator's, and so may grow in place. The moment at which it holds both copies is not seen.
    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as in `alloc`; the block came from `inner`.
        let moved = unsafe { self.inner.realloc(block, layout, new_size) };
        if !moved.is_null() {
            self.counters.resized(layout.size(), new_size);
        }
        moved
    }
}
