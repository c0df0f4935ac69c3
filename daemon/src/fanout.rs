//! What waits to be sent to one client: replies, notices, terminal output; bounded in bytes and in frames.
//!
//! Replies are never lost: a connection takes its next request only when what it owes is below the mark. Output that
//! finds no room is refused; the session then remembers that this client is behind, and sends one snapshot when
//! [`Outbox::call_when_roomy`] calls it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use leakgate_probe::Held;
use sessiond_protocol::{
    ErrorCode, Failure, MAX_FRAME_BYTES, Notice, REQUESTS_IN_FLIGHT_MAX, Reply, RequestId,
    SessionId, Success, encode_control, encode_snapshot,
};
use sessiond_screen::SNAPSHOT_BYTES_MAX;
use tokio::sync::Notify;

use crate::core::{LiveClient, Pulse};
use crate::gauges::{QUEUE_BYTES, QUEUED_FRAMES};

/// Bytes that wait for one client before output is dropped: a few screenfuls, so that a client one round trip behind
/// loses nothing.
const OUTPUT_BYTES_MAX: usize = 256 << 10;

/// Frames that wait for one client before output is dropped: a frame of one byte costs a hundred.
const OUTPUT_FRAMES_MAX: usize = 512;

/// Below this a client has room: for the snapshot that replaces what it missed, and for its next request.
const ROOMY_BYTES: usize = OUTPUT_BYTES_MAX / 2;

/// A snapshot and the notice before it fit on top of what leaves room for them, so that output and snapshots together stay
/// below [`OUTPUT_BYTES_MAX`].
const _: () = assert!(ROOMY_BYTES + SNAPSHOT_BYTES_MAX + 1024 <= OUTPUT_BYTES_MAX);

/// The largest frame, which is a reply's.
const FRAME_BYTES_MAX: usize = MAX_FRAME_BYTES - 8;

/// Whether a snapshot may be queued behind output that fills the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Another chance comes when there is room.
    WhenRoomy,
    /// The session ends: now or never. Taken unless the queue is above its limit already.
    Last,
}

/// One client's queue. The session tasks and the core put frames in, the connection's writer takes them out.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    /// There is something to write, or the connection shall end.
    filled: Notify,
    /// Something was written.
    drained: Notify,
    /// The connection shall end at once.
    hung_up: Notify,
    /// The client has read or said something since it was last asked about.
    heard: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Queued>,
    /// Of the frames above and of the one that is being written.
    bytes: usize,
    /// Requests that were taken and not yet answered.
    unanswered: usize,
    state: State,
    /// Sessions that wait for room; each at most once.
    behind: Vec<Arc<Notify>>,
    /// Whether the client is being asked if it lives.
    ping: Ping,
}

/// A question is not queued: there is never more than one, and it finds room where output finds none.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Ping {
    #[default]
    None,
    /// To be sent next.
    Due,
    Sent,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// What is queued is still written, then the connection ends.
    Ending,
    /// The connection has ended; nothing is taken any more.
    Closed,
}

/// `{"notice":"ping","params":{}}` as a frame. Constant, so that asking a client that idles allocates nothing.
const PING_FRAME: &[u8] = b"\0\0\0\x1d\x01{\"notice\":\"ping\",\"params\":{}}";

/// The screen in place of what a client missed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resync<'a> {
    pub(crate) session: SessionId,
    /// Of the screen in the session's output.
    pub(crate) offset: u64,
    /// What it missed; nothing where it has just attached.
    pub(crate) dropped_bytes: u64,
    pub(crate) screen: &'a [u8],
}

/// A frame that waits.
#[derive(Debug)]
struct Queued {
    frame: Bytes,
    _counted: Held,
    _accounted: Held,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No code that holds this lock can panic half-way through a change.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts in a request that is answered at once; [`Outbox::reply`] counts it out.
    pub(crate) fn begin_prompt_request(&self) {
        self.lock().unanswered += 1;
    }

    /// Counts a request in; [`Outbox::reply`] counts it out.
    pub(crate) fn begin_request(&self) -> Result<(), Failure> {
        let mut queue = self.lock();
        if queue.unanswered >= REQUESTS_IN_FLIGHT_MAX {
            let message =
                format!("{REQUESTS_IN_FLIGHT_MAX} requests wait for their answers already");
            return Err(Failure::new(ErrorCode::Busy, message));
        }
        queue.unanswered += 1;
        Ok(())
    }

    /// Answers a request that was counted in.
    pub(crate) fn reply(&self, id: RequestId, result: Result<Success, Failure>) {
        {
            let mut queue = self.lock();
            queue.unanswered = queue.unanswered.saturating_sub(1);
        }
        self.send_reply(Reply {
            id: Some(id),
            result,
        });
    }

    /// Answers what was never counted in: a request beyond the limit, or something that is no request.
    pub(crate) fn reject(&self, id: Option<RequestId>, failure: Failure) {
        self.send_reply(Reply {
            id,
            result: Err(failure),
        });
    }

    fn send_reply(&self, reply: Reply) {
        let id = reply.id;
        let frame = encode_control(&reply);
        if frame.len() <= FRAME_BYTES_MAX {
            self.push(frame);
            return;
        }
        let failure = Failure::new(ErrorCode::TooLarge, "the answer does not fit a frame");
        self.push(encode_control(&Reply {
            id,
            result: Err(failure),
        }));
    }

    /// Tells something unasked. A notice is a few bytes per attachment, so it is never refused.
    pub(crate) fn notify(&self, notice: &Notice) {
        self.push(encode_control(notice));
    }

    /// Queues an encoded control frame.
    pub(crate) fn push(&self, frame: Bytes) {
        self.lock().push(frame);
        self.filled.notify_one();
    }

    /// Queues an encoded output frame; false when there is no room for it.
    #[must_use]
    pub(crate) fn push_output(&self, frame: &Bytes) -> bool {
        let mut queue = self.lock();
        if queue.state == State::Closed {
            return true; // nobody misses it
        }
        if queue.bytes + frame.len() > OUTPUT_BYTES_MAX || queue.frames.len() >= OUTPUT_FRAMES_MAX {
            return false;
        }
        queue.push(frame.clone());
        drop(queue);
        self.filled.notify_one();
        true
    }

    /// Whether a screen would find room.
    pub(crate) fn has_room_for_snapshot(&self, urgency: Urgency) -> bool {
        self.lock().has_room_for_snapshot(urgency)
    }

    /// Queues a screen, and before it how much it stands for; false when there is no room.
    #[must_use]
    pub(crate) fn push_snapshot(&self, resync: &Resync<'_>, urgency: Urgency) -> bool {
        let mut queue = self.lock();
        if !queue.has_room_for_snapshot(urgency) {
            return false;
        }
        let Resync {
            session,
            offset,
            dropped_bytes,
            screen,
        } = *resync;
        if dropped_bytes > 0 {
            queue.push(encode_control(&Notice::Resynced {
                session,
                dropped_bytes,
            }));
        }
        queue.push(encode_snapshot(session, offset, screen));
        drop(queue);
        self.filled.notify_one();
        true
    }

    /// Wakes `session` once when there is room; at once where there is room already.
    pub(crate) fn call_when_roomy(&self, session: &Arc<Notify>) {
        let mut queue = self.lock();
        if queue.is_roomy() {
            session.notify_one();
        } else if !queue.behind.iter().any(|known| Arc::ptr_eq(known, session)) {
            queue.behind.push(Arc::clone(session));
        }
    }

    /// Waits until the connection may take another request.
    pub(crate) async fn roomy(&self) {
        loop {
            let drained = self.drained.notified();
            if self.lock().is_roomy() {
                return;
            }
            drained.await;
        }
    }

    /// The next frame to write; `None` when all is written and the connection shall end.
    pub(crate) async fn next(&self) -> Option<Bytes> {
        loop {
            let filled = self.filled.notified();
            {
                let mut queue = self.lock();
                if let Some(frame) = queue.take_ping().or_else(|| queue.pop()) {
                    return Some(frame);
                }
                if queue.state != State::Open {
                    return None;
                }
            }
            filled.await;
        }
    }

    /// Says that a frame of `bytes` has been written, and calls the sessions that wait for room.
    pub(crate) fn wrote(&self, bytes: usize) {
        let mut queue = self.lock();
        if queue.state == State::Closed {
            return; // and nothing is counted any more
        }
        queue.bytes -= bytes;
        if queue.is_roomy() {
            for session in std::mem::take(&mut queue.behind) {
                session.notify_one();
            }
        }
        drop(queue);
        self.drained.notify_one();
    }

    /// Ends the connection once everything queued is written.
    pub(crate) fn end(&self) {
        let mut queue = self.lock();
        if queue.state == State::Open {
            queue.state = State::Ending;
        }
        drop(queue);
        self.filled.notify_one();
    }

    /// Notes that the client lives: something came from it, or it has read what the socket had no more room for.
    pub(crate) fn heard(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Ends the connection at once, whatever is queued.
    pub(crate) fn hang_up(&self) {
        self.close();
        self.hung_up.notify_one();
    }

    /// Resolves when the connection shall end at once.
    pub(crate) async fn hung_up(&self) {
        self.hung_up.notified().await;
    }

    /// Whether the connection shall end.
    pub(crate) fn is_ending(&self) -> bool {
        self.lock().state != State::Open
    }

    #[cfg(test)]
    pub(crate) fn queued_bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Drops everything queued; whatever still holds this queue holds an empty one.
    pub(crate) fn close(&self) {
        *self.lock() = Queue {
            state: State::Closed,
            ..Queue::default()
        };
    }
}

impl LiveClient for Arc<Outbox> {
    fn pulse(&self) -> Pulse {
        let mut queue = self.lock();
        if self.heard.swap(false, Ordering::Relaxed) {
            queue.ping = Ping::None;
            return Pulse::Heard;
        }
        if queue.ping != Ping::None {
            return Pulse::Gone;
        }
        queue.ping = Ping::Due;
        drop(queue);
        self.filled.notify_one();
        Pulse::Asked
    }
}

impl Queue {
    fn take_ping(&mut self) -> Option<Bytes> {
        if self.ping != Ping::Due || self.state != State::Open {
            return None;
        }
        self.ping = Ping::Sent;
        self.bytes += PING_FRAME.len();
        Some(Bytes::from_static(PING_FRAME))
    }

    fn push(&mut self, frame: Bytes) {
        if self.state == State::Closed {
            return;
        }
        self.bytes += frame.len();
        let (counted, accounted) = (QUEUED_FRAMES.hold(1), QUEUE_BYTES.hold(frame.len()));
        self.frames.push_back(Queued {
            frame,
            _counted: counted,
            _accounted: accounted,
        });
    }

    fn pop(&mut self) -> Option<Bytes> {
        let queued = self.frames.pop_front()?;
        if self.frames.is_empty() {
            self.frames = VecDeque::new(); // a burst's memory is not kept
        }
        Some(queued.frame)
    }

    const fn has_room_for_snapshot(&self, urgency: Urgency) -> bool {
        let mark = match urgency {
            Urgency::WhenRoomy => ROOMY_BYTES,
            Urgency::Last => OUTPUT_BYTES_MAX,
        };
        self.bytes <= mark
    }

    fn is_roomy(&self) -> bool {
        self.bytes <= ROOMY_BYTES && self.frames.len() <= OUTPUT_FRAMES_MAX / 2
    }
}

#[cfg(test)]
mod tests;
