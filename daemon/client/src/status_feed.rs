//! Changes of statuses that wait for one reader, bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sessiond_protocol::StatusChange;
use tokio::sync::Notify;

use crate::driver::Handle;

/// Changes that wait: one of each session that a daemon can have.
const CHANGES_MAX: usize = 1024;

/// Something that a [`StatusWatch`] hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusEvent {
    /// An agent is doing something else, or says something else.
    Changed(StatusChange),
    /// So many changes were left out because this client read too slowly; what holds is in
    /// [`Client::statuses`](crate::Client::statuses).
    Missed(u64),
}

/// The changes of one connection.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    changes: VecDeque<StatusChange>,
    /// Told before any change that comes after it: there is none before it is told.
    missed: u64,
    closed: bool,
}

impl Feed {
    /// No code that holds this lock can panic half-way through a change.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, change: StatusChange) {
        let mut queue = self.lock();
        if queue.closed {
            return;
        }
        if queue.missed > 0 || queue.changes.len() >= CHANGES_MAX {
            queue.missed += 1;
        } else {
            queue.changes.push_back(change);
        }
        self.filled.notify_one();
    }

    pub(crate) fn missed(&self, changes: u64) {
        self.lock().missed += changes;
        self.filled.notify_one();
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    async fn pop(&self) -> Option<StatusEvent> {
        loop {
            let filled = self.filled.notified();
            {
                let mut queue = self.lock();
                if let Some(change) = queue.changes.pop_front() {
                    if queue.changes.is_empty() {
                        queue.changes = VecDeque::new(); // a burst's memory is not kept
                    }
                    return Some(StatusEvent::Changed(change));
                }
                if queue.missed > 0 {
                    return Some(StatusEvent::Missed(std::mem::take(&mut queue.missed)));
                }
                if queue.closed {
                    return None;
                }
            }
            filled.await;
        }
    }
}

/// The changes of all statuses. Dropping it ends them, without waiting for the server's answer.
#[derive(Debug)]
pub struct StatusWatch {
    handle: Handle,
    feed: Arc<Feed>,
}

impl StatusWatch {
    /// From before it is asked for, so that no change is lost.
    pub(crate) fn begin(handle: &Handle) -> Self {
        let feed = Arc::<Feed>::default();
        handle.watch_statuses(&feed);
        Self {
            handle: handle.clone(),
            feed,
        }
    }

    /// The next change; `None` when the connection has ended. Dropping the call loses nothing.
    pub async fn next(&mut self) -> Option<StatusEvent> {
        self.feed.pop().await
    }
}

impl Drop for StatusWatch {
    fn drop(&mut self) {
        self.handle.unwatch_statuses(&self.feed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_changes_than_may_wait_are_counted_and_told_after_those_that_do() {
        let feed = Feed::default();
        let change = |time_unix_ms| StatusChange {
            session: sessiond_protocol::SessionId(1),
            name: None,
            profile: "p".parse().unwrap(),
            from: None,
            to: None,
            text: String::new(),
            time_unix_ms,
        };
        for time in 0..CHANGES_MAX as u64 + 5 {
            feed.push(change(time));
        }
        feed.missed(2);
        feed.close();
        feed.push(change(0));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let events = std::iter::from_fn(|| runtime.block_on(feed.pop()));
        let events: Vec<_> = events.collect();
        assert_eq!(events.len(), CHANGES_MAX + 1);
        assert_eq!(events[0], StatusEvent::Changed(change(0)));
        assert_eq!(events[CHANGES_MAX], StatusEvent::Missed(7));
    }
}
