//! `run.json`: the published form of a run. Schema 1 changes by addition only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::judge::{
    Amount, Attribution, Failure, GateVerdict, GrowingSite, GrownObject, HeldSite, Kind, Unit,
    Verdict,
};
use crate::record::event::FalseAlarmBudget;

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunReport {
    /// The version of this format.
    pub schema: u32,
    /// What it comes to.
    pub verdict: Verdict,
    /// Why, where the scenarios do not say it themselves; else empty.
    pub detail: String,
    /// The run's name, and that of its directory.
    pub run_id: String,
    /// leakgate's version.
    pub leakgate: String,
    /// Commit of the tree that was built, when it is a git checkout.
    pub commit: Option<String>,
    /// SHA-256 of the target's binary; absent when it never started or targets differ.
    pub binary_sha256: Option<String>,
    /// The allocator that the target's probe names; absent without one.
    pub allocator: Option<String>,
    /// Kernel release.
    pub kernel: String,
    /// Processors.
    pub cpus: u32,
    /// Seed of every random choice.
    pub seed: u64,
    /// Which part of the suite this is, `K/N`; absent when it is all of it.
    pub shard: Option<String>,
    /// Whether the scenarios were shortened.
    pub quick: bool,
    /// How the risk of a false alarm was shared out.
    #[serde(default)]
    pub false_alarms: FalseAlarmBudget,
    /// Whole run, milliseconds.
    pub duration_ms: u64,
    /// CPU time that leakgate itself used, milliseconds.
    pub harness_cpu_ms: u64,
    /// Its scenarios, as they ran.
    pub scenarios: Vec<ScenarioReport>,
}

/// A scenario of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioReport {
    /// Its name.
    pub name: String,
    /// SHA-256 of its text.
    pub sha256: String,
    /// Its question.
    pub question: String,
    /// The target it ran against.
    pub target: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// What went wrong, for an `error`.
    pub failure: Option<Failure>,
    /// Why, for anything but a pass or a leak; else empty.
    pub detail: String,
    /// Measured cycles that are judged.
    pub cycles: u32,
    /// Cycles of the warm-up.
    pub warmup: u32,
    /// From start to stop, milliseconds.
    pub duration_ms: u64,
    /// SHA-256 of the target's binary.
    pub binary_sha256: Option<String>,
    /// The allocator that the target's probe names.
    pub allocator: Option<String>,
    /// Its gates.
    pub gates: Vec<GateReport>,
    /// Allocation sites that grow with the cycles.
    pub sites: Vec<GrowingSite>,
    /// Sites that keep something and do not grow with the cycles: caches, pools, what is kept once (at most 16).
    #[serde(default)]
    pub held: Vec<HeldSite>,
    /// The kernel objects and gauges behind the counts that are red.
    #[serde(default)]
    pub objects: Vec<GrownObject>,
    /// Profiles that were stored, relative to the run's directory.
    pub profiles: Vec<String>,
    /// Why there is none although one was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_profiled: Option<String>,
    /// What was sampled, in short.
    pub series: Vec<SeriesSummary>,
    /// What growth and allocation go with; where the load varied.
    #[serde(default)]
    pub attributions: Vec<Attribution>,
}

impl ScenarioReport {
    /// The gates that call a leak.
    pub(crate) fn red(&self) -> impl Iterator<Item = &GateReport> {
        let leaks = |gate: &&GateReport| gate.verdict == GateVerdict::Leak;
        self.gates.iter().filter(leaks)
    }

    /// The growing sites whose line is known.
    pub(super) fn located_sites(&self) -> impl Iterator<Item = &GrowingSite> {
        self.sites.iter().filter(|site| !site.file.is_empty())
    }

    /// Whether it is no scenario, but a process that was watched.
    pub(super) fn is_watched(&self) -> bool {
        self.sha256.is_empty()
    }

    /// Whether nobody has to look at it.
    pub(super) fn needs_nobody(&self) -> bool {
        matches!(
            self.verdict,
            Verdict::Pass | Verdict::Known | Verdict::Skipped
        )
    }
}

/// A series of samples in short; the recording has all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesSummary {
    /// What was sampled: `heap.live`, `rss`, `fds`, `threads`, `children`, `disk.files`.
    pub name: String,
    /// What its numbers count.
    pub unit: Unit,
    /// Before the first measured cycle.
    pub baseline: u64,
    /// The lowest after a measured cycle.
    pub min: u64,
    /// The highest after a measured cycle.
    pub max: u64,
    /// After the last measured cycle.
    pub last: u64,
}

/// A gate of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateReport {
    /// The metric's name, as in scenarios.
    pub metric: String,
    /// How it is judged.
    pub kind: Kind,
    /// What its numbers count.
    pub unit: Unit,
    /// The most that passes.
    pub limit: u64,
    /// Whether the command line set the limit.
    pub overridden: bool,
    /// The limit in the scenario's file, where the command line set another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_limit: Option<u64>,
    /// Whether the limit lets something through where nothing kept is the promise.
    #[serde(default)]
    pub loosened: bool,
    /// What the recording shows; absent where nothing was recorded.
    pub observed: Option<Amount>,
    /// The smallest leak that it would have caught; absent where it was not judged.
    pub sensitivity: Option<Amount>,
    /// What it comes to.
    pub verdict: GateVerdict,
    /// What the growth comes to in 24 hours at the pace of the run, in the gate's unit; absent where nothing grew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<i64>,
    /// What grew, or why it is not judged; may be empty on a pass.
    pub detail: String,
    /// Who answers for it, where the leak is listed as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}
