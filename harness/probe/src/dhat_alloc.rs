//! Owns the profiling global allocator, for builds with the feature `dhat-heap`.

use std::alloc::{GlobalAlloc, Layout, System};

use crate::fork;

/// `dhat::Alloc` that survives a fork.
///
/// dhat takes one lock for every call, window or not. If another thread holds it at the moment of a fork, the child
/// would wait for it for ever; so in the child calls go straight to the system's allocator. That is dhat's own backing,
/// so blocks from before the fork can be freed after it. Installed like [`crate::CountingAlloc`]:
///
/// ```
/// #[global_allocator]
/// static ALLOC: leakgate_probe::DhatAlloc = leakgate_probe::DhatAlloc::new();
/// ```
#[derive(Debug)]
pub struct DhatAlloc(dhat::Alloc);

impl DhatAlloc {
    /// The allocator; nothing is recorded until a window is opened.
    #[must_use]
    pub const fn new() -> Self {
        Self(dhat::Alloc)
    }
}

impl Default for DhatAlloc {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(unsafe_code, reason = "a global allocator is an unsafe trait")]
// SAFETY: every call is passed on unchanged, to dhat or to System, which is where dhat's own blocks come from.
unsafe impl GlobalAlloc for DhatAlloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises to us are those that the inner allocator asks for.
        unsafe {
            if fork::in_child() {
                System.alloc(layout)
            } else {
                self.0.alloc(layout)
            }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`; the block came from System either way.
        unsafe {
            if fork::in_child() {
                System.dealloc(block, layout);
            } else {
                self.0.dealloc(block, layout);
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as in `dealloc`.
        unsafe {
            if fork::in_child() {
                System.realloc(block, layout, new_size)
            } else {
                self.0.realloc(block, layout, new_size)
            }
        }
    }
}
