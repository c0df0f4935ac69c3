//! The summary of a self-test: what its trials come to, and whether that is as good as what is declared. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::baseline::Baseline;
use super::kind::Kind;
use super::minimum::Minimum;
use super::trial::{Outcome, Trial};
use crate::config::SelfTest;
use crate::rate::Rate;

/// `selftest.json`. Version 1 changes by addition only; a reader fails on an outcome or a kind that it does not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The version of this format: 1.
    pub schema: u32,
    /// The target.
    pub target: String,
    /// The scenario whose load ran.
    pub scenario: String,
    /// SHA-256 of its text, hexadecimal.
    pub scenario_sha256: String,
    /// SHA-256 of the target's binary; none when it could not be read.
    pub target_sha256: Option<String>,
    /// SHA-256 of leakgate's own binary.
    pub leakgate_sha256: Option<String>,
    /// Its measured cycles.
    pub cycles: u32,
    /// Whether leakgate is as good as what is declared.
    pub result: Outcomes,
    /// Why not; empty when it is.
    pub reasons: Vec<String>,
    /// What was sown, and what came of it.
    pub kinds: Vec<KindSummary>,
    /// Runs without a leak that were called one, of all runs without a leak.
    pub false_alarms: Rate,
    /// The highest rate of false alarms that is declared.
    pub false_alarms_declared: f64,
    /// The smallest leaks that were caught in every run; empty when they were not looked for.
    pub minima: Vec<Minimum>,
}

/// What a self-test comes to. Closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcomes {
    /// As good as what is declared.
    Pass,
    /// Worse.
    Fail,
    /// Nothing is worse, but a run without a leak did not say that there is none.
    Inconclusive,
}

/// What came of the runs of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KindSummary {
    /// The kind.
    pub kind: Kind,
    /// What was sown, in words.
    pub sown: String,
    /// The metric, or the group of metrics, that must see it; none where nothing may.
    pub watched_by: Option<String>,
    /// Runs of it.
    pub runs: u32,
    /// Runs with the outcome that is wanted, of all runs: caught, or quiet where nothing leaks. None where a rate would
    /// say nothing about the seed: what watches for it was red in a run without any, or no such run gave an answer.
    pub right: Option<Rate>,
    /// Runs in which something else was called a leak: by another gate, or growth of another amount.
    pub wrong_metric: u32,
    /// Runs that passed with a leak.
    pub missed: u32,
    /// Runs that were called a leak without one.
    pub false_alarms: u32,
    /// Runs that did not say.
    pub inconclusive: u32,
    /// A run's mean duration, milliseconds.
    pub mean_ms: u64,
}

/// What is summed up besides the trials.
pub(super) struct Subject<'a> {
    pub(super) target: &'a str,
    pub(super) scenario: &'a crate::scenario::Scenario,
    pub(super) declared: &'a SelfTest,
    pub(super) minima: Vec<Minimum>,
}

/// Sums up the trials of each of `kinds` with its own dose.
pub(super) fn summary(kinds: &[Kind], trials: &[Trial], subject: Subject<'_>) -> Summary {
    let Subject {
        target,
        scenario,
        declared,
        minima,
    } = subject;
    let kinds: Vec<KindSummary> = kinds
        .iter()
        .map(|kind| of_kind(*kind, trials, declared))
        .collect();
    let without_leak = kinds.iter().filter(|kind| kind.watched_by.is_none());
    let (alarms, runs) = without_leak.fold((0, 0), |(alarms, runs), kind| {
        (alarms + kind.false_alarms, runs + kind.runs)
    });
    let false_alarms = Rate::new(alarms, runs);
    let reasons = reasons(&kinds, trials, false_alarms, declared, &minima);
    let unclear = kinds
        .iter()
        .any(|kind| kind.right.is_none() || (kind.watched_by.is_none() && kind.inconclusive > 0));
    let programs = trials.first().map(|trial| &trial.programs);
    let result = match (reasons.is_empty(), unclear) {
        (false, _) => Outcomes::Fail,
        (true, true) => Outcomes::Inconclusive,
        (true, false) => Outcomes::Pass,
    };
    Summary {
        schema: 1,
        target: target.to_owned(),
        scenario: scenario.name.clone(),
        scenario_sha256: scenario.sha256.clone(),
        target_sha256: programs.and_then(|programs| programs.target_sha256.clone()),
        leakgate_sha256: programs.map(|programs| programs.leakgate_sha256.clone()),
        cycles: scenario.cycles.measure,
        result,
        reasons,
        kinds,
        false_alarms,
        false_alarms_declared: declared.false_alarms,
        minima,
    }
}

fn of_kind(kind: Kind, trials: &[Trial], declared: &SelfTest) -> KindSummary {
    let dose = kind.dose(declared);
    let own: Vec<&Trial> = trials
        .iter()
        .filter(|trial| trial.kind == kind && trial.dose == dose)
        .collect();
    let count = |outcome: Outcome| {
        let having = own.iter().filter(|trial| trial.outcome == outcome);
        u32::try_from(having.count()).unwrap_or(u32::MAX)
    };
    let runs = u32::try_from(own.len()).unwrap_or(u32::MAX);
    let right = Rate::new(count(Outcome::Caught) + count(Outcome::Quiet), runs);
    let says = kind.watched_by().is_none() || Baseline::of(kind, trials) == Baseline::Quiet;
    let took: u64 = own.iter().map(|trial| trial.duration_ms).sum();
    KindSummary {
        kind,
        sown: kind.describe(dose),
        watched_by: kind.watched_by().map(str::to_owned),
        runs,
        right: says.then_some(right),
        wrong_metric: count(Outcome::WrongMetric),
        missed: count(Outcome::Missed),
        false_alarms: count(Outcome::FalseAlarm),
        inconclusive: count(Outcome::Inconclusive),
        mean_ms: took.checked_div(u64::from(runs)).unwrap_or(0),
    }
}

/// Why it is not shown that the gate which watches for a kind catches it in every run.
fn uncaught(summary: &KindSummary, watcher: &str, trials: &[Trial]) -> Option<String> {
    let (kind, sown, all) = (summary.kind, &summary.sown, summary.runs);
    if let Baseline::Red { runs, of } = Baseline::of(kind, trials) {
        return Some(format!(
            "{kind}: {watcher} was red in {runs} of {of} runs without a seed, so that red says nothing about one"
        ));
    }
    let caught = all - summary.wrong_metric - summary.missed - summary.inconclusive;
    (caught < all).then(|| format!("{kind}, {sown}: caught in {caught} of {all} runs"))
}

/// Everything that is worse than what is declared.
fn reasons(
    kinds: &[KindSummary],
    trials: &[Trial],
    false_alarms: Rate,
    declared: &SelfTest,
    minima: &[Minimum],
) -> Vec<String> {
    let mut reasons = Vec::new();
    for summary in kinds {
        let kind = summary.kind;
        if let Some(watcher) = &summary.watched_by {
            reasons.extend(uncaught(summary, watcher, trials));
        }
        let sown = kind.dose(declared).amount;
        if let Some(bytes) = kind
            .declared_bytes(declared)
            .filter(|declared| *declared < sown)
        {
            reasons.push(format!(
                "{kind}: {bytes} B per cycle is declared, and {sown} B is the least that there is"
            ));
        }
    }
    if false_alarms.observed() > declared.false_alarms {
        reasons.push(format!(
            "{} false alarms in {} runs without a leak, declared are at most {} %",
            false_alarms.count,
            false_alarms.of,
            declared.false_alarms * 100.0
        ));
    }
    for minimum in minima.iter().filter(|minimum| minimum.dose.is_none()) {
        reasons.push(format!(
            "{}: no dose up to the declared one was caught in each of {} runs",
            minimum.kind, minimum.runs
        ));
    }
    reasons
}
