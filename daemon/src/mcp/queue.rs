//! Lines that wait to be written: bounded in bytes, and without memory once they are.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use leakgate_probe::Held;
use tokio::sync::Notify;

use crate::gauges::MCP_QUEUE_BYTES;

/// The lines for one process or one connection.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    came: Notify,
    went: Notify,
}

#[derive(Debug)]
struct State {
    bytes: Vec<u8>,
    /// How much of it was written.
    written: usize,
    is_closed: bool,
    accounted: Held,
}

impl State {
    const fn waiting(&self) -> usize {
        self.bytes.len() - self.written
    }

    fn free(&mut self) {
        self.bytes = Vec::new();
        self.written = 0;
        self.accounted.resize(0);
    }
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                bytes: Vec::new(),
                written: 0,
                is_closed: false,
                accounted: MCP_QUEUE_BYTES.hold(0),
            }),
            came: Notify::new(),
            went: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds this lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.lock().waiting()
    }

    /// Adds a line, in pieces and without its end, unless more than `bytes_max` would wait then. False when it was not
    /// added.
    pub(super) fn push(&self, pieces: &[&[u8]], bytes_max: usize) -> bool {
        let length = pieces.iter().map(|piece| piece.len()).sum::<usize>() + 1;
        let mut state = self.lock();
        if state.is_closed || state.waiting() + length > bytes_max {
            return false;
        }
        if state.bytes.capacity() - state.bytes.len() < length && state.written > 0 {
            let written = state.written;
            state.bytes.drain(..written);
            state.written = 0;
        }
        for piece in pieces {
            state.bytes.extend_from_slice(piece);
        }
        state.bytes.push(b'\n');
        let capacity = state.bytes.capacity();
        state.accounted.resize(capacity);
        drop(state);
        self.came.notify_one();
        true
    }

    /// Waits until nothing waits, or no more than `bytes_max` would with `more` bytes.
    pub(super) async fn room(&self, more: usize, bytes_max: usize) {
        loop {
            let went = self.went.notified();
            let waiting = self.len();
            if waiting == 0 || waiting + more <= bytes_max {
                return;
            }
            went.await;
        }
    }

    /// Waits until there is something to write; false when there never will be.
    pub(super) async fn has_some(&self) -> bool {
        loop {
            let came = self.came.notified();
            {
                let state = self.lock();
                if state.waiting() > 0 {
                    return true;
                }
                if state.is_closed {
                    return false;
                }
            }
            came.await;
        }
    }

    /// Hands what waits to `write`, which says how much of it is done.
    pub(super) fn write(&self, write: impl FnOnce(&[u8]) -> io::Result<usize>) -> io::Result<()> {
        let mut state = self.lock();
        let written = state.written;
        state.written += write(&state.bytes[written..])?;
        if state.waiting() == 0 {
            state.free();
        }
        drop(state);
        self.went.notify_one();
        Ok(())
    }

    /// Drops what waits: whoever it was for is gone.
    pub(super) fn clear(&self) {
        self.lock().free();
        self.went.notify_one();
    }

    /// Nothing is added any more; what waits can still be written.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.came.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_and_what_was_written_leaves_nothing() {
        let queue = Queue::new();
        assert!(queue.push(&[b"abc", b"d"], 10));
        assert!(!queue.push(&[b"efghi"], 10));
        assert!(queue.push(&[b"efgh"], 10));
        let mut seen = Vec::new();
        for piece in [3, 7] {
            let write = |bytes: &[u8]| {
                seen.extend_from_slice(&bytes[..piece]);
                Ok(piece)
            };
            queue.write(write).unwrap();
        }
        assert_eq!(seen, b"abcd\nefgh\n");
        assert_eq!((queue.len(), queue.lock().bytes.capacity()), (0, 0));
        queue.close();
        assert!(!queue.push(&[b"x"], 10));
    }
}
