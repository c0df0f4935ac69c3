//! Owns the decision that a daemon has come to rest, without clock or wait of its own.

use std::time::{Duration, Instant};

use crate::busy::BusyState;
use crate::protocol::request::QUIET_WINDOW;

/// How often a waiting probe looks: a quarter of the quiet window, which keeps an answer within 25 ms of the rest it
/// reports and costs one poll each.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A wait for rest that has not been answered yet.
#[derive(Debug)]
pub(super) struct Quiesce {
    began: Instant,
    within: Duration,
    /// The epoch that stands still, and since when it was seen so.
    still: Option<(u64, Instant)>,
}

/// How a wait for rest ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rest {
    /// Whether the daemon stood still for the whole quiet window.
    pub(super) idle: bool,
    /// The epoch at the last look.
    pub(super) epoch: u64,
    /// From the request to this answer.
    pub(super) waited: Duration,
}

impl Quiesce {
    pub(super) const fn new(now: Instant, within: Duration) -> Self {
        Self {
            began: now,
            within,
            still: None,
        }
    }

    /// Takes one look. An answer once the daemon has stood still for the window, or the time is up.
    pub(super) fn look(&mut self, now: Instant, state: BusyState) -> Option<Rest> {
        self.still = match self.still {
            _ if !state.is_idle() => None,
            Some((epoch, since)) if epoch == state.epoch => Some((epoch, since)),
            _ => Some((state.epoch, now)),
        };
        let idle = self
            .still
            .is_some_and(|(_, since)| now.duration_since(since) >= QUIET_WINDOW);
        let waited = now.duration_since(self.began);
        (idle || waited >= self.within).then_some(Rest {
            idle,
            epoch: state.epoch,
            waited,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn state(in_flight: u64, epoch: u64) -> BusyState {
        BusyState { in_flight, epoch }
    }

    /// The answer of a wait of 100 ms that looks every 5 ms at what `at` says of each millisecond.
    fn outcome(at: impl Fn(u64) -> BusyState) -> Rest {
        let start = Instant::now();
        let mut quiesce = Quiesce::new(start, Duration::from_millis(100));
        (0..=100)
            .step_by(5)
            .find_map(|ms| quiesce.look(start + Duration::from_millis(ms), at(ms)))
            .expect("an answer within the time")
    }

    #[test]
    fn a_daemon_at_rest_is_idle_after_one_window() {
        let rest = outcome(|_| state(0, 7));
        assert!(rest.idle);
        assert_eq!(rest.waited, QUIET_WINDOW);
        assert_eq!(rest.epoch, 7);
    }

    #[test]
    fn work_between_looks_starts_the_window_anew() {
        let rest = outcome(|ms| state(0, ms / 15));
        assert!(!rest.idle, "the epoch never stood still for the window");
        assert_eq!(rest.waited, Duration::from_millis(100));
    }

    #[test]
    fn work_in_flight_is_not_rest_even_at_a_steady_epoch() {
        assert!(!outcome(|_| state(1, 3)).idle);
        let rest = outcome(|ms| state(u64::from(ms < 30), 3));
        assert!(rest.idle);
        assert_eq!(rest.waited, Duration::from_millis(50));
    }
}
