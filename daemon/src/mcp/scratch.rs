//! The one buffer into which everything of the Model Context Protocol is read.
//!
//! The daemon has one thread that reads, and between two reads nothing of this is kept: a connection that waits holds
//! nothing of it.

use std::cell::RefCell;

/// What a pipe holds at most, unless somebody has made it larger.
pub(super) const SCRATCH_BYTES: usize = 64 << 10;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Calls `body` with the buffer. Not to be called from within.
pub(super) fn with_scratch<T>(body: impl FnOnce(&mut [u8]) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.resize(SCRATCH_BYTES, 0); // once
        body(scratch)
    })
}
