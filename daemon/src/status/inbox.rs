//! The notifications of one profile that nobody has been told of yet, and those that nobody could be told of. Pure: the time
//! comes in with each call.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use leakgate_probe::Held;
use sessiond_protocol::{NotificationInfo, SessionId, StatusChange};

use super::file::in_one_line;
use crate::gauges::NOTIFICATIONS;

/// Notifications that wait; the oldest makes room. More than a person reads, and all of them fit an answer.
pub(super) const WAITING_MAX: usize = 256;

/// Notifications that were given up, of which each has an error of up to [`ERROR_BYTES_MAX`]; the oldest makes room.
const DEAD_MAX: usize = 64;

/// Bytes of an attempt's error that are kept, in one line: all of the dead fit an answer, also when JSON takes two bytes for
/// each of them.
pub(super) const ERROR_BYTES_MAX: usize = 4 << 10;

/// The wait before the second attempt, doubled for each further one.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// How long, and how often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) attempts: u32,
    pub(super) ttl: Duration,
}

/// A notification.
#[derive(Debug)]
struct Notification {
    id: u64,
    change: StatusChange,
    attempts: u32,
    error: String,
    /// Until when it is kept.
    until: Instant,
    /// When it is tried next.
    next: Instant,
    _counted: Held,
}

/// What somebody is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) change: StatusChange,
    /// Counted from 1.
    pub(super) attempt: u32,
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    Delivered,
    /// It is tried again.
    Again,
    /// It was the last attempt.
    Died,
    /// It was taken out meanwhile: its session is gone, or its time was over.
    Gone,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Inbox {
    limits: Limits,
    /// Oldest first.
    waiting: VecDeque<Notification>,
    /// The one that somebody is being told of.
    running: Option<u64>,
    dead: VecDeque<Notification>,
    last: u64,
}

impl Inbox {
    pub(super) const fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting: VecDeque::new(),
            running: None,
            dead: VecDeque::new(),
            last: 0,
        }
    }

    /// Adds one; false when another one had to make room.
    pub(super) fn push(&mut self, now: Instant, change: StatusChange) -> bool {
        self.last += 1;
        let had_room = self.waiting.len() < WAITING_MAX;
        if !had_room {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Notification {
            id: self.last,
            change,
            attempts: 0,
            error: String::new(),
            until: now + self.limits.ttl,
            next: now,
            _counted: NOTIFICATIONS.hold(1),
        });
        had_room
    }

    /// What somebody is to be told now. Only one at a time: what comes of it is said with [`Inbox::settle`].
    pub(super) fn begin(&mut self, now: Instant) -> Option<Job> {
        if self.running.is_some() {
            return None;
        }
        let due = self.waiting.iter_mut().filter(|entry| entry.next <= now);
        let entry = due.min_by_key(|entry| (entry.next, entry.id))?;
        entry.attempts += 1;
        self.running = Some(entry.id);
        Some(Job {
            id: entry.id,
            change: entry.change.clone(),
            attempt: entry.attempts,
        })
    }

    /// Somebody was told, or could not be.
    pub(super) fn settle(&mut self, now: Instant, told: Result<(), String>) -> Settled {
        let running = self.running.take();
        let place = self
            .waiting
            .iter()
            .position(|entry| Some(entry.id) == running);
        let Some(place) = place else {
            return Settled::Gone;
        };
        let Err(error) = told else {
            self.waiting.remove(place);
            self.free();
            return Settled::Delivered;
        };
        let attempts_max = self.limits.attempts;
        let entry = &mut self.waiting[place];
        entry.error = in_one_line(&error, ERROR_BYTES_MAX);
        if entry.attempts < attempts_max {
            let wait = RETRY_MIN * (1 << (entry.attempts - 1).min(6));
            entry.next = now + wait.min(RETRY_MAX);
            return Settled::Again;
        }
        if let Some(mut entry) = self.waiting.remove(place) {
            entry.until = now + self.limits.ttl;
            if self.dead.len() >= DEAD_MAX {
                self.dead.pop_front();
            }
            self.dead.push_back(entry);
        }
        self.free();
        Settled::Died
    }

    /// Takes everything out that is about a session; returns how many nobody has been told of.
    pub(super) fn drop_session(&mut self, session: SessionId) -> usize {
        let before = self.waiting.len();
        self.waiting.retain(|entry| entry.change.session != session);
        self.dead.retain(|entry| entry.change.session != session);
        self.free();
        before - self.waiting.len()
    }

    /// Takes out what was kept for long enough; returns how many nobody has been told of.
    pub(super) fn expire(&mut self, now: Instant) -> usize {
        let before = self.waiting.len();
        self.waiting.retain(|entry| entry.until > now);
        self.dead.retain(|entry| entry.until > now);
        self.free();
        before - self.waiting.len()
    }

    fn free(&mut self) {
        for queue in [&mut self.waiting, &mut self.dead] {
            if queue.is_empty() {
                *queue = VecDeque::new(); // a burst's memory is not kept
            }
        }
    }

    /// When one is kept no longer.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        let all = self.waiting.iter().chain(&self.dead);
        all.map(|entry| entry.until).min()
    }

    /// When somebody is to be told next.
    pub(super) fn next_attempt(&self) -> Option<Instant> {
        let waiting = self.waiting.iter();
        let next = waiting.map(|entry| entry.next).min();
        next.filter(|_| self.running.is_none())
    }

    pub(super) fn waiting(&self) -> Vec<NotificationInfo> {
        self.waiting.iter().map(Notification::info).collect()
    }

    pub(super) fn dead(&self) -> Vec<NotificationInfo> {
        self.dead.iter().map(Notification::info).collect()
    }

    pub(super) fn waiting_len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn dead_len(&self) -> usize {
        self.dead.len()
    }

    /// Takes out what waits, but for what somebody is being told of.
    pub(super) fn take_waiting(&mut self) -> Vec<NotificationInfo> {
        let running = self.running;
        let mut taken = Vec::new();
        self.waiting.retain(|entry| {
            let stays = Some(entry.id) == running;
            if !stays {
                taken.push(entry.info());
            }
            stays
        });
        self.free();
        taken
    }

    pub(super) fn take_dead(&mut self) -> Vec<NotificationInfo> {
        let dead = std::mem::take(&mut self.dead);
        dead.iter().map(Notification::info).collect()
    }
}

impl Notification {
    fn info(&self) -> NotificationInfo {
        NotificationInfo {
            id: self.id,
            change: self.change.clone(),
            attempts: self.attempts,
            error: self.error.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(session: u64) -> StatusChange {
        StatusChange {
            session: SessionId(session),
            name: None,
            profile: "p".parse().unwrap(),
            from: None,
            to: None,
            text: String::new(),
            time_unix_ms: 0,
        }
    }

    fn inbox(attempts: u32) -> (Inbox, Instant) {
        let ttl = Duration::from_secs(3600);
        (Inbox::new(Limits { attempts, ttl }), Instant::now())
    }

    #[test]
    fn what_fails_is_tried_again_with_longer_waits_and_then_is_dead() {
        let (mut inbox, begin) = inbox(3);
        inbox.push(begin, change(1));
        let mut at = Vec::new();
        let mut now = begin;
        let last = loop {
            let job = inbox.begin(now).unwrap();
            assert_eq!((inbox.begin(now), inbox.next_attempt()), (None, None));
            at.push(((now - begin).as_secs(), job.attempt));
            match inbox.settle(now, Err("no".to_owned())) {
                Settled::Again => now = inbox.next_attempt().unwrap(),
                other => break other,
            }
            assert_eq!(inbox.begin(now - Duration::from_millis(1)), None);
        };
        assert_eq!(at, [(0, 1), (1, 2), (3, 3)]);
        assert_eq!(
            (last, inbox.waiting_len(), inbox.next_attempt()),
            (Settled::Died, 0, None)
        );
        assert_eq!(inbox.dead()[0].error, "no");
        assert_eq!(inbox.take_dead().len(), 1);
        assert_eq!(inbox.next_expiry(), None);
    }

    #[test]
    fn a_session_that_is_gone_is_nobody_s_news() {
        let (mut inbox, now) = inbox(1);
        for session in [1, 2, 1] {
            inbox.push(now, change(session));
        }
        inbox.begin(now).unwrap();
        assert_eq!(inbox.drop_session(SessionId(1)), 2);
        assert_eq!(inbox.settle(now, Err(String::new())), Settled::Gone);
        assert_eq!(inbox.begin(now).unwrap().change.session, SessionId(2));
        inbox.settle(now, Err(String::new()));
        assert_eq!((inbox.dead_len(), inbox.drop_session(SessionId(2))), (1, 0));
        assert_eq!(inbox.dead_len(), 0);
    }

    #[test]
    fn what_is_being_told_is_not_taken_and_nothing_is_kept_for_ever() {
        let (mut inbox, begin) = inbox(2);
        for session in 0..300 {
            assert_eq!(inbox.push(begin, change(session)), session < 256);
        }
        inbox.begin(begin).unwrap();
        assert_eq!(inbox.take_waiting().len(), WAITING_MAX - 1);
        let end = inbox.next_expiry().unwrap();
        assert_eq!(inbox.expire(end - Duration::from_millis(1)), 0);
        assert_eq!(inbox.expire(end), 1);
        assert_eq!(inbox.settle(end, Ok(())), Settled::Gone);
        assert_eq!(inbox.waiting.capacity(), 0);
    }
}
