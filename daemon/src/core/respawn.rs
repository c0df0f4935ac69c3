//! When a process that has ended is started again, and when that is given up. Pure: the time comes in with each call.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use sessiond_protocol::{ExitStatus, RespawnParams, RespawnWhen};

/// A process that ran for so long was well: the next interval is the shortest again.
const STEADY: Duration = Duration::from_secs(60);

/// The longest interval between two starts, whatever it has doubled to: a person who has mended the cause should not wait
/// longer.
const INTERVAL_MAX: Duration = Duration::from_secs(300);

/// What follows the end of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: it is not to be respawned after such an end.
    Nothing,
    /// Another start, then.
    At(Instant),
    /// The breaker opens, for this reason.
    GiveUp(String),
}

/// How a process ended, or that it could not even be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Exited(ExitStatus),
    NotStarted,
}

/// The starts of one session.
#[derive(Debug)]
pub(super) struct Respawn {
    params: RespawnParams,
    started: Instant,
    /// Processes that ended soon after their start, or did not start, one after the other.
    streak: u32,
    total: u32,
    /// Respawns within the window, at most [`RespawnParams::burst`] of them.
    recent: VecDeque<Instant>,
}

impl Respawn {
    pub(super) const fn new(params: RespawnParams, now: Instant) -> Self {
        Self {
            params,
            started: now,
            streak: 0,
            total: 0,
            recent: VecDeque::new(),
        }
    }

    /// A process runs since now.
    pub(super) const fn started(&mut self, now: Instant) {
        self.started = now;
    }

    /// Forgets what has been: somebody restarts the session by hand.
    pub(super) fn reset(&mut self, now: Instant) {
        *self = Self::new(self.params, now);
    }

    /// Decides what follows an end.
    pub(super) fn after(&mut self, now: Instant, ending: Ending) -> Next {
        let wanted = match (self.params.when, ending) {
            (RespawnWhen::Always, _) | (RespawnWhen::OnFailure, Ending::NotStarted) => true,
            (RespawnWhen::OnFailure, Ending::Exited(status)) => status != ExitStatus::Code(0),
        };
        if !wanted {
            return Next::Nothing;
        }
        if let Some(total) = self.params.total
            && self.total >= total
        {
            return Next::GiveUp(format!(
                "it was respawned {total} times, as often as it may be"
            ));
        }
        let window = Duration::from_millis(self.params.window_ms.into());
        self.recent
            .retain(|respawn| now.saturating_duration_since(*respawn) < window);
        if self.recent.len() >= self.params.burst as usize {
            return Next::GiveUp(format!(
                "it was respawned {} times within {window:?}",
                self.recent.len()
            ));
        }
        let soon =
            ending == Ending::NotStarted || now.saturating_duration_since(self.started) < STEADY;
        self.streak = if soon {
            self.streak.saturating_add(1)
        } else {
            0
        };
        self.total = self.total.saturating_add(1);
        self.recent.push_back(now);
        let last_try = match ending {
            Ending::Exited(_) => self.started,
            Ending::NotStarted => now,
        };
        Next::At(now.max(last_try + self.interval()))
    }

    /// From one start to the next.
    fn interval(&self) -> Duration {
        let shortest = Duration::from_millis(self.params.interval_ms.into());
        let doubled = 2_u32.saturating_pow(self.streak.saturating_sub(1));
        shortest.saturating_mul(doubled).min(INTERVAL_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRASH: Ending = Ending::Exited(ExitStatus::Signal(11));

    /// When the respawns happen of a process that ends `life` after each start, in milliseconds; and how it ends.
    fn starts(params: RespawnParams, life: Duration) -> (Vec<u128>, Next) {
        let begin = Instant::now();
        let mut respawn = Respawn::new(params, begin);
        let (mut now, mut starts) = (begin, Vec::new());
        loop {
            now += life;
            match respawn.after(now, CRASH) {
                Next::At(then) if starts.len() < 50 => {
                    assert!(then >= now);
                    starts.push((then - begin).as_millis());
                    now = then;
                    respawn.started(now);
                }
                other => return (starts, other),
            }
        }
    }

    #[test]
    fn the_interval_doubles_until_the_breaker_opens() {
        let (at, end) = starts(RespawnParams::new(RespawnWhen::Always), Duration::ZERO);
        assert_eq!(at, [1000, 3000, 7000, 15_000, 31_000]);
        let Next::GiveUp(reason) = end else {
            panic!("{end:?}")
        };
        assert_eq!(reason, "it was respawned 5 times within 60s");
    }

    #[test]
    fn what_runs_for_long_is_respawned_at_once_and_for_ever() {
        let (at, end) = starts(RespawnParams::new(RespawnWhen::Always), STEADY);
        assert_eq!((at.len(), at[0], at[49]), (50, 60_000, 3_000_000));
        assert!(matches!(end, Next::At(_)));
    }

    #[test]
    fn the_interval_has_an_end_and_so_have_the_respawns() {
        let params = RespawnParams {
            interval_ms: 100_000,
            total: Some(4),
            ..RespawnParams::new(RespawnWhen::OnFailure)
        };
        let (at, end) = starts(params, Duration::ZERO);
        assert_eq!(at, [100_000, 300_000, 600_000, 900_000]);
        assert!(matches!(end, Next::GiveUp(reason) if reason.contains("4 times, as often")));
    }

    #[test]
    fn an_end_without_failure_is_none_to_respawn_after() {
        let now = Instant::now();
        let mut respawn = Respawn::new(RespawnParams::new(RespawnWhen::OnFailure), now);
        let done = Ending::Exited(ExitStatus::Code(0));
        assert_eq!(respawn.after(now, done), Next::Nothing);
        assert!(matches!(
            respawn.after(now, Ending::NotStarted),
            Next::At(_)
        ));
        let mut always = Respawn::new(RespawnParams::new(RespawnWhen::Always), now);
        assert!(matches!(always.after(now, done), Next::At(_)));
    }

    #[test]
    fn a_start_that_fails_after_a_long_life_is_tried_again_after_longer_and_longer_waits() {
        let begin = Instant::now();
        let mut respawn = Respawn::new(RespawnParams::new(RespawnWhen::Always), begin);
        let crash = begin + 100 * STEADY;
        let (mut now, mut tries, mut ending) = (crash, Vec::new(), CRASH);
        while let Next::At(then) = respawn.after(now, ending) {
            tries.push((then - crash).as_secs());
            (now, ending) = (then, Ending::NotStarted);
        }
        assert_eq!(tries, [0, 1, 3, 7, 15]);
    }

    #[test]
    fn a_reset_begins_anew() {
        let begin = Instant::now();
        let mut respawn = Respawn::new(RespawnParams::new(RespawnWhen::Always), begin);
        while let Next::At(_) = respawn.after(begin, CRASH) {}
        respawn.reset(begin);
        assert_eq!(
            respawn.after(begin, CRASH),
            Next::At(begin + Duration::from_secs(1))
        );
    }
}
