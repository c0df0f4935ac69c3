//! When a server that has gone is started again, and when that is given up. Pure: the time comes in with each call.
//!
//! Not the sessions' respawn, which backs off for what a person watches: clients wait for a server, so its intervals stay
//! short, and what crashes again and again is given up soon and says so.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The least time from one start to the next: a server that dies at its start must not take a processor.
pub(super) const APART: Duration = Duration::from_secs(5);

/// Restarts within [`WINDOW`]: two accidents, and a third.
const IN_WINDOW_MAX: usize = 3;
const WINDOW: Duration = Duration::from_secs(60);

/// Restarts in all, between two times of health.
const TOTAL_MAX: u32 = 10;

/// A server that ran for so long was well, and its restarts are forgotten.
const HEALTHY: Duration = Duration::from_secs(300);

/// What follows a server's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Another start, then.
    At(Instant),
    /// None any more, for this reason.
    Failed(String),
}

/// The restarts of one server.
#[derive(Debug)]
pub(super) struct Restarts {
    started: Instant,
    /// At most [`IN_WINDOW_MAX`].
    recent: VecDeque<Instant>,
    total: u32,
}

impl Restarts {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            started: now,
            recent: VecDeque::new(),
            total: 0,
        }
    }

    /// A process is started now.
    pub(super) const fn started(&mut self, now: Instant) {
        self.started = now;
    }

    /// Since the last time of health.
    pub(super) const fn total(&self) -> u32 {
        self.total
    }

    /// Decides what follows an end, or a start that came to nothing.
    pub(super) fn after_end(&mut self, now: Instant) -> Next {
        if now.saturating_duration_since(self.started) >= HEALTHY {
            self.recent.clear();
            self.total = 0;
        }
        let at = now.max(self.started + APART);
        self.recent
            .retain(|restart| at.saturating_duration_since(*restart) < WINDOW);
        if self.recent.len() >= IN_WINDOW_MAX {
            return Next::Failed(format!(
                "it was restarted {IN_WINDOW_MAX} times within {WINDOW:?}"
            ));
        }
        if self.total >= TOTAL_MAX {
            return Next::Failed(format!(
                "it was restarted {TOTAL_MAX} times, and never well for {HEALTHY:?}"
            ));
        }
        self.recent.push_back(at);
        self.total += 1;
        Next::At(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When a server is restarted that lives so long after each start, in seconds; and what ends that.
    fn restarts(life: Duration) -> (Vec<u64>, Option<String>) {
        let begin = Instant::now();
        let mut restarts = Restarts::new(begin);
        let (mut now, mut at) = (begin, Vec::new());
        while at.len() < 50 {
            now += life;
            match restarts.after_end(now) {
                Next::At(then) => {
                    at.push((then - begin).as_secs());
                    now = then;
                    restarts.started(then);
                }
                Next::Failed(reason) => return (at, Some(reason)),
            }
        }
        (at, None)
    }

    #[test]
    fn starts_are_apart_and_three_of_them_are_a_minute_s_share() {
        let (at, reason) = restarts(Duration::ZERO);
        assert_eq!(at, [5, 10, 15]);
        assert_eq!(reason.unwrap(), "it was restarted 3 times within 60s");
    }

    #[test]
    fn what_crashes_slowly_is_given_up_after_ten_restarts() {
        let (at, reason) = restarts(Duration::from_secs(30));
        assert_eq!(at, (1..=10).map(|n| n * 30).collect::<Vec<_>>());
        assert!(reason.unwrap().contains("10 times"));
    }

    #[test]
    fn five_healthy_minutes_forget_all_of_it() {
        let (at, reason) = restarts(HEALTHY);
        assert_eq!((at.len(), reason), (50, None));
        let (_, reason) = restarts(HEALTHY - Duration::from_secs(1));
        assert!(reason.is_some());
    }
}
