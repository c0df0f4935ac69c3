//! A reading: one look at everything that is counted, and how it compares with another.

use std::collections::{BTreeMap, BTreeSet};

use super::proc::Process;
use crate::record::event::{Disk, Gauge, GaugeKind, Heap};

/// One look at everything that is counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    pub(super) heap: Option<Heap>,
    pub(super) fds: BTreeMap<String, u32>,
    pub(super) sockets: BTreeSet<u64>,
    pub(super) threads: BTreeMap<String, u32>,
    pub(super) children: u32,
    pub(super) zombies: u32,
    pub(super) gauges: Option<BTreeMap<String, Gauge>>,
    pub(super) disk: Disk,
    /// The live processes of the tree but the target itself.
    pub(super) others: Vec<Process>,
}

impl Reading {
    /// Whether everything that is counted is the same. The heap is not counted; neither are blocks on disk, which a file
    /// system allocates in its own time.
    pub(super) fn same_counts(&self, other: &Reading) -> bool {
        let disk = |disk: &Disk| (disk.files, disk.bytes, disk.deleted_files);
        self.fds == other.fds
            && self.threads == other.threads
            && (self.children, self.zombies) == (other.children, other.zombies)
            && self.gauges == other.gauges
            && disk(&self.disk) == disk(&other.disk)
    }

    /// Whether anything that is counted stands higher than in `before`.
    pub(super) fn exceeds(&self, before: &Reading) -> bool {
        let more = |now: &BTreeMap<String, u32>, then: &BTreeMap<String, u32>| {
            now.iter()
                .any(|(key, count)| count > then.get(key).unwrap_or(&0))
        };
        more(&self.fds, &before.fds)
            || more(&self.threads, &before.threads)
            || self.children > before.children
            || self.zombies > before.zombies
            || self.disk.files > before.disk.files
            || self
                .lengths()
                .zip(before.lengths())
                .any(|(now, then)| now > then)
    }

    fn lengths(&self) -> impl Iterator<Item = i64> {
        let gauges = self.gauges.iter().flat_map(BTreeMap::values);
        gauges
            .filter(|gauge| gauge.kind == GaugeKind::Length)
            .map(|gauge| gauge.value)
    }

    /// Takes the live heap of `other` where that is lower: work in flight only ever adds to it.
    pub(super) fn keep_lower_heap(&mut self, other: &Reading) {
        if let (Some(mine), Some(theirs)) = (&mut self.heap, &other.heap)
            && theirs.live_bytes < mine.live_bytes
        {
            (mine.live_bytes, mine.live_blocks) = (theirs.live_bytes, theirs.live_blocks);
        }
    }
}
