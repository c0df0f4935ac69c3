//! Schedules: sessions that are started at a time, or again and again. One that is still there when the next is due is
//! left alone; its schedule counts that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use leakgate_probe::Held;
use sessiond_protocol::{
    ErrorCode, Failure, IfExists, ScheduleId, ScheduleInfo, ScheduleParams, SessionId, Success,
    UnscheduleParams, When,
};

use super::creation::{Place, bad, too_large_to_keep};
use super::entry::Life;
use super::recipe::{Recipe, Remembered};
use super::requests::Answer;
use super::{Core, Keep, Now, Plane};
use crate::gauges::SCHEDULES;

/// Schedules at a time. Each keeps its recipe, and one record of its last session.
pub(super) const SCHEDULES_MAX: usize = 64;

/// The shortest interval: what runs more often than this should be a session that stays.
const EVERY_MIN: Duration = Duration::from_secs(1);

/// The longest way ahead: nobody remembers what he asked for before that.
const AHEAD_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// One schedule.
#[derive(Debug)]
struct Schedule {
    when: When,
    recipe: Arc<Recipe>,
    next: Instant,
    started: u64,
    skipped: u64,
    failed: u64,
    /// The session that it started last; it may be gone, its number is never another's.
    last: Option<SessionId>,
    _counted: Held,
}

/// All schedules.
#[derive(Debug, Default)]
pub(super) struct Schedules {
    known: BTreeMap<ScheduleId, Schedule>,
    last: u64,
}

impl Schedules {
    pub(super) const fn new() -> Self {
        Self {
            known: BTreeMap::new(),
            last: 0,
        }
    }

    /// When one is due next.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.known.values().map(|schedule| schedule.next).min()
    }

    pub(super) fn clear(&mut self) {
        self.known = BTreeMap::new();
    }

    /// One that is due, with its next time set; one that was to start once is gone.
    fn take_due(&mut self, now: Instant) -> Option<(ScheduleId, Arc<Recipe>, Option<SessionId>)> {
        let due = self.known.iter().find(|(_, schedule)| schedule.next <= now);
        let (id, schedule) = due.map(|(id, schedule)| (*id, schedule))?;
        let taken = (id, Arc::clone(&schedule.recipe), schedule.last);
        match schedule.when {
            When::AtUnixMs(_) => drop(self.known.remove(&id)),
            When::EveryMs(every) => {
                if let Some(schedule) = self.known.get_mut(&id) {
                    schedule.next = next_after(schedule.next, every, now);
                }
            }
        }
        Some(taken)
    }

    /// A session could not be started; says so to the schedule that wanted it.
    pub(super) fn start_failed(&mut self, session: SessionId) {
        for schedule in self.known.values_mut() {
            if schedule.last == Some(session) {
                schedule.failed += 1;
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}

/// The first time after `now` that is a whole number of intervals after `due`: what was missed is not made up for.
fn next_after(due: Instant, every_ms: u64, now: Instant) -> Instant {
    let late_ms = u64::try_from(now.saturating_duration_since(due).as_millis()).unwrap_or(u64::MAX);
    let intervals = late_ms / every_ms.max(1) + 1;
    due + Duration::from_millis(every_ms.saturating_mul(intervals))
}

/// What comes of a start that is due.
enum Start {
    Started(SessionId),
    Skipped,
    Failed,
}

impl Schedule {
    fn info(&self, id: ScheduleId, now: Now) -> ScheduleInfo {
        let wait = self.next.saturating_duration_since(now.instant);
        ScheduleInfo {
            id,
            when: self.when,
            name: self.recipe.name.clone(),
            command: Remembered::new(&self.recipe).command(),
            next_in_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            started: self.started,
            skipped: self.skipped,
            failed: self.failed,
            last: self.last,
        }
    }
}

/// When a schedule starts its first session.
fn first(when: When, now: Now) -> Result<Instant, Failure> {
    let (wait, min) = match when {
        When::EveryMs(every) => (Some(every), EVERY_MIN),
        When::AtUnixMs(at) => (at.checked_sub(now.unix_ms), Duration::ZERO),
    };
    let wait = wait.map(Duration::from_millis);
    wait.filter(|wait| (min..=AHEAD_MAX).contains(wait))
        .map(|wait| now.instant + wait)
        .ok_or_else(|| {
            bad("allowed is every 1 s to 365 days, or a time that is not past and within 365 days")
        })
}

impl<P: Plane> Core<P> {
    pub(super) fn schedule(&mut self, now: Now, params: ScheduleParams) -> Answer {
        let ScheduleParams { when, session } = params;
        self.check(&session)?;
        if session.respawn.is_some() || session.if_exists != IfExists::Refuse {
            return Err(bad("a schedule has neither respawn nor if_exists"));
        }
        let next = first(when, now)?;
        if self.schedules.known.len() >= SCHEDULES_MAX {
            let message = format!("there are {SCHEDULES_MAX} schedules already");
            return Err(Failure::new(ErrorCode::Limit, message));
        }
        let recipe = Recipe::new(session);
        if !recipe.fits() {
            return Err(too_large_to_keep());
        }
        self.schedules.last += 1;
        let id = ScheduleId(self.schedules.last);
        let schedule = Schedule {
            when,
            recipe,
            next,
            started: 0,
            skipped: 0,
            failed: 0,
            last: None,
            _counted: SCHEDULES.hold(1),
        };
        let info = schedule.info(id, now);
        self.schedules.known.insert(id, schedule);
        Ok(Some(Success::Scheduled { schedule: info }))
    }

    pub(super) fn list_schedules(&self, now: Now) -> Success {
        let known = self.schedules.known.iter();
        Success::Schedules {
            schedules: known
                .map(|(id, schedule)| schedule.info(*id, now))
                .collect(),
        }
    }

    /// Takes a schedule back. What it has started goes on.
    pub(super) fn unschedule(&mut self, params: UnscheduleParams) -> Answer {
        let UnscheduleParams { schedule } = params;
        let known = self.schedules.known.remove(&schedule);
        known
            .map(|_| Some(Success::Unscheduled {}))
            .ok_or_else(|| Failure::new(ErrorCode::NotFound, format!("no schedule {schedule}")))
    }

    /// Starts the sessions that are due.
    pub(super) fn start_scheduled(&mut self, now: Now) {
        while let Some((id, recipe, last)) = self.schedules.take_due(now.instant) {
            let start = self.start_one(now, &recipe, last);
            let Some(schedule) = self.schedules.known.get_mut(&id) else {
                continue; // it was to start once
            };
            match start {
                Start::Started(session) => {
                    schedule.started += 1;
                    schedule.last = Some(session);
                }
                Start::Skipped => schedule.skipped += 1,
                Start::Failed => schedule.failed += 1,
            }
        }
    }

    fn start_one(&mut self, now: Now, recipe: &Arc<Recipe>, last: Option<SessionId>) -> Start {
        let named = recipe
            .name
            .as_ref()
            .and_then(|name| self.sessions.named(name));
        for session in [last, named].into_iter().flatten() {
            let Some(entry) = self.sessions.get(session) else {
                continue;
            };
            if !matches!(entry.life, Life::Ended(_)) {
                return Start::Skipped;
            }
        }
        let place = named.map_or(Place::Free, Place::Over);
        let Ok(session) = self.admit(now, Arc::clone(recipe), place, Keep::Nothing) else {
            return Start::Failed;
        };
        if let Some(last) = last {
            self.sessions.remove(last); // one record of a schedule's sessions is enough
        }
        Start::Started(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_is_not_made_up_for() {
        let due = Instant::now();
        let at = |late: u64| next_after(due, 1000, due + Duration::from_millis(late)) - due;
        for (late, next) in [(0, 1), (999, 1), (1000, 2), (1001, 2), (59_500, 60)] {
            assert_eq!(at(late), Duration::from_secs(next), "{late} ms late");
        }
    }
}
