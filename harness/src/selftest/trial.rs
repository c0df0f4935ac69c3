//! Trials: one run with one seed, and whether the right gate saw it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::{Dose, Kind};
use crate::judge::{GateVerdict, ScenarioVerdict, Verdict};

/// A run that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) kind: Kind,
    pub(super) dose: Dose,
    /// From 1, among those of the same kind and dose.
    pub(super) number: u32,
}

/// A run that has been made: one line of `trials.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    /// What was sown.
    pub kind: Kind,
    /// How much of it.
    pub dose: Dose,
    /// From 1, among those of the same kind and dose.
    pub number: u32,
    /// SHA-256 of the scenario, hexadecimal: trials of different scenarios are not added up.
    pub scenario_sha256: String,
    /// What came of it.
    pub outcome: Outcome,
    /// The metrics whose gates called it a leak.
    pub red: Vec<String>,
    /// Why, where the verdict is neither a pass nor a leak; else empty.
    pub detail: String,
    /// The whole run, milliseconds.
    pub duration_ms: u64,
    /// Its directory below `runs/`, kept when the outcome is not the one that is wanted.
    pub recording: Option<String>,
}

/// What came of a trial. Closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A leak was sown, and the gate that watches for it called it one.
    Caught,
    /// A leak was sown, and only other gates called it one.
    WrongMetric,
    /// A leak was sown, and the run passed.
    Missed,
    /// No leak was sown, and none was seen.
    Quiet,
    /// No leak was sown, and one was seen.
    FalseAlarm,
    /// The recording does not say.
    Inconclusive,
}

impl Outcome {
    /// What `verdict` says about a run in which `kind` was sown; none when the run could not be driven to its end.
    pub(super) fn of(kind: Kind, verdict: &ScenarioVerdict) -> Option<Outcome> {
        let red = red(verdict);
        let right = |watcher: &str| {
            let group = format!("{watcher}.");
            red.iter()
                .any(|metric| metric == watcher || metric.starts_with(&group))
        };
        match (kind.watched_by(), verdict.verdict) {
            (_, Verdict::Error | Verdict::Timeout | Verdict::Skipped) => None,
            (_, Verdict::Inconclusive | Verdict::Withdrawn) => Some(Outcome::Inconclusive),
            (Some(watcher), Verdict::Leak) if right(watcher) => Some(Outcome::Caught),
            (Some(_), Verdict::Leak) => Some(Outcome::WrongMetric),
            (Some(_), Verdict::Pass | Verdict::Known) => Some(Outcome::Missed),
            (None, Verdict::Leak) => Some(Outcome::FalseAlarm),
            (None, Verdict::Pass | Verdict::Known) => Some(Outcome::Quiet),
        }
    }

    /// Whether this is what a self-test hopes for.
    pub(super) fn is_right(self) -> bool {
        matches!(self, Outcome::Caught | Outcome::Quiet)
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Outcome::Caught => "caught",
            Outcome::WrongMetric => "caught by the wrong metric",
            Outcome::Missed => "missed",
            Outcome::Quiet => "quiet",
            Outcome::FalseAlarm => "false alarm",
            Outcome::Inconclusive => "inconclusive",
        }
    }
}

/// The metrics that a verdict is red on.
pub(super) fn red(verdict: &ScenarioVerdict) -> Vec<String> {
    let gates = verdict.gates.iter();
    gates
        .filter(|gate| gate.verdict == GateVerdict::Leak)
        .map(|gate| gate.metric.name().to_owned())
        .collect()
}
