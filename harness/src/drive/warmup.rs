//! When an automatic warm-up ends: once the readings stand still.

use std::collections::VecDeque;

use crate::record::event::Sample;

/// So many samples in a row must agree.
const SAMPLES: usize = 4;
/// Live heap may move by an asynchronous runtime's own jitter.
const HEAP_SPREAD: u64 = 1024;
/// Resident memory, where there is no probe, moves by pages.
const RSS_SPREAD: u64 = 256 * 1024;

/// The last samples of a warm-up.
///
/// This decides only when measuring begins. A slow leak stands still enough for it and is then
/// measured; a fast one never does, and is measured after the bound.
#[derive(Debug, Default)]
pub(super) struct Steady {
    /// Bytes, how far they may spread, and everything that is counted.
    last: VecDeque<(u64, u64, u64)>,
}

impl Steady {
    /// Adds a sample; whether the last few agree.
    pub(super) fn ends_with(&mut self, sample: &Sample) -> bool {
        let (bytes, spread) = match &sample.heap {
            Some(heap) => (heap.live_bytes.0, HEAP_SPREAD),
            None => (sample.memory.rss.0, RSS_SPREAD),
        };
        if self.last.len() == SAMPLES {
            self.last.pop_front();
        }
        self.last.push_back((bytes, spread, counted(sample)));
        let lowest = self.last.iter().map(|(bytes, ..)| bytes).min();
        let highest = self.last.iter().map(|(bytes, ..)| bytes).max();
        let steady = lowest
            .zip(highest)
            .is_some_and(|(low, high)| high - low <= spread);
        self.last.len() == SAMPLES
            && steady
            && self.last.iter().all(|(.., count)| *count == self.last[0].2)
    }
}

fn counted(sample: &Sample) -> u64 {
    let sum = |counts: &std::collections::BTreeMap<String, u32>| {
        counts.values().map(|&n| u64::from(n)).sum::<u64>()
    };
    let others = u64::from(sample.children) + u64::from(sample.zombies) + sample.disk.files;
    sum(&sample.fds) + sum(&sample.threads) + others
}
