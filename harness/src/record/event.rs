//! The closed set of events that a run is made of, one JSON object per line of `events.jsonl`.
//!
//! A recording holds everything that judging and reporting need: neither ever sees the target. The
//! format (`schema` 1) changes by addition only; a reader ignores fields it does not know and fails
//! on an event it does not know.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::objects::ObjectsGained;
pub use super::sample::{
    Cgroup, Disk, Escaped, Gauge, GaugeKind, Heap, Memory, Sample, Settle, SocketBuffers,
};
pub use super::sites::{Owner, ProfileWindow, SiteSurvivors, SitesCompared};

/// The version of the recording's format.
pub const SCHEMA: u32 = 1;

/// One line of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Milliseconds since the run began (monotonic clock).
    pub t_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first line.
    RunStarted(RunStarted),
    /// A scenario begins; every event up to `scenario_finished` belongs to it.
    ScenarioStarted(ScenarioStarted),
    /// The target is up and answers.
    TargetStarted(TargetStarted),
    /// A cycle of load ended.
    CycleFinished(CycleFinished),
    /// The target was measured.
    Sample(Box<Sample>),
    /// The target was measured in the middle of a cycle, while it held what the load made it hold.
    WithinCycle(WithinCycle),
    /// What the target's tree has at the end of the measured cycles and did not have at their beginning.
    ObjectsGained(ObjectsGained),
    /// What the load made the target hold and do.
    Exercised(Exercised),
    /// The target stood idle and was measured over that time.
    IdleMeasured(IdleMeasured),
    /// The target ended, and what it left.
    TargetExited(TargetExited),
    /// A heap profile was wanted, and there is none.
    NotProfiled(NotProfiled),
    /// The build for heap profiles ran a window of cycles.
    ProfileWindow(ProfileWindow),
    /// The windows were compared.
    SitesCompared(SitesCompared),
    /// The scenario ended.
    ScenarioFinished(ScenarioFinished),
    /// The last line of a run that was not cut short.
    RunFinished {
        /// Whole run, milliseconds.
        duration_ms: u64,
        /// CPU time that leakgate itself used, milliseconds.
        harness_cpu_ms: u64,
    },
}

/// What was run, on what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunStarted {
    /// Version of this format.
    pub schema: u32,
    /// The run's name, and that of its directory.
    pub run_id: String,
    /// leakgate's version.
    pub leakgate: String,
    /// Commit of the tree that was built, when it is a git checkout.
    pub commit: Option<String>,
    /// Kernel release.
    pub kernel: String,
    /// Processors.
    pub cpus: u32,
    /// Seed of every random choice.
    pub seed: u64,
    /// Whether `--quick` shortened the scenarios.
    pub quick: bool,
    /// The day on which the run began, `YYYY-MM-DD` in UTC: known leaks expire by it.
    #[serde(default)]
    pub date: String,
    /// Which part of the suite this is, `K/N`; absent when it is all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// How the risk of a false alarm is shared out.
    #[serde(default)]
    pub budget: FalseAlarmBudget,
}

/// The risk of a false alarm that a whole run takes, and among how many it is shared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FalseAlarmBudget {
    /// The most likely that any gate of a run without a leak calls one.
    pub per_run: f64,
    /// Gates of the run whose readings are noisy; the others are exact and take no risk.
    pub gates: u32,
    /// Runs that answer together (`--repeat`).
    pub runs: u32,
}

impl Default for FalseAlarmBudget {
    /// One alarm in a thousand runs of a single gate.
    fn default() -> Self {
        Self {
            per_run: 0.001,
            gates: 1,
            runs: 1,
        }
    }
}

/// A scenario as it is run: enough to judge it without its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioStarted {
    /// Its name.
    pub name: String,
    /// SHA-256 of its text.
    pub sha256: String,
    /// Its question.
    pub question: String,
    /// The target it runs against.
    pub target: String,
    /// Measured cycles that are planned.
    pub measure: u32,
    /// After how many measured cycles the series are judged; the first is `measure`, and the last is the most that is
    /// measured while the answer is unclear.
    #[serde(default)]
    pub looks: Vec<u32>,
    /// The gates as they stood: metric name, limit, whether overridden.
    pub gates: Vec<RecordedGate>,
}

/// A gate in a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedGate {
    /// The metric's name, as in scenarios.
    pub metric: String,
    /// The limit, in the metric's unit.
    pub limit: u64,
    /// Whether `--gate` set it.
    #[serde(default)]
    pub overridden: bool,
    /// The limit in the scenario's file, where `--gate` set another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_limit: Option<u64>,
    /// The entry in the ledger of known leaks, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<KnownLeak>,
}

/// A leak that somebody has taken responsibility for, until a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownLeak {
    /// The most that is known, in the unit of the gate's limit: more is a leak.
    pub budget: u64,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it is tolerated, `YYYY-MM-DD` in UTC.
    pub expires: String,
    /// What it is.
    pub reason: String,
}

/// The target is up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetStarted {
    /// Its process id.
    pub pid: u32,
    /// SHA-256 of its binary, hexadecimal.
    pub binary_sha256: Option<String>,
    /// The allocator that its probe names; absent without a probe.
    pub allocator: Option<String>,
    /// Whether this is a build for heap profiles, dhat's or the tracker's: then nothing but its profile is judged.
    pub dhat: bool,
}

/// Where in a scenario something happened.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the first cycle.
    Start,
    /// Cycles that do not count.
    Warmup,
    /// Cycles that are judged.
    Measure,
}

/// A cycle of load ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CycleFinished {
    /// Its phase.
    pub phase: Phase,
    /// Its number in the phase, from 1.
    pub cycle: u32,
    /// The load alone, without settling and sampling.
    pub duration_ms: u64,
    /// What the load really did.
    pub load: Load,
}

/// What the load of a cycle really did, as its driver counted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Load {
    /// Sessions opened.
    pub opened: u64,
    /// Sessions that a client closed.
    pub closed: u64,
    /// Sessions whose child ended by itself.
    pub exited: u64,
    /// Clients connected.
    pub connected: u64,
    /// Bytes of terminal output, as the target counts them; of a target that is driven over a connection, bytes received.
    pub output_bytes: u64,
    /// Bytes of input and of raw messages sent.
    pub sent_bytes: u64,
    /// Faults provoked: error answers that the scenario asked for.
    pub faults: u64,
    /// Milliseconds that clients stayed connected, added up over all of them.
    #[serde(default)]
    pub client_ms: u64,
    /// Messages answered: calls, HTTP requests, and what a step waited for.
    #[serde(default)]
    pub messages: u64,
}

impl Load {
    /// Counts what another part of the load did, too.
    pub fn add(&mut self, other: &Load) {
        let Load {
            opened,
            closed,
            exited,
            connected,
            output_bytes,
            sent_bytes,
            faults,
            client_ms,
            messages,
        } = other;
        self.opened += opened;
        self.closed += closed;
        self.exited += exited;
        self.connected += connected;
        self.output_bytes += output_bytes;
        self.sent_bytes += sent_bytes;
        self.faults += faults;
        self.client_ms += client_ms;
        self.messages += messages;
    }
}

/// What a scenario's load made the target hold and do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exercised {
    /// Every gauge of the target by name, those that nothing moved too.
    pub gauges: BTreeMap<String, Exercise>,
}

/// How far one gauge was moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exercise {
    /// What it counts.
    pub kind: GaugeKind,
    /// By how much its peak since the target's start rose during the scenario; for a count, how often it occurred.
    pub risen: i64,
    /// Where it is registered: `file:line`.
    pub site: String,
}

/// What the target held in the middle of a cycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WithinCycle {
    /// The phase it belongs to.
    pub phase: Phase,
    /// The cycle, from 1.
    pub cycle: u32,
    /// The exact heap; absent without a probe.
    pub heap: Option<Heap>,
    /// Bytes that the target's owners account for, by gauge; absent without a probe.
    pub accounted: Option<BTreeMap<String, i64>>,
}

/// The target stood idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdleMeasured {
    /// For how long.
    pub duration_ms: u64,
    /// Bytes it allocated meanwhile.
    pub allocated_bytes: u64,
}

/// The target ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetExited {
    /// Whether leakgate had asked it to.
    pub asked: bool,
    /// Exit code, when it ended by itself.
    pub code: Option<i32>,
    /// Signal, when one ended it.
    pub signal: Option<i32>,
    /// Milliseconds from the request to the end.
    pub took_ms: u64,
    /// Command lines of the processes it left behind (at most 32; they are ended).
    pub left_processes: Vec<String>,
    /// How many more processes it left behind.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_processes: u64,
    /// Paths it left behind in its private directories, relative to them (at most 32).
    pub left_files: Vec<String>,
    /// How many more files it left behind.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_files: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A heap profile was wanted, and there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotProfiled {
    /// Why, in words.
    pub reason: String,
}

/// How the driving of a scenario ended; what it means for the verdict is the judge's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioFinished {
    /// The outcome.
    pub outcome: Outcome,
    /// In words, with the scenario's line where there is one; empty when complete.
    pub detail: String,
    /// Everything from start to stop, milliseconds.
    pub duration_ms: u64,
}

/// How the driving of a scenario ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All cycles ran.
    Complete,
    /// The load did not happen as the scenario says.
    LoadFailed,
    /// The target could not be started, died, or did not stop.
    TargetFailed,
    /// The deadline passed.
    TimedOut,
    /// The user interrupted it.
    Interrupted,
    /// The target cannot be driven here (not installed, say).
    Skipped,
    /// leakgate itself failed.
    Internal,
}
