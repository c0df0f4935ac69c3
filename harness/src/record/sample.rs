//! A sample: what is measured of a target between two cycles.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::Phase;
use crate::units::Bytes;

/// One measurement of the whole process tree of the target, after it settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// The phase it belongs to.
    pub phase: Phase,
    /// The cycle it follows; 0 before the first of its phase.
    pub cycle: u32,
    /// How the target came to rest.
    pub settle: Settle,
    /// The exact heap, from the probe; absent without one.
    pub heap: Option<Heap>,
    /// Resident memory and its kin, summed over the tree.
    pub memory: Memory,
    /// Open descriptors by kind: `pipe`, `socket:unix`, `ptmx`, `pts`, `eventfd`, `file`, `file (deleted)`, ...
    pub fds: BTreeMap<String, u32>,
    /// Threads by name.
    pub threads: BTreeMap<String, u32>,
    /// Live descendants of the target, itself not counted.
    pub children: u32,
    /// Dead descendants that nobody reaped.
    pub zombies: u32,
    /// Gauges that the target registered, by name; absent without a probe.
    pub gauges: Option<BTreeMap<String, Gauge>>,
    /// The target's private directories.
    pub disk: Disk,
    /// Processes that lost their parent and were handed to the supervisor; absent where there is no supervisor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escaped: Option<Escaped>,
    /// What the kernel holds for the tree's sockets; absent where it does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket_buffers: Option<SocketBuffers>,
    /// The memory of the target's own control group; absent where it shares leakgate's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<Cgroup>,
}

/// Live processes whose parent ended before them. A target that is a subreaper itself keeps its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Escaped {
    /// How many; they are among `children` too.
    pub count: u32,
    /// Their command lines (at most 8).
    pub commands: Vec<String>,
}

/// What the kernel holds for the Unix, TCP and UDP sockets of the tree, its bookkeeping included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SocketBuffers {
    /// Sockets that the kernel told about.
    pub sockets: u32,
    /// Received and not read yet.
    pub receive: Bytes,
    /// Sent and not acknowledged; on a Unix socket, not read yet by its peer.
    pub send: Bytes,
}

/// What a control group is charged with: page cache and kernel memory of its processes included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cgroup {
    /// Now.
    pub current: Bytes,
    /// The most so far; absent where the kernel does not keep it.
    pub peak: Option<Bytes>,
}

/// How the target came to rest before a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Settle {
    /// Whether the target said that it is idle; absent without a probe.
    pub idle: Option<bool>,
    /// Readings taken until two agreed, or until the bound.
    pub reads: u32,
    /// Milliseconds from the end of the load to the reading.
    pub waited_ms: u64,
    /// Milliseconds from the end of the load until everything that is counted (descriptors, threads, processes, files,
    /// lengths) stood no higher than in the sample before; absent when it did not come back within the patience, and in the
    /// first sample. Looked at once at the end of the load, then after the target says that it is idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned_ms: Option<u64>,
}

/// The exact heap, as the probe's counting allocator has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Heap {
    /// Bytes allocated and not freed.
    pub live_bytes: Bytes,
    /// Blocks allocated and not freed.
    pub live_blocks: u64,
    /// Bytes allocated since the process began.
    pub allocated_bytes: u64,
    /// Blocks allocated since the process began.
    pub allocated_blocks: u64,
    /// The most live bytes since the sample before.
    pub peak_bytes: Bytes,
    /// How far `peak_bytes` may be below the true peak.
    pub peak_error_bytes: Bytes,
}

/// Memory from outside, summed over the tree from `smaps_rollup` and `status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// Resident, of the target's own process, after a purge where the probe offers one.
    pub rss: Bytes,
    /// Resident, of the whole tree.
    pub tree_rss: Bytes,
    /// Proportional share.
    pub pss: Bytes,
    /// Private and written to.
    pub private_dirty: Bytes,
    /// Not backed by a file.
    pub anonymous: Bytes,
    /// Swapped out.
    pub swap: Bytes,
    /// High-water mark of the target's own resident memory since it started.
    pub high_water: Bytes,
    /// The same since the sample before; absent where the kernel does not let leakgate reset it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle_high_water: Option<Bytes>,
    /// Mappings of the tree.
    #[serde(default)]
    pub mappings: u64,
    /// The kernel's page tables for the tree.
    #[serde(default)]
    pub page_tables: Bytes,
    /// Locked into memory.
    #[serde(default)]
    pub locked: Bytes,
}

/// One gauge of the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gauge {
    /// What it counts.
    pub kind: GaugeKind,
    /// Its value.
    pub value: i64,
    /// The most that its owner declared, for a capacity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
    /// Where it is registered: `file:line`.
    pub site: String,
}

/// What a gauge counts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum GaugeKind {
    /// Entries of a map or queue, tasks, timers: exact, must come back.
    Length,
    /// Allocated bytes with a declared maximum.
    Capacity,
    /// Bytes that the owner accounts for.
    Accounted,
    /// Occurrences since the target's start: not judged, and only in [`Exercised`].
    Count,
}

/// Files under the target's private directories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disk {
    /// Files, directories and sockets.
    pub files: u64,
    /// The lengths of the files, holes included.
    pub bytes: Bytes,
    /// What is allocated for the files: blocks, holes not included, a file with several names once.
    #[serde(default)]
    pub allocated: Bytes,
    /// Files without a name, wherever they were, that the tree still holds open.
    #[serde(default)]
    pub deleted_files: u32,
    /// What is allocated for those.
    #[serde(default)]
    pub deleted_allocated: Bytes,
}
