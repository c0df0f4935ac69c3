//! The last output of a session's process, byte for byte, for a client that comes back and knows how far it had read.

use std::collections::VecDeque;

use leakgate_probe::Held;

use crate::gauges::REPLAY_BYTES;

/// Bytes kept per session: what a busy build puts out while a client reconnects. Always less than a client's queue takes.
pub(crate) const REPLAY_BYTES_MAX: usize = 64 << 10;

/// A bounded tail of the output.
#[derive(Debug)]
pub(crate) struct Replay {
    tail: VecDeque<u8>,
    /// Bytes that the session's earlier processes put out.
    before: u64,
    /// Bytes put out so far, with those.
    total: u64,
    accounted: Held,
}

impl Replay {
    /// Nothing yet, after what the session's earlier processes put out.
    pub(crate) fn new(before: u64) -> Self {
        Self {
            tail: VecDeque::new(),
            before,
            total: before,
            accounted: REPLAY_BYTES.hold(0),
        }
    }

    /// Bytes put out so far: the offset of what comes next.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// Takes output; the oldest makes room for it.
    pub(crate) fn push(&mut self, output: &[u8]) {
        self.total += output.len() as u64;
        let kept = &output[output.len().saturating_sub(REPLAY_BYTES_MAX)..];
        let needed = self.tail.len() + kept.len();
        if needed > REPLAY_BYTES_MAX {
            self.tail.drain(..needed - REPLAY_BYTES_MAX);
        }
        let needed = self.tail.len() + kept.len();
        if needed > self.tail.capacity() {
            let capacity = needed.max(self.tail.capacity() * 2).min(REPLAY_BYTES_MAX);
            self.tail.reserve_exact(capacity - self.tail.len());
            self.accounted.resize(self.tail.capacity());
        }
        self.tail.extend(kept);
    }

    /// Whether everything from `offset` on is still here. Where the last process ended and this one began is both the end of the
    /// one's screen and the beginning of the other's, so it needs a snapshot.
    pub(crate) fn reaches(&self, offset: u64) -> bool {
        let is_of_this_process = offset > self.before || self.before == 0;
        let is_kept = offset <= self.total && self.total - offset <= self.tail.len() as u64;
        is_of_this_process && is_kept
    }

    /// Everything from `offset` on; none where that is not here any more, or lies ahead.
    pub(crate) fn since(&self, offset: u64) -> Option<Vec<u8>> {
        if !self.reaches(offset) {
            return None;
        }
        let length = usize::try_from(self.total - offset).ok()?;
        Some(
            self.tail
                .range(self.tail.len() - length..)
                .copied()
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_it_gives_back_is_the_output_and_what_it_keeps_is_bounded(
            pieces in proptest::collection::vec((any::<u8>(), 0usize..50_000), 0..12),
            back in 0usize..100_000,
        ) {
            let (mut replay, mut all) = (Replay::new(0), Vec::new());
            for (byte, length) in pieces {
                let piece = vec![byte; length];
                replay.push(&piece);
                all.extend_from_slice(&piece);
            }
            prop_assert_eq!(replay.total(), all.len() as u64);
            prop_assert!(replay.tail.capacity() <= REPLAY_BYTES_MAX);
            let from = all.len().saturating_sub(back);
            let expected = (all.len() - from <= REPLAY_BYTES_MAX).then(|| all[from..].to_vec());
            prop_assert_eq!(replay.since(from as u64), expected);
            prop_assert_eq!(replay.since(all.len() as u64 + 1), None);
        }
    }

    #[test]
    fn an_offset_in_the_output_of_an_earlier_process_is_none_in_this_ones() {
        let mut replay = Replay::new(500);
        assert_eq!(replay.since(500), None);
        replay.push(b"next");
        assert_eq!(replay.total(), 504);
        for of_the_last in [0, 499, 500] {
            assert_eq!(replay.since(of_the_last), None);
        }
        assert_eq!(replay.since(502).as_deref(), Some(&b"xt"[..]));
        assert_eq!(replay.since(504).as_deref(), Some(&b""[..]));
    }
}
