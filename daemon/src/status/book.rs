//! One profile's notifications and counts. Pure: the time comes in with each call.

use std::time::Instant;

use sessiond_protocol::{AgentState, FileFault, ProfileCounts, SessionId, StatusChange};

use super::inbox::{Inbox, Job, Settled};
use super::seen::Seen;
use super::settings::Settings;

/// What a profile's task does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Tell somebody.
    Tell(Box<Job>),
    /// Nothing before this.
    At(Instant),
    /// Nothing until something happens.
    Nothing,
}

/// Whether anybody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    /// By a command that is run.
    Hook,
    /// Whoever asks.
    OnRequest,
}

/// The profile's side of everything that happens.
#[derive(Debug)]
pub(super) struct Book {
    on: Vec<AgentState>,
    delivery: Delivery,
    seen: Seen,
    pub(super) inbox: Inbox,
    pub(super) counts: ProfileCounts,
    pub(super) last_fault: Option<FileFault>,
}

impl Book {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            on: settings.on.clone(),
            delivery: if settings.hook.is_empty() {
                Delivery::OnRequest
            } else {
                Delivery::Hook
            },
            seen: Seen::new(settings.dedup),
            inbox: Inbox::new(settings.limits),
            counts: ProfileCounts::default(),
            last_fault: None,
        }
    }

    /// An agent does or says something else.
    pub(super) fn changed(&mut self, now: Instant, change: &StatusChange) {
        self.counts.changes += 1;
        if !change.to.is_some_and(|state| self.on.contains(&state)) {
            return;
        }
        if self.seen.is_repeated(now, change) {
            self.counts.repeated += 1;
        } else if !self.inbox.push(now, change.clone()) {
            self.counts.dropped += 1;
        }
    }

    /// A session is gone, and everything with it that is remembered of it.
    pub(super) fn session_over(&mut self, session: SessionId) {
        self.seen.drop_session(session);
        self.counts.orphaned += self.inbox.drop_session(session) as u64;
    }

    /// Drops what is too old, and says what is to be done.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        self.seen.expire(now);
        self.counts.expired += self.inbox.expire(now) as u64;
        let attempt = match self.delivery {
            Delivery::Hook => {
                if let Some(job) = self.inbox.begin(now) {
                    return Next::Tell(Box::new(job));
                }
                self.inbox.next_attempt()
            }
            Delivery::OnRequest => None,
        };
        let wakes = attempt.into_iter();
        let wakes = wakes.chain(self.seen.next_wake());
        let next = wakes.chain(self.inbox.next_expiry()).min();
        next.map_or(Next::Nothing, Next::At)
    }

    /// A hook has told somebody, or has failed.
    pub(super) fn settle(&mut self, now: Instant, told: Result<(), String>) -> Settled {
        match &told {
            Ok(()) => self.counts.delivered += 1,
            Err(_) => self.counts.failed += 1,
        }
        let settled = self.inbox.settle(now, told);
        if settled == Settled::Died {
            self.counts.died += 1;
        }
        settled
    }

    /// A file was not taken; true when that is news: one of many that are wrong in one way is told.
    pub(super) fn fault(&mut self, fault: FileFault) -> bool {
        let last = self.last_fault.as_ref();
        let is_news = last.is_none_or(|last| last.why != fault.why);
        self.last_fault = Some(fault);
        is_news
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sessiond_protocol::ProfileParams;

    use super::*;

    fn book(hook: &[&str]) -> Book {
        let params = ProfileParams {
            hook: hook.iter().map(|&word| word.to_owned()).collect(),
            attempts: Some(1),
            ..ProfileParams::new("p".parse().unwrap(), "/d".to_owned())
        };
        Book::new(&Settings::new(params).unwrap())
    }

    fn change(to: AgentState) -> StatusChange {
        StatusChange {
            session: SessionId(1),
            name: None,
            profile: "p".parse().unwrap(),
            from: None,
            to: Some(to),
            text: String::new(),
            time_unix_ms: 0,
        }
    }

    #[test]
    fn only_chosen_states_are_notified_and_only_once_in_a_while() {
        let (mut book, now) = (book(&["hook"]), Instant::now());
        assert_eq!(book.next(now), Next::Nothing);
        book.changed(now, &change(AgentState::Running));
        assert_eq!(book.next(now), Next::Nothing);
        for _ in 0..3 {
            book.changed(now, &change(AgentState::Waiting));
        }
        let Next::Tell(job) = book.next(now) else {
            panic!("nothing is told")
        };
        assert_eq!((job.id, job.attempt), (1, 1));
        book.settle(now, Ok(()));
        let counts = book.counts;
        assert_eq!(
            (counts.changes, counts.repeated, counts.delivered),
            (4, 2, 1)
        );
        // What remains to be done is to forget that it was notified.
        assert_eq!(book.next(now), Next::At(now + Duration::from_secs(60)));
        assert_eq!(book.next(now + Duration::from_secs(60)), Next::Nothing);
    }

    #[test]
    fn without_a_hook_notifications_wait_until_their_time_is_over() {
        let (mut book, now) = (book(&[]), Instant::now());
        book.changed(now, &change(AgentState::Error));
        assert!(matches!(book.next(now), Next::At(_)));
        let day = now + Duration::from_secs(24 * 3600);
        assert_eq!(book.next(day), Next::Nothing);
        assert_eq!(book.counts.expired, 1);
    }

    #[test]
    fn nothing_is_due_when_the_session_is_gone() {
        let (mut book, now) = (book(&["hook"]), Instant::now());
        book.changed(now, &change(AgentState::Error));
        book.session_over(SessionId(1));
        assert_eq!((book.next(now), book.counts.orphaned), (Next::Nothing, 1));
    }
}
