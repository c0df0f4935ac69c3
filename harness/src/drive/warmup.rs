//! When an automatic warm-up ends: once memory has stopped growing ever more slowly, and everything that is counted
//! stands still.

use leakgate_stats::{WARMUP_SAMPLES_MIN, warmup_ended};

use crate::record::event::Sample;

/// So many samples in a row must agree in everything that is counted.
const SAMPLES: usize = 4;

/// The samples of a warm-up, of which there are few (bounded by the longest warm-up).
///
/// This decides only when measuring begins. A leak grows at an even pace, so it is not waited for, and is then measured.
#[derive(Debug, Default)]
pub(super) struct Steady {
    /// Live heap, or resident memory where there is no probe. Bytes.
    levels: Vec<i64>,
    /// Everything that is counted.
    counts: Vec<u64>,
}

impl Steady {
    /// Adds a sample; whether the warm-up has ended with it.
    pub(super) fn ends_with(&mut self, sample: &Sample) -> bool {
        let bytes = match &sample.heap {
            Some(heap) => heap.live_bytes,
            None => sample.memory.rss,
        };
        self.levels.push(i64::try_from(bytes.0).unwrap_or(i64::MAX));
        self.counts.push(counted(sample));
        let from = self.levels.len().saturating_sub(WARMUP_SAMPLES_MIN);
        let agree = self.counts.len() >= SAMPLES
            && self.counts[self.counts.len() - SAMPLES..]
                .windows(2)
                .all(|pair| pair[0] == pair[1]);
        agree && warmup_ended(&self.levels[from..])
    }
}

fn counted(sample: &Sample) -> u64 {
    let sum = |counts: &std::collections::BTreeMap<String, u32>| {
        counts.values().map(|&n| u64::from(n)).sum::<u64>()
    };
    let others = u64::from(sample.children) + u64::from(sample.zombies) + sample.disk.files;
    sum(&sample.fds) + sum(&sample.threads) + others
}
