//! Trials: one run with one seed, and whether the right gate saw it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::{Dose, Kind};
use super::movement::Movement;
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
    /// What ran: trials of different programs are not added up.
    pub programs: Programs,
    /// What came of it.
    pub outcome: Outcome,
    /// The metrics whose gates called it a leak.
    pub red: Vec<String>,
    /// What was sown, beside what the metric that watches for it gained; none where nothing leaks.
    pub movement: Option<Movement>,
    /// Why, where the verdict is neither a pass nor a leak; else empty.
    pub detail: String,
    /// The whole run, milliseconds.
    pub duration_ms: u64,
    /// Its directory below `runs/`, kept when the outcome is not the one that is wanted.
    pub recording: Option<String>,
}

/// What runs in a trial, by SHA-256, hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Programs {
    /// The scenario's text.
    pub scenario_sha256: String,
    /// The target's binary; none when it could not be read.
    pub target_sha256: Option<String>,
    /// leakgate's own binary, which judges.
    pub leakgate_sha256: String,
}

/// What came of a trial. Closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A leak was sown, and the gate that watches for it called it one.
    Caught,
    /// A leak was sown, and what was called one is not it: other gates, things of other names, or another amount.
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
    /// What `verdict` says about a run in which `kind` was sown and its metric moved so; none when the run could not be
    /// driven to its end.
    pub(super) fn of(
        kind: Kind,
        verdict: &ScenarioVerdict,
        movement: Option<Movement>,
    ) -> Option<Outcome> {
        let seen = verdict.gates.iter().any(|gate| {
            gate.verdict == GateVerdict::Leak
                && kind.is_watched_by(gate.metric.name())
                && kind.named().is_none_or(|name| gate.detail.contains(name))
        });
        let right = seen && movement.is_some_and(Movement::fits);
        match (kind.watched_by(), verdict.verdict) {
            (_, Verdict::Error | Verdict::Timeout | Verdict::Skipped) => None,
            (_, Verdict::Inconclusive | Verdict::Withdrawn) => Some(Outcome::Inconclusive),
            (Some(_), Verdict::Leak) if right => Some(Outcome::Caught),
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
            Outcome::WrongMetric => "something else was called a leak",
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
