//! Sampling: lets a target come to rest and reads what its whole process tree holds.
//!
//! Reading disturbs: a trim makes the next cycle fault its pages in again, and each read of
//! `smaps_rollup` walks the target's page tables. Both happen between cycles, never within one.

pub mod probe;
pub mod proc;
pub mod seed;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::record::event::{Disk, Gauge, GaugeKind, Heap, Memory, Phase, Sample, Settle};
use probe::{ProbeClient, ProbeError};

/// How long a target may take to say that it is idle.
const QUIESCE_BOUND: Duration = Duration::from_secs(5);
/// How long readings that stand above the sample before are given to come back, where the sample decides.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same between cycles: what comes back later than this has done so by the sample that decides.
const PATIENCE_INNER: Duration = Duration::from_millis(100);
/// Between two readings; `/proc` sends no events.
const READ_EVERY: Duration = Duration::from_millis(5);

/// Reads one target, from its baseline to its end.
#[derive(Debug)]
pub struct Sampler {
    pid: u32,
    supervisor: u32,
    probe: Option<ProbeClient>,
    private: PathBuf,
    before: Option<Reading>,
}

/// Why a sample could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The probe failed.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The target's process is not there any more.
    #[error("the target has gone")]
    Gone,
    /// `/proc` or the private directories cannot be read.
    #[error("cannot read the state of the target")]
    Io(#[from] io::Error),
}

/// One look at everything that is counted.
#[derive(Clone, Debug, Default, PartialEq)]
struct Reading {
    heap: Option<Heap>,
    fds: BTreeMap<String, u32>,
    threads: BTreeMap<String, u32>,
    children: u32,
    zombies: u32,
    gauges: Option<BTreeMap<String, Gauge>>,
    disk: Disk,
}

/// Which sample is taken: what decides is given all the patience there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Another cycle follows.
    Inner,
    /// A phase begins or ends here: what is read decides.
    Outer,
}

impl Sampler {
    /// A sampler of the process `pid` under `supervisor`, whose private directories lie under `private`.
    pub fn new(pid: u32, supervisor: u32, probe: Option<ProbeClient>, private: &Path) -> Self {
        Self {
            pid,
            supervisor,
            probe,
            private: private.to_owned(),
            before: None,
        }
    }

    /// The probe, where the target has one.
    pub fn probe(&mut self) -> Option<&mut ProbeClient> {
        self.probe.as_mut()
    }

    /// Waits until the target has come to rest, for a bounded time, and reads it.
    ///
    /// # Errors
    /// See [`SampleError`].
    pub async fn sample(
        &mut self,
        phase: Phase,
        cycle: u32,
        edge: Edge,
    ) -> Result<Sample, SampleError> {
        let began = Instant::now();
        let idle = match &mut self.probe {
            Some(probe) => Some(probe.quiesce(QUIESCE_BOUND).await?),
            None => None,
        };
        let (reading, reads) = self.settled_reading(edge).await?;
        let waited_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Some(probe) = &mut self.probe {
            probe.trim().await?;
        }
        let memory = self.memory()?;
        if let Some(probe) = &mut self.probe {
            probe.reset_peak().await?;
        }
        self.before = Some(reading.clone());
        Ok(Sample {
            phase,
            cycle,
            settle: Settle {
                idle,
                reads,
                waited_ms,
            },
            heap: reading.heap,
            memory,
            fds: reading.fds,
            threads: reading.threads,
            children: reading.children,
            zombies: reading.zombies,
            gauges: reading.gauges,
            disk: reading.disk,
        })
    }

    /// Reads until two readings agree and nothing stands above the sample before, or patience ends.
    ///
    /// The lowest heap of the agreeing readings is taken: work in flight only ever adds to it.
    async fn settled_reading(&mut self, edge: Edge) -> Result<(Reading, u32), SampleError> {
        let patience = match edge {
            Edge::Outer => PATIENCE,
            Edge::Inner => PATIENCE_INNER,
        };
        let deadline = Instant::now() + patience;
        let mut last = self.read().await?;
        let mut reads = 1;
        loop {
            pause(READ_EVERY).await;
            let mut next = self.read().await?;
            reads += 1;
            let agree = next.same_counts(&last);
            next.keep_lower_heap(&last);
            last = next;
            let risen = self
                .before
                .as_ref()
                .is_some_and(|before| last.exceeds(before));
            if (agree && !risen) || Instant::now() >= deadline {
                return Ok((last, reads));
            }
        }
    }

    async fn read(&mut self) -> Result<Reading, SampleError> {
        let mut reading = Reading {
            disk: disk(&self.private)?,
            ..Reading::default()
        };
        let mut alive = false;
        for process in proc::descendants(self.supervisor)? {
            if process.pid == self.pid {
                alive = !process.zombie;
            } else if process.zombie {
                reading.zombies += 1;
                // It holds nothing any more but its entry, which is what is counted.
                continue;
            } else {
                reading.children += 1;
            }
            proc::count_fds(process.pid, &mut reading.fds);
            proc::count_threads(process.pid, &mut reading.threads);
        }
        if !alive {
            return Err(SampleError::Gone);
        }
        if let Some(probe) = &mut self.probe {
            reading.gauges = Some(probe.gauges().await?);
            reading.heap = probe.heap().await?;
        }
        Ok(reading)
    }

    fn memory(&self) -> Result<Memory, SampleError> {
        let mut memory = proc::memory(self.pid).ok_or(SampleError::Gone)?;
        for process in proc::descendants(self.supervisor)? {
            if process.pid == self.pid {
                continue;
            }
            if let Some(other) = proc::memory(process.pid) {
                memory.tree_rss.0 += other.rss.0;
                memory.pss.0 += other.pss.0;
                memory.private_dirty.0 += other.private_dirty.0;
                memory.anonymous.0 += other.anonymous.0;
                memory.swap.0 += other.swap.0;
            }
        }
        Ok(memory)
    }
}

impl Reading {
    /// Whether everything but the heap is the same.
    fn same_counts(&self, other: &Reading) -> bool {
        self.fds == other.fds
            && self.threads == other.threads
            && (self.children, self.zombies) == (other.children, other.zombies)
            && self.gauges == other.gauges
            && self.disk == other.disk
    }

    /// Whether anything that is counted stands higher than in `before`.
    fn exceeds(&self, before: &Reading) -> bool {
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

    fn keep_lower_heap(&mut self, other: &Reading) {
        if let (Some(mine), Some(theirs)) = (&mut self.heap, &other.heap)
            && theirs.live_bytes < mine.live_bytes
        {
            (mine.live_bytes, mine.live_blocks) = (theirs.live_bytes, theirs.live_blocks);
        }
    }
}

/// Counts what lies under `root`, itself not included.
fn disk(root: &Path) -> io::Result<Disk> {
    let mut disk = Disk::default();
    for path in files_under(root)? {
        disk.files += 1;
        if let Ok(metadata) = fs::symlink_metadata(&path)
            && metadata.is_file()
        {
            disk.bytes.0 += metadata.len();
        }
    }
    Ok(disk)
}

/// Every path under `root`, itself not included; what vanishes meanwhile is left out.
///
/// # Errors
/// When a directory that is still there cannot be listed.
pub fn files_under(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut next = vec![root.to_owned()];
    while let Some(directory) = next.pop() {
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                next.push(entry.path());
            }
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// The pause between two readings of what sends no events.
pub(crate) async fn pause(duration: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "/proc and foreign programs send no events; every caller has a deadline"
    )]
    tokio::time::sleep(duration).await;
}
