//! The clients that watch statuses. One that reads too slowly misses changes, and is told how many when it has caught up.

use std::collections::BTreeMap;
use std::sync::Arc;

use leakgate_probe::Held;
use sessiond_protocol::{Notice, StatusChange, encode_control};
use tokio::sync::Notify;

use crate::core::ClientId;
use crate::fanout::Outbox;
use crate::gauges::STATUS_WATCHERS;
use crate::http::{Feed, News};

/// All of them. Each is a client that is connected, so there are no more than those.
#[derive(Debug, Default)]
pub(super) struct Audience {
    watchers: BTreeMap<ClientId, Watcher>,
    /// Some client that had missed something has room again.
    roomy: Arc<Notify>,
    /// Who listens over HTTP.
    feed: Arc<Feed>,
}

#[derive(Debug)]
struct Watcher {
    outbox: Arc<Outbox>,
    missed: u64,
    _counted: Held,
}

impl Audience {
    pub(super) fn new(feed: Arc<Feed>) -> Self {
        Self {
            feed,
            ..Self::default()
        }
    }

    /// Twice is as once.
    pub(super) fn join(&mut self, client: ClientId, outbox: Arc<Outbox>) {
        self.watchers.entry(client).or_insert_with(|| Watcher {
            outbox,
            missed: 0,
            _counted: STATUS_WATCHERS.hold(1),
        });
    }

    /// Also of one that does not watch.
    pub(super) fn leave(&mut self, client: ClientId) {
        self.watchers.remove(&client);
    }

    /// What [`Audience::catch_up`] is to be called after.
    pub(super) fn roomy(&self) -> Arc<Notify> {
        Arc::clone(&self.roomy)
    }

    pub(super) fn tell(&mut self, change: &StatusChange) {
        self.feed.tell(&News::Status(change));
        if self.watchers.is_empty() {
            return;
        }
        let frame = encode_control(&Notice::Status(change.clone()));
        for watcher in self.watchers.values_mut() {
            // Nothing comes after what was missed before that is told.
            if watcher.missed > 0 || !watcher.outbox.push_output(&frame) {
                watcher.missed += 1;
                watcher.outbox.call_when_roomy(&self.roomy);
            }
        }
    }

    /// Tells those that have room again how much they have missed.
    pub(super) fn catch_up(&mut self) {
        for watcher in self.watchers.values_mut() {
            if watcher.missed == 0 {
                continue;
            }
            let changes = watcher.missed;
            let frame = encode_control(&Notice::StatusMissed { changes });
            if watcher.outbox.push_output(&frame) {
                watcher.missed = 0;
            } else {
                watcher.outbox.call_when_roomy(&self.roomy);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sessiond_protocol::{ServerMessage, SessionId};

    use super::*;

    fn change(time_unix_ms: u64) -> StatusChange {
        StatusChange {
            session: SessionId(1),
            name: None,
            profile: "p".parse().unwrap(),
            from: None,
            to: None,
            text: "x".repeat(200),
            time_unix_ms,
        }
    }

    /// What a client reads that has not read before.
    async fn read_all(outbox: &Outbox) -> Vec<Notice> {
        let mut notices = Vec::new();
        while outbox.queued_bytes() > 0 {
            let frame = outbox.next().await.unwrap();
            outbox.wrote(frame.len());
            match ServerMessage::parse(&frame[5..]).unwrap() {
                ServerMessage::Notice(notice) => notices.push(notice),
                other => panic!("{other:?}"),
            }
        }
        notices
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_misses_changes_in_bounded_memory_and_is_told_how_many() {
        let (slow, quick) = (Arc::<Outbox>::default(), Arc::<Outbox>::default());
        let mut audience = Audience::default();
        audience.join(ClientId(1), Arc::clone(&slow));
        audience.join(ClientId(1), Arc::clone(&slow));
        audience.join(ClientId(2), Arc::clone(&quick));
        for time in 0..10_000 {
            audience.tell(&change(time));
            assert_eq!(read_all(&quick).await, [Notice::Status(change(time))]);
            assert!(slow.queued_bytes() <= 256 << 10);
        }
        audience.catch_up();
        let before = read_all(&slow).await;
        audience.roomy().notified().await;
        audience.catch_up();
        let after = read_all(&slow).await;
        let [Notice::StatusMissed { changes }] = after[..] else {
            panic!("{after:?}")
        };
        assert_eq!(before.len() as u64 + changes, 10_000);
        audience.tell(&change(0));
        assert_eq!(read_all(&slow).await.len(), 1);
        audience.leave(ClientId(1));
        assert_eq!(Arc::strong_count(&slow), 1);
    }
}
