//! Sampling: lets a target come to rest and reads what its whole process tree holds.
//!
//! Reading disturbs: a trim makes the next cycle fault its pages in again, and each read of
//! `smaps_rollup` walks the target's page tables. Both happen between cycles, never within one.

mod blocked;
mod cgroup;
mod disk;
mod fds;
mod objects;
mod peers;
pub mod probe;
pub mod proc;
mod reading;
pub mod seed;
mod sockets;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

pub use self::disk::files_under;
use self::fds::Descriptors;
use self::objects::{Inventory, Tree};
use self::probe::{Peak, ProbeClient, ProbeError};
use self::reading::Reading;
use crate::record::event::{Disk, Escaped, Exercise, Exercised, Memory, Phase, Sample, Settle};
use crate::record::objects::ObjectsGained;
use crate::units::{Bytes, milliseconds};

/// How long a target may take to say that it is idle.
const QUIESCE_BOUND: Duration = Duration::from_secs(5);
/// How long readings that stand above the sample before are given to come back, where the sample decides.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same between cycles: what comes back later than this has done so by the sample that decides.
const PATIENCE_INNER: Duration = Duration::from_millis(100);
/// Between two readings; `/proc` sends no events.
const READ_EVERY: Duration = Duration::from_millis(5);
/// Escaped processes that are named; more of the same kind say nothing new.
const ESCAPED_NAMED_MAX: usize = 8;

/// Reads one target, from its baseline to its end.
#[derive(Debug)]
pub struct Sampler {
    pid: u32,
    place: Place,
    probe: Option<ProbeClient>,
    before: Option<Reading>,
    /// The kernel objects of the baseline.
    baseline: Inventory,
    /// How far the gauges had risen before the load.
    peaks: BTreeMap<String, Peak>,
    /// The most resident memory that was ever seen: resetting the kernel's own mark must not lose it.
    high_water: Bytes,
    /// Whether the kernel's mark was reset at the sample before, so that it is this cycle's.
    mark: Mark,
}

/// Where a target stands, which tells what belongs to it.
#[derive(Debug)]
enum Place {
    /// Under a supervisor, with private directories of its own.
    Supervised { supervisor: u32, private: PathBuf },
    /// Wherever it was found: it and its descendants without leakgate's own, and nothing that it wrote.
    Found,
}

/// What the kernel's high-water mark of resident memory covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// The whole life of the process.
    Life,
    /// The time since the sample before.
    Cycle,
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
        let place = Place::Supervised {
            supervisor,
            private: private.to_owned(),
        };
        Self::at(pid, place, probe)
    }

    /// A sampler of a process that leakgate did not start, and of its descendants.
    pub fn of_found(pid: u32, probe: Option<ProbeClient>) -> Self {
        Self::at(pid, Place::Found, probe)
    }

    fn at(pid: u32, place: Place, probe: Option<ProbeClient>) -> Self {
        Self {
            pid,
            place,
            probe,
            before: None,
            baseline: Inventory::default(),
            peaks: BTreeMap::new(),
            high_water: Bytes(0),
            mark: Mark::Life,
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
        let at_once = self.read().await?;
        let mut returned_ms = self
            .has_returned(&at_once)
            .then(|| milliseconds(began.elapsed()));
        let idle = match &mut self.probe {
            Some(probe) => Some(probe.quiesce(QUIESCE_BOUND).await?),
            None => None,
        };
        let (reading, reads, back) = self.settled_reading(edge).await?;
        if back {
            returned_ms = returned_ms.or(Some(milliseconds(began.elapsed())));
        }
        let settle = Settle {
            idle,
            reads,
            waited_ms: milliseconds(began.elapsed()),
            returned_ms,
        };
        if let Some(probe) = &mut self.probe {
            probe.trim().await?;
        }
        let memory = self.memory(&reading)?;
        self.mark = match proc::reset_high_water(self.pid) {
            true => Mark::Cycle,
            false => Mark::Life,
        };
        if let Some(probe) = &mut self.probe {
            probe.reset_peak().await?;
        }
        self.before = Some(reading.clone());
        Ok(self.sampled(phase, cycle, settle, reading, memory))
    }

    /// Keeps in mind which kernel objects there are now: those that come later are gained.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub fn remember_objects(&mut self) -> Result<(), SampleError> {
        let processes = self.tree()?;
        self.baseline = Inventory::read(self.object_tree(&processes));
        Ok(())
    }

    /// The kernel objects that were not there when they were remembered, described.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub fn objects_gained(&self) -> Result<ObjectsGained, SampleError> {
        let processes = self.tree()?;
        let tree = self.object_tree(&processes);
        Ok(Inventory::read(tree).gained(&self.baseline, tree))
    }

    /// Keeps in mind how far every gauge has risen until now.
    ///
    /// # Errors
    /// When the probe does not answer.
    pub async fn remember_peaks(&mut self) -> Result<(), SampleError> {
        self.peaks = self.peaks().await?;
        Ok(())
    }

    /// How far every gauge has risen since that was remembered.
    ///
    /// # Errors
    /// When the probe does not answer.
    pub async fn exercised(&mut self) -> Result<Exercised, SampleError> {
        let now = self.peaks().await?;
        let exercise = |(name, peak): (String, Peak)| {
            let before = self.peaks.get(&name).map_or(0, |before| before.value);
            let exercise = Exercise {
                kind: peak.kind,
                risen: peak.value - before,
                site: peak.site,
            };
            (name, exercise)
        };
        Ok(Exercised {
            gauges: now.into_iter().map(exercise).collect(),
        })
    }

    async fn peaks(&mut self) -> Result<BTreeMap<String, Peak>, SampleError> {
        match &mut self.probe {
            Some(probe) => Ok(probe.peaks().await?),
            None => Ok(BTreeMap::new()),
        }
    }

    fn object_tree<'t>(&'t self, processes: &'t [proc::Process]) -> Tree<'t> {
        Tree {
            processes,
            target: self.pid,
            private: match &self.place {
                Place::Supervised { private, .. } => Some(private),
                Place::Found => None,
            },
        }
    }

    /// Reads the target as it is at this moment: nothing is waited for, trimmed or reset.
    ///
    /// # Errors
    /// See [`SampleError`].
    pub async fn look(&mut self, phase: Phase, cycle: u32) -> Result<Sample, SampleError> {
        let reading = self.read().await?;
        let memory = self.memory(&reading)?;
        let settle = Settle {
            reads: 1,
            ..Settle::default()
        };
        Ok(self.sampled(phase, cycle, settle, reading, memory))
    }

    fn sampled(
        &self,
        phase: Phase,
        cycle: u32,
        settle: Settle,
        reading: Reading,
        memory: Memory,
    ) -> Sample {
        Sample {
            phase,
            cycle,
            settle,
            memory,
            escaped: self.escaped(&reading),
            socket_buffers: sockets::buffers(&reading.sockets),
            cgroup: cgroup::memory(self.pid),
            heap: reading.heap,
            fds: reading.fds,
            threads: reading.threads,
            children: reading.children,
            zombies: reading.zombies,
            gauges: reading.gauges,
            disk: reading.disk,
        }
    }

    /// Whether nothing that is counted stands above the sample before; not so where there is none.
    fn has_returned(&self, reading: &Reading) -> bool {
        self.before
            .as_ref()
            .is_some_and(|before| !reading.exceeds(before))
    }

    /// Reads until two readings agree and nothing stands above the sample before, or patience ends; how many readings it
    /// took, and whether nothing stands above.
    ///
    /// The lowest heap of the agreeing readings is taken: work in flight only ever adds to it.
    async fn settled_reading(&mut self, edge: Edge) -> Result<(Reading, u32, bool), SampleError> {
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
            let back = self.has_returned(&last);
            if (agree && (back || self.before.is_none())) || Instant::now() >= deadline {
                return Ok((last, reads, back));
            }
        }
    }

    async fn read(&mut self) -> Result<Reading, SampleError> {
        let mut reading = Reading::default();
        let mut descriptors = Descriptors::default();
        let mut alive = false;
        for process in self.tree()? {
            if process.pid == self.pid {
                alive = !process.zombie;
            } else if process.zombie {
                reading.zombies += 1;
                // It holds nothing any more but its entry, which is what is counted.
                continue;
            } else {
                reading.children += 1;
            }
            descriptors.add(process.pid);
            proc::count_threads(process.pid, &mut reading.threads);
            if process.pid != self.pid {
                reading.others.push(process);
            }
        }
        if !alive {
            return Err(SampleError::Gone);
        }
        if let Place::Supervised { private, .. } = &self.place {
            reading.disk = disk::usage(private)?;
        }
        let deleted = &descriptors.deleted;
        reading.disk = Disk {
            deleted_files: u32::try_from(deleted.len()).unwrap_or(u32::MAX),
            deleted_allocated: Bytes(deleted.values().map(|bytes| bytes.0).sum()),
            ..reading.disk
        };
        (reading.fds, reading.sockets) = (descriptors.kinds, descriptors.sockets);
        if let Some(probe) = &mut self.probe {
            reading.gauges = Some(probe.gauges().await?);
            reading.heap = probe.heap().await?;
        }
        Ok(reading)
    }

    /// The target and all that belongs to it.
    fn tree(&self) -> io::Result<Vec<proc::Process>> {
        match self.place {
            Place::Supervised { supervisor, .. } => proc::descendants(supervisor),
            Place::Found => {
                let mut tree = proc::descendants(self.pid)?;
                // leakgate stands in the tree of the shell that it was started from, which may be what is watched.
                leave_out(&mut tree, std::process::id());
                tree.extend(proc::read_process(self.pid));
                Ok(tree)
            }
        }
    }

    fn memory(&mut self, reading: &Reading) -> Result<Memory, SampleError> {
        let mut memory = proc::memory(self.pid).ok_or(SampleError::Gone)?;
        if self.mark == Mark::Cycle {
            memory.cycle_high_water = Some(memory.high_water);
        }
        self.high_water = self.high_water.max(memory.high_water);
        memory.high_water = self.high_water;
        for process in &reading.others {
            if let Some(other) = proc::memory(process.pid) {
                memory.tree_rss.0 += other.rss.0;
                memory.pss.0 += other.pss.0;
                memory.private_dirty.0 += other.private_dirty.0;
                memory.anonymous.0 += other.anonymous.0;
                memory.swap.0 += other.swap.0;
                memory.mappings += other.mappings;
                memory.page_tables.0 += other.page_tables.0;
                memory.locked.0 += other.locked.0;
            }
        }
        Ok(memory)
    }

    fn escaped(&self, reading: &Reading) -> Option<Escaped> {
        let Place::Supervised { supervisor, .. } = self.place else {
            return None;
        };
        let escaped = || reading.others.iter().filter(|p| p.parent == supervisor);
        let named = escaped().take(ESCAPED_NAMED_MAX);
        Some(Escaped {
            count: u32::try_from(escaped().count()).unwrap_or(u32::MAX),
            commands: named.map(|p| proc::command_line(p.pid)).collect(),
        })
    }
}

/// Leaves out a process and its descendants; in a tree, parents stand before their children.
fn leave_out(tree: &mut Vec<proc::Process>, pid: u32) {
    let mut left_out = vec![pid];
    tree.retain(|process| {
        let out = process.pid == pid || left_out.contains(&process.parent);
        if out {
            left_out.push(process.pid);
        }
        !out
    });
}

/// The pause between two readings of what sends no events.
pub(crate) async fn pause(duration: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "/proc and foreign programs send no events; every caller has a deadline"
    )]
    tokio::time::sleep(duration).await;
}
