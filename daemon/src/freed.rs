//! Freed memory, given back to the system: the C library keeps what lies between blocks that are still in use.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that sessions have freed before the allocator is asked to give back what it has: half of a full history. Asking
/// costs less than a thousandth of the time in which a terminal puts out as much.
const TRIM_AFTER_BYTES: usize = 1 << 20;

/// What was freed and may still be kept.
#[derive(Debug, Default)]
pub(crate) struct Freed {
    bytes: AtomicUsize,
}

impl Freed {
    /// Counts what a session has freed, by its end or by compressing its history.
    pub(crate) fn add(&self, bytes: usize) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes >= TRIM_AFTER_BYTES {
            self.bytes.store(0, Ordering::Relaxed);
            give_back();
        }
    }
}

#[cfg(target_env = "gnu")]
fn give_back() {
    #[expect(unsafe_code, reason = "the C library's own call")]
    // SAFETY: it takes the allocator's locks and touches only memory that is free.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other C libraries give back by themselves, or have no such call.
#[cfg(not(target_env = "gnu"))]
const fn give_back() {}
