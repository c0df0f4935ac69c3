//! Owns which slots are taken: no two threads have the same one at the same time.
//!
//! The atomics come from the parent module, so that the model tests can run this very source on loom's.

use super::atomics::{AtomicBool, AtomicUsize, Ordering};

/// The flags of so many slots.
pub(super) struct Registry<const SLOTS: usize> {
    pub(super) taken: [AtomicBool; SLOTS],
    /// One more than the highest slot that was ever taken.
    pub(super) ever_taken: AtomicUsize,
}

impl<const SLOTS: usize> Registry<SLOTS> {
    /// Takes the lowest free slot; `None` if there is none.
    pub(super) fn take(&self) -> Option<usize> {
        let slot = self.taken.iter().position(|taken| {
            // Acquire: what the slot's last owner counted is visible before this thread counts on.
            !taken.load(Ordering::Relaxed) && !taken.swap(true, Ordering::Acquire)
        })?;
        // Before anything is counted in it: see `Ledger::read`.
        self.ever_taken.fetch_max(slot + 1, Ordering::AcqRel);
        Some(slot)
    }

    /// Gives back what the caller has taken, after the last thing that it counted there.
    pub(super) fn give_back(&self, slot: usize) {
        // Release: pairs with the next owner's acquire.
        self.taken[slot].store(false, Ordering::Release);
    }

    /// How many slots were ever in use: all others have counted nothing.
    pub(super) fn ever_taken(&self) -> usize {
        self.ever_taken.load(Ordering::Acquire)
    }
}
