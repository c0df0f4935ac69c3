//! The last output of a session, byte for byte, for a client that comes back and knows how far it had read.

use std::collections::VecDeque;

use leakgate_probe::Held;

use crate::gauges::REPLAY_BYTES;

/// Bytes kept per session: what a busy build puts out while a client reconnects. Always less than a client's queue takes.
pub(crate) const REPLAY_BYTES_MAX: usize = 64 << 10;

/// A bounded tail of the output.
#[derive(Debug)]
pub(crate) struct Replay {
    tail: VecDeque<u8>,
    /// Bytes put out so far.
    total: u64,
    accounted: Held,
}

impl Replay {
    pub(crate) fn new() -> Self {
        Self {
            tail: VecDeque::new(),
            total: 0,
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

    /// Whether everything from `offset` on is still here.
    pub(crate) fn reaches(&self, offset: u64) -> bool {
        offset <= self.total && self.total - offset <= self.tail.len() as u64
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
            let (mut replay, mut all) = (Replay::new(), Vec::new());
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
}
