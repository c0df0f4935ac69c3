//! What was notified a moment ago, bounded in number and in age. Pure: the time comes in with each call.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use leakgate_probe::Held;
use sessiond_protocol::{SessionId, StatusChange};

use crate::gauges::STATUS_SEEN;

/// Notifications that are remembered; the oldest makes room, and may be notified twice then.
const SEEN_MAX: usize = 256;

/// The notifications of one profile within its window.
#[derive(Debug)]
pub(super) struct Seen {
    window: Duration,
    /// Oldest first.
    seen: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    at: Instant,
    session: SessionId,
    /// Of state and text.
    hash: u64,
    _counted: Held,
}

impl Seen {
    pub(super) const fn new(window: Duration) -> Self {
        Self {
            window,
            seen: VecDeque::new(),
        }
    }

    /// Whether the same was notified within the window. If not, it is now.
    pub(super) fn is_repeated(&mut self, now: Instant, change: &StatusChange) -> bool {
        self.expire(now);
        let mut hasher = DefaultHasher::new();
        (change.to, &change.text).hash(&mut hasher);
        let (session, hash) = (change.session, hasher.finish());
        let mut seen = self.seen.iter();
        if seen.any(|entry| entry.session == session && entry.hash == hash) {
            return true;
        }
        if self.window.is_zero() {
            return false;
        }
        if self.seen.len() >= SEEN_MAX {
            self.seen.pop_front();
        }
        self.seen.push_back(Entry {
            at: now,
            session,
            hash,
            _counted: STATUS_SEEN.hold(1),
        });
        false
    }

    pub(super) fn drop_session(&mut self, session: SessionId) {
        self.seen.retain(|entry| entry.session != session);
        self.free();
    }

    /// Forgets what is too old.
    pub(super) fn expire(&mut self, now: Instant) {
        while self
            .seen
            .front()
            .is_some_and(|entry| entry.at + self.window <= now)
        {
            self.seen.pop_front();
        }
        self.free();
    }

    fn free(&mut self) {
        if self.seen.is_empty() {
            self.seen = VecDeque::new();
        }
    }

    /// When something is too old next.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.seen.front().map(|entry| entry.at + self.window)
    }
}

#[cfg(test)]
mod tests {
    use sessiond_protocol::AgentState;

    use super::*;

    fn change(session: u64, text: &str) -> StatusChange {
        StatusChange {
            session: SessionId(session),
            name: None,
            profile: "p".parse().unwrap(),
            from: None,
            to: Some(AgentState::Waiting),
            text: text.to_owned(),
            time_unix_ms: 0,
        }
    }

    #[test]
    fn the_same_is_repeated_within_the_window_and_not_after_it() {
        let (begin, window) = (Instant::now(), Duration::from_secs(60));
        let mut seen = Seen::new(window);
        assert!(!seen.is_repeated(begin, &change(1, "a")));
        let soon = begin + window - Duration::from_millis(1);
        assert!(seen.is_repeated(soon, &change(1, "a")));
        assert!(!seen.is_repeated(soon, &change(1, "b")));
        assert!(!seen.is_repeated(soon, &change(2, "a")));
        assert_eq!(seen.next_wake(), Some(begin + window));
        assert!(!seen.is_repeated(begin + window, &change(1, "a")));
    }

    #[test]
    fn nothing_is_remembered_of_sessions_that_are_gone_nor_beyond_the_bounds() {
        let begin = Instant::now();
        let mut seen = Seen::new(Duration::from_secs(60));
        for session in 0..1000 {
            assert!(!seen.is_repeated(begin, &change(session, "")));
        }
        assert_eq!(seen.seen.len(), SEEN_MAX);
        seen.drop_session(SessionId(999));
        assert!(!seen.is_repeated(begin, &change(999, "")));
        seen.expire(begin + Duration::from_secs(60));
        assert_eq!((seen.seen.capacity(), seen.next_wake()), (0, None));
    }
}
