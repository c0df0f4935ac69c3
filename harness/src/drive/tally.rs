//! What the load of a cycle really does, counted where it happens, by branches that run at the same time.

use std::cell::Cell;

use crate::record::event::Load;

/// The count of one cycle. The load is driven by one thread: branches take turns between their waits.
#[derive(Debug, Default)]
pub(super) struct Tally(Cell<Load>);

impl Tally {
    /// Counts something.
    pub(super) fn add(&self, count: impl FnOnce(&mut Load)) {
        let mut load = self.0.get();
        count(&mut load);
        self.0.set(load);
    }

    /// What was counted.
    pub(super) fn load(&self) -> Load {
        self.0.get()
    }
}
