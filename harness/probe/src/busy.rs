//! Owns the count of work in flight, from which the probe tells when a daemon has come to rest.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many pieces of work may be in flight at once before the count would run into the epoch: 2^24, which is more
/// tasks than a daemon has memory for.
const IN_FLIGHT_BITS: u32 = 24;
const IN_FLIGHT_MASK: u64 = (1 << IN_FLIGHT_BITS) - 1;
const ENTER: u64 = (1 << IN_FLIGHT_BITS) + 1;

/// Counts work in flight, with an epoch that moves each time work begins.
///
/// The epoch is what tells "idle all along" from "idle at both looks": a reading is trusted only if nothing was in
/// flight and the epoch stood still for a whole window.
///
/// ```
/// use leakgate_probe::Busy;
///
/// static BUSY: Busy = Busy::new();
///
/// let working = BUSY.enter();
/// assert!(!BUSY.state().is_idle());
/// drop(working);
/// assert!(BUSY.state().is_idle());
/// ```
#[derive(Debug)]
pub struct Busy {
    /// Work in flight in the low bits, epoch above them: one atomic operation moves both, so no reader can see one
    /// without the other.
    word: AtomicU64,
}

impl Busy {
    /// Nothing in flight, at epoch 0.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
        }
    }

    /// Says that work is in flight for as long as the returned guard lives. One atomic operation.
    #[must_use = "the work counts as done as soon as the guard is dropped"]
    pub fn enter(&'static self) -> BusyGuard {
        self.word.fetch_add(ENTER, Ordering::AcqRel);
        BusyGuard { busy: self }
    }

    /// What is in flight now, and the epoch. Everything done under guards already dropped happens before the reading.
    #[must_use]
    pub fn state(&self) -> BusyState {
        let word = self.word.load(Ordering::Acquire);
        BusyState {
            in_flight: word & IN_FLIGHT_MASK,
            epoch: word >> IN_FLIGHT_BITS,
        }
    }
}

impl Default for Busy {
    fn default() -> Self {
        Self::new()
    }
}

/// Work in flight; dropping it is the end of that work.
#[derive(Debug)]
pub struct BusyGuard {
    busy: &'static Busy,
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        self.busy.word.fetch_sub(1, Ordering::Release);
    }
}

/// One reading of a [`Busy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusyState {
    /// Pieces of work in flight.
    pub in_flight: u64,
    /// How often work began so far, modulo 2^40.
    pub epoch: u64,
}

impl BusyState {
    /// Whether nothing was in flight.
    #[must_use]
    pub const fn is_idle(self) -> bool {
        self.in_flight == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_came_and_went_between_two_looks_moves_the_epoch() {
        static BUSY: Busy = Busy::new();
        let before = BUSY.state();
        drop(BUSY.enter());
        let after = BUSY.state();
        assert!(before.is_idle() && after.is_idle());
        assert_ne!(before.epoch, after.epoch);
    }

    #[test]
    fn nested_work_is_idle_only_after_the_last_guard() {
        static BUSY: Busy = Busy::new();
        let outer = BUSY.enter();
        let inner = BUSY.enter();
        drop(outer);
        assert_eq!(BUSY.state().in_flight, 1);
        drop(inner);
        assert!(BUSY.state().is_idle());
        assert_eq!(BUSY.state().epoch, 2);
    }

    #[test]
    fn the_epoch_wraps_without_touching_the_count() {
        static BUSY: Busy = Busy {
            word: AtomicU64::new(u64::MAX << IN_FLIGHT_BITS),
        };
        let guard = BUSY.enter();
        assert_eq!(
            BUSY.state(),
            BusyState {
                in_flight: 1,
                epoch: 0
            }
        );
        drop(guard);
    }
}
