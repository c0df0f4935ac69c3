//! The closed vocabulary of verdicts, and what each is made of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::objects::GrownObject;
use crate::record::event::Owner;
use crate::scenario::Metric;

/// What a run or a scenario comes to. Closed: a reader fails on one that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is kept beyond the gates.
    Pass,
    /// Something is.
    Leak,
    /// The recording does not say; not a pass.
    Inconclusive,
    /// The load did not happen as the scenario says, so nothing can be said; counts as inconclusive.
    Withdrawn,
    /// It leaks no more than what is listed as known.
    Known,
    /// It cannot run here.
    Skipped,
    /// The target or leakgate itself failed.
    Error,
    /// The deadline passed.
    Timeout,
}

/// What a gate comes to. Closed, like [`Verdict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateVerdict {
    /// Within the limit.
    Pass,
    /// Beyond it.
    Leak,
    /// The recording does not say.
    Inconclusive,
    /// The load did not happen.
    Withdrawn,
    /// Beyond it, by no more than what is listed as known.
    Known,
    /// The scenario did not run here.
    Skipped,
    /// The target or leakgate itself failed before it could be judged.
    Error,
    /// The deadline passed before it could be judged.
    Timeout,
    /// Nothing was recorded for it, by choice: not a failure.
    NotJudged,
    /// The target or the system cannot deliver the metric: not a pass.
    Unsupported,
}

/// What went wrong in an `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The target could not be started, died, or did not stop.
    Target,
    /// leakgate itself failed.
    Internal,
    /// The user interrupted the run.
    Interrupted,
}

/// What a run's exit code is made from, in words; the command line maps it to numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitClass {
    /// Everything that was judged passed, and something was.
    Pass,
    /// At least one leak.
    Leak,
    /// Something could not be said.
    Inconclusive,
    /// The target failed.
    TargetFailed,
    /// A deadline passed.
    TimedOut,
    /// leakgate itself failed.
    Internal,
    /// The user interrupted it.
    Interrupted,
}

/// What a whole run comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct RunVerdict {
    /// In one word.
    pub verdict: Verdict,
    /// Why, where the scenarios do not say it themselves; else empty.
    pub detail: String,
    /// Its scenarios, as they ran.
    pub scenarios: Vec<ScenarioVerdict>,
}

/// What a scenario comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioVerdict {
    /// Its name.
    pub name: String,
    /// In one word.
    pub verdict: Verdict,
    /// What went wrong, for an `error`.
    pub failure: Option<Failure>,
    /// Why, for anything but a pass or a leak; else empty.
    pub detail: String,
    /// Measured cycles that are judged.
    pub cycles: u32,
    /// From start to stop, milliseconds.
    pub duration_ms: u64,
    /// Its gates, in the order of [`Metric::ALL`].
    pub gates: Vec<JudgedGate>,
    /// Allocation sites whose surviving blocks scale with the cycles, most bytes per cycle first.
    pub sites: Vec<GrowingSite>,
    /// Those that keep something and do not grow, most bytes first.
    pub held: Vec<HeldSite>,
    /// The kernel objects and gauges behind the counts that are red.
    pub objects: Vec<GrownObject>,
    /// What the growth of the live heap goes with, and what is allocated on the way; where the load varied.
    pub attributions: Vec<Attribution>,
}

/// A quantity per unit of load: what regression over the measured cycles says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attribution {
    /// What is explained: `kept` bytes of live heap or `allocated` bytes.
    pub quantity: Quantity,
    /// The unit of load, in words: `session`, `MiB of output`, ...; `cycle` is what goes with none of them.
    pub per: String,
    /// Bytes per unit.
    pub bytes: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
}

/// What an [`Attribution`] explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Bytes of live heap that stay.
    Kept,
    /// Bytes that are allocated, whether they stay or not.
    Allocated,
}

/// What one gate comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedGate {
    /// What is judged.
    pub metric: Metric,
    /// How it is judged.
    pub kind: Kind,
    /// What the numbers count.
    pub unit: Unit,
    /// The most that passes.
    pub limit: u64,
    /// Whether the command line set the limit.
    pub overridden: bool,
    /// The limit in the scenario's file, where the command line set another.
    pub file_limit: Option<u64>,
    /// Whether the limit lets something through where nothing kept is the promise.
    pub loosened: bool,
    /// What the recording shows; absent where nothing was recorded.
    pub observed: Option<Amount>,
    /// The smallest leak that it would have caught; absent where it was not judged.
    pub sensitivity: Option<Amount>,
    /// In one word.
    pub verdict: GateVerdict,
    /// What the growth comes to in 24 hours at the pace of the run, in the gate's unit; absent where nothing grew.
    pub per_day: Option<i64>,
    /// What grew, or why it is not judged; may be empty on a pass.
    pub detail: String,
    /// Whether more cycles would tell, where there is no answer.
    pub more: bool,
    /// Who answers for it, where the leak is listed as known.
    pub owner: Option<String>,
}

/// How a gate is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Growth from the end of the warm-up to the end.
    Total,
    /// Growth per cycle.
    PerCycle,
    /// The most above the start of a cycle, while it runs.
    Peak,
    /// Per second, while nothing happens.
    Rate,
}

/// What a gate's numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Descriptors, threads, ...
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Percent.
    Percent,
}

/// A number as it was observed: integers only, a growth as a fraction that loses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Amount {
    /// So much more per so many cycles.
    PerCycles {
        /// Bytes, or a count.
        amount: i64,
        /// In so many cycles; at least 1.
        cycles: u32,
    },
    /// So much in so many milliseconds.
    PerTime {
        /// Bytes.
        amount: i64,
        /// In so many milliseconds; at least 1.
        milliseconds: u64,
    },
    /// So much.
    Plain(i64),
}

/// An allocation site whose surviving blocks scale with the cycles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrowingSite {
    /// The function.
    pub function: String,
    /// Its source file.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// Whose code that is.
    #[serde(default)]
    pub owner: Owner,
    /// Bytes that `cycles` more cycles left alive.
    pub bytes: i64,
    /// Blocks that `cycles` more cycles left alive.
    pub blocks: i64,
    /// The cycles.
    pub cycles: u32,
    /// The whole stack, innermost first.
    pub stack: Vec<String>,
    /// The user's own frames above the site, innermost first; none in an older recording.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<String>,
    /// The asynchronous tasks that allocate there, as the target names them, those that keep most first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
}

/// An allocation site with surviving blocks that do not scale with the cycles: a cache, a pool, something kept once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldSite {
    /// The function.
    pub function: String,
    /// Its source file.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// Whose code that is.
    pub owner: Owner,
    /// Bytes alive after the shorter window and after the longer one.
    pub bytes: [u64; 2],
    /// Blocks alive after them.
    pub blocks: [u64; 2],
}
