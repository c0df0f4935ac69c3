//! Input that waits for a terminal to take it.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use bytes::{Buf, Bytes};
use leakgate_probe::Held;
use sessiond_protocol::{
    ErrorCode, Failure, INPUT_BYTES_MAX, INPUT_OWN_BYTES_MAX, RequestId, Success,
};

use crate::fanout::Outbox;
use crate::gauges::INPUT_BYTES;

/// Pieces that wait for one terminal: single keystrokes of a person who types into a program that hangs.
const INPUT_PIECES_MAX: usize = 1024;

/// Pieces of input in order, each with whoever waits for it to be taken.
#[derive(Debug, Default)]
pub(crate) struct InputQueue {
    pieces: VecDeque<Piece>,
    bytes: usize,
}

#[derive(Debug)]
struct Piece {
    bytes: Bytes,
    /// The terminal's own answers have nobody. Weak: what is typed outlives who typed it.
    asker: Option<(Weak<Outbox>, RequestId)>,
    accounted: Held,
}

impl Piece {
    fn answer(self, result: Result<Success, Failure>) {
        if let Some((outbox, id)) = self.asker
            && let Some(outbox) = outbox.upgrade()
        {
            outbox.reply(id, result);
        }
    }
}

impl InputQueue {
    /// Takes all of `bytes`, or nothing.
    pub(crate) fn push(
        &mut self,
        bytes: Bytes,
        outbox: &Arc<Outbox>,
        id: RequestId,
    ) -> Result<(), Failure> {
        if bytes.len() > INPUT_OWN_BYTES_MAX {
            let message = format!(
                "{} bytes of input; a frame takes {INPUT_OWN_BYTES_MAX}",
                bytes.len()
            );
            return Err(Failure::new(ErrorCode::TooLarge, message));
        }
        if self.bytes + bytes.len() > INPUT_BYTES_MAX || self.pieces.len() >= INPUT_PIECES_MAX {
            let message = format!(
                "{} bytes of input wait for this terminal already",
                self.bytes
            );
            return Err(Failure::new(ErrorCode::Busy, message));
        }
        let own = self.bytes_of(outbox);
        if own + bytes.len() > INPUT_OWN_BYTES_MAX {
            let message =
                format!("{own} bytes of this client's input wait for this terminal already");
            return Err(Failure::new(ErrorCode::Busy, message));
        }
        self.append(bytes, Some((Arc::downgrade(outbox), id)));
        Ok(())
    }

    /// What of this waits for a client. Where nothing waits, which is nearly always, there is nothing to count.
    fn bytes_of(&self, outbox: &Arc<Outbox>) -> usize {
        let is_own = |piece: &&Piece| {
            let asker = piece.asker.as_ref();
            asker.is_some_and(|(asker, _)| std::ptr::eq(asker.as_ptr(), Arc::as_ptr(outbox)))
        };
        let own = self.pieces.iter().filter(is_own);
        own.map(|piece| piece.bytes.len()).sum()
    }

    /// Takes what the terminal itself answers to its program. It goes before anything typed later, and is dropped when
    /// the program does not read.
    pub(crate) fn push_reply(&mut self, bytes: Vec<u8>) {
        if self.bytes + bytes.len() <= INPUT_BYTES_MAX && self.pieces.len() < INPUT_PIECES_MAX {
            self.append(bytes.into(), None);
        }
    }

    fn append(&mut self, bytes: Bytes, asker: Option<(Weak<Outbox>, RequestId)>) {
        self.bytes += bytes.len();
        let accounted = INPUT_BYTES.hold(bytes.len());
        self.pieces.push_back(Piece {
            bytes,
            asker,
            accounted,
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// What is to be written next.
    pub(crate) fn front(&self) -> Option<&[u8]> {
        self.pieces.front().map(|piece| &*piece.bytes)
    }

    /// Counts off bytes that the terminal has taken, and answers for a piece that is taken whole.
    pub(crate) fn taken(&mut self, count: usize) {
        let Some(piece) = self.pieces.front_mut() else {
            return;
        };
        piece.bytes.advance(count);
        piece.accounted.resize(piece.bytes.len());
        self.bytes -= count;
        if piece.bytes.is_empty()
            && let Some(piece) = self.pieces.pop_front()
        {
            piece.answer(Ok(Success::Written {}));
        }
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new(); // a paste's memory is not kept
        }
    }

    /// Answers for everything that the terminal will not take any more.
    pub(crate) fn fail_all(&mut self) {
        self.bytes = 0;
        for piece in std::mem::take(&mut self.pieces) {
            piece.answer(Err(Failure::new(
                ErrorCode::Exited,
                "the session's process has ended",
            )));
        }
    }
}
