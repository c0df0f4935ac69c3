//! What the load of a cycle really does, counted where it happens, by branches that run at the same time.

use std::cell::{Cell, RefCell};

use super::within::Held;
use crate::record::event::Load;

/// The count of one cycle. The load is driven by one thread: branches take turns between their waits.
#[derive(Debug, Default)]
pub(super) struct Tally {
    load: Cell<Load>,
    /// What the target held where the steps said so: as many as a cycle has steps.
    held: RefCell<Vec<Held>>,
}

impl Tally {
    /// Counts something.
    pub(super) fn add(&self, count: impl FnOnce(&mut Load)) {
        let mut load = self.load.get();
        count(&mut load);
        self.load.set(load);
    }

    /// Keeps a reading.
    pub(super) fn hold(&self, held: Held) {
        self.held.borrow_mut().push(held);
    }

    /// What was counted, and what was read.
    pub(super) fn into_parts(self) -> (Load, Vec<Held>) {
        (self.load.get(), self.held.into_inner())
    }
}
