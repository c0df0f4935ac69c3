//! Events of one session that wait for one reader, bounded.
//!
//! The connection's task puts them in and never waits for the reader below [`EVENT_BYTES_MAX`]: at [`HOLD_BYTES`] the server is
//! asked to hold this session's output, and to release it when the reader has caught up.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::attachment::Event;

/// Bytes and events that wait before the server is asked to hold: as much as the server itself queues for a slow client.
const HOLD_BYTES: usize = 256 << 10;
const HOLD_EVENTS: usize = 512;

/// Bytes and events beyond which the connection stops reading. An honest server stays far below: what it sends before it hears
/// of a hold is its own queue, a snapshot, and what the kernel keeps.
pub(crate) const EVENT_BYTES_MAX: usize = 4 << 20;
const EVENTS_MAX: usize = 8192;

/// Whether the server has to hear of a change. What it is told is what holds when it is told: [`Mailbox::is_held`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Nothing,
    Tell,
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    queue: Mutex<Queue>,
    filled: Notify,
    drained: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    /// Each with the session's offset after it.
    events: VecDeque<(Event, u64)>,
    bytes: usize,
    /// Of the last event that was put in.
    offset: u64,
    /// The server is to hold.
    held: bool,
    /// Nothing is put in any more.
    closed: bool,
}

impl Queue {
    fn is_over(&self, bytes: usize, events: usize) -> bool {
        self.bytes >= bytes || self.events.len() >= events
    }
}

impl Mailbox {
    /// No code that holds this lock can panic half-way through a change.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says at which offset the output begins.
    pub(crate) fn begin(&self, offset: u64) {
        self.lock().offset = offset;
    }

    /// Puts an event in; `offset` is told by those that do not count on from the one before.
    pub(crate) fn push(&self, event: Event, offset: Option<u64>) -> Wish {
        let mut queue = self.lock();
        if queue.closed {
            return Wish::Nothing;
        }
        let bytes = event.bytes();
        let counted = match &event {
            Event::Output(output) => queue.offset + output.len() as u64,
            Event::Snapshot(_)
            | Event::Resynced { .. }
            | Event::Respawning(..)
            | Event::Exited(..) => queue.offset,
        };
        queue.offset = offset.unwrap_or(counted);
        let entry = (event, queue.offset);
        queue.events.push_back(entry);
        queue.bytes += bytes;
        let wish = if !queue.held && queue.is_over(HOLD_BYTES, HOLD_EVENTS) {
            queue.held = true;
            Wish::Tell
        } else {
            Wish::Nothing
        };
        drop(queue);
        self.filled.notify_one();
        wish
    }

    /// Whether the server is to hold the output for now.
    pub(crate) fn is_held(&self) -> bool {
        self.lock().held
    }

    /// Waits until another event may be put in.
    pub(crate) async fn room(&self) {
        loop {
            let drained = self.drained.notified();
            {
                let queue = self.lock();
                if queue.closed || !queue.is_over(EVENT_BYTES_MAX, EVENTS_MAX) {
                    return;
                }
            }
            drained.await;
        }
    }

    /// The next event with the offset after it; nothing after the last one.
    pub(crate) async fn pop(&self) -> Option<(Event, u64, Wish)> {
        loop {
            let filled = self.filled.notified();
            {
                let mut queue = self.lock();
                if let Some((event, offset)) = queue.events.pop_front() {
                    queue.bytes -= event.bytes();
                    let caught_up = !queue.is_over(HOLD_BYTES / 2, HOLD_EVENTS / 2);
                    let wish = if queue.held && caught_up {
                        queue.held = false;
                        Wish::Tell
                    } else {
                        Wish::Nothing
                    };
                    if queue.events.is_empty() {
                        queue.events = VecDeque::new(); // a burst's memory is not kept
                    }
                    drop(queue);
                    self.drained.notify_one();
                    return Some((event, offset, wish));
                }
                if queue.closed {
                    return None;
                }
            }
            filled.await;
        }
    }

    /// Takes nothing any more; what is in it can still be read.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
        self.drained.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn output(bytes: usize) -> Event {
        Event::Output(Bytes::from(vec![b'x'; bytes]))
    }

    /// Reads one event that is there.
    fn take(mailbox: &Mailbox) -> Option<(Event, u64, Wish)> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(mailbox.pop())
    }

    proptest! {
        #[test]
        fn the_server_is_asked_to_hold_and_to_release_by_turns_and_offsets_count_the_output(
            steps in proptest::collection::vec(proptest::option::of(0usize..100_000), 0..60),
        ) {
            let (mailbox, mut held, mut put, mut taken) = (Mailbox::default(), false, 0, 0);
            let mut waiting = 0;
            for step in steps {
                let wish = match step {
                    Some(bytes) => {
                        put += bytes as u64;
                        waiting += 1;
                        mailbox.push(output(bytes), None)
                    }
                    None if waiting == 0 => continue,
                    None => {
                        let (event, offset, wish) = take(&mailbox).unwrap();
                        waiting -= 1;
                        taken += event.bytes() as u64;
                        prop_assert_eq!(offset, taken);
                        wish
                    }
                };
                let before = std::mem::replace(&mut held, mailbox.is_held());
                prop_assert_eq!(wish == Wish::Tell, before != held);
                let over = put - taken >= HOLD_BYTES as u64;
                prop_assert!(held || !over, "{} bytes wait and nobody holds", put - taken);
            }
        }
    }

    #[test]
    fn what_was_put_in_before_the_end_is_read_and_nothing_after_it() {
        let mailbox = Mailbox::default();
        mailbox.begin(7);
        mailbox.push(output(3), None);
        mailbox.push(Event::Snapshot(Bytes::new()), Some(100));
        mailbox.close();
        mailbox.push(output(1), None);
        assert_eq!(take(&mailbox), Some((output(3), 10, Wish::Nothing)));
        let snapshot = Event::Snapshot(Bytes::new());
        assert_eq!(take(&mailbox), Some((snapshot, 100, Wish::Nothing)));
        assert_eq!(take(&mailbox), None);
    }
}
