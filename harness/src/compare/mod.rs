//! Two binaries side by side: the figures of interleaved runs in, differences with exact intervals out. Pure.
//!
//! A run is the unit: what happens within one shares its start, its addresses and its neighbours. The runs of both binaries
//! take turns (base, head, head, base, ...), so that what changes on the machine meanwhile meets both alike.

mod markdown;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use leakgate_stats::{median, shift, values_needed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit_code;
use crate::judge::Verdict;
use crate::report::Figure;

pub(crate) use markdown::render as markdown;

/// The version of `compare.json`.
const SCHEMA: u32 = 1;
/// The most likely that a binary compared with itself is called worse or better in any figure.
pub(crate) const FALSE_ALARMS: f64 = 0.05;

/// What a comparison comes to. Schema 1 changes by addition only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Comparison {
    /// The version of this format.
    pub(crate) schema: u32,
    /// leakgate's version.
    pub(crate) leakgate: String,
    /// What it comes to: the worst of its scenarios.
    pub(crate) outcome: Outcome,
    /// The binary that is compared with.
    pub(crate) base: Side,
    /// The one that may be worse.
    pub(crate) head: Side,
    /// Runs of each, by scenario.
    pub(crate) runs: u32,
    /// Whether the scenarios were shortened.
    pub(crate) quick: bool,
    /// The most likely that a binary compared with itself is called worse or better in any figure.
    pub(crate) false_alarms: f64,
    /// Among so many intervals that is shared.
    pub(crate) intervals: u32,
    /// A difference of up to so many percent of the base is none.
    pub(crate) margin_percent: f64,
    /// Whether it was interrupted before all runs were done.
    pub(crate) interrupted: bool,
    /// Whole comparison, milliseconds.
    pub(crate) duration_ms: u64,
    /// Its scenarios.
    pub(crate) scenarios: Vec<ComparedScenario>,
}

/// One of the two binaries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Side {
    /// Its file.
    pub(crate) path: String,
    /// SHA-256 of it when the comparison began, hexadecimal.
    pub sha256: String,
}

/// A scenario of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ComparedScenario {
    /// Its name.
    pub(crate) name: String,
    /// SHA-256 of its text.
    pub sha256: String,
    /// Its question.
    pub(crate) question: String,
    /// The target whose command the binaries stand in.
    pub(crate) target: String,
    /// What it comes to: the worst of its figures.
    pub(crate) outcome: Outcome,
    /// Why it is inconclusive; else empty.
    pub(crate) detail: String,
    /// What the base's runs came to by the scenario's own gates, in order.
    pub(crate) base: Vec<ComparedRun>,
    /// What the head's runs came to.
    pub(crate) head: Vec<ComparedRun>,
    /// The figures that both deliver.
    pub(crate) figures: Vec<Difference>,
}

/// One of the runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ComparedRun {
    /// Its name, and that of its directory below `base/` or `head/`.
    pub(crate) run_id: String,
    /// By the scenario's own gates.
    pub(crate) verdict: Verdict,
}

/// What both binaries are in one figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Difference {
    /// What was measured, in its own unit.
    pub(crate) figure: Figure,
    /// The median of the base's runs.
    pub(crate) base: f64,
    /// The median of the head's runs.
    pub(crate) head: f64,
    /// How much more the head has: the median difference of all pairs of runs.
    pub(crate) difference: f64,
    /// Lower end of its interval.
    pub(crate) low: f64,
    /// Upper end of its interval.
    pub(crate) high: f64,
    /// The smallest difference that would have been called worse in runs that scatter as these do.
    pub(crate) would_have_seen: f64,
    /// What it comes to.
    pub(crate) outcome: Outcome,
}

/// What a comparison, a scenario or a figure comes to. Closed: a reader fails on one that it does not know.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// No difference was seen.
    Same,
    /// The head has less.
    Better,
    /// There were not runs enough to say.
    Inconclusive,
    /// The head has more.
    Worse,
}

/// What one run came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RunFigures {
    /// Its name.
    pub(crate) run_id: String,
    /// By the scenario's own gates.
    pub(crate) verdict: Verdict,
    /// Why there are no figures, where its verdict says so.
    pub(crate) detail: String,
    /// Its figures.
    pub(crate) values: BTreeMap<Figure, f64>,
}

/// The runs of both binaries of one scenario.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Runs {
    /// Of the base, in order.
    pub(crate) base: Vec<RunFigures>,
    /// Of the head, in order.
    pub(crate) head: Vec<RunFigures>,
}

/// How sure a comparison is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Certainty {
    /// What each interval may miss the truth with.
    pub(crate) error: f64,
    /// The share of the base up to which a difference is none.
    pub(crate) margin: f64,
}

/// The figures that may be compared in so many scenarios: the error is shared among them before anything is measured.
pub(crate) fn intervals(scenarios: usize) -> u32 {
    u32::try_from(scenarios * Figure::ALL.len()).unwrap_or(u32::MAX)
}

/// What each of so many intervals may miss the truth with.
pub(crate) fn error_of_each(intervals: u32) -> f64 {
    FALSE_ALARMS / f64::from(intervals.max(1))
}

/// The fewest runs of each binary that can show a difference in so many intervals; none where no number could.
pub(crate) fn runs_needed(intervals: u32) -> Option<u32> {
    u32::try_from(values_needed(error_of_each(intervals))?).ok()
}

/// The differences between the runs of both, in every figure that all of them have.
pub(crate) fn differences(runs: &Runs, certainty: Certainty) -> Vec<Difference> {
    let of = |runs: &[RunFigures], figure: Figure| -> Option<Vec<f64>> {
        let values = runs.iter().map(|run| run.values.get(&figure).copied());
        values.collect()
    };
    let compared = Figure::ALL.into_iter().filter_map(|figure| {
        let (base, head) = (of(&runs.base, figure)?, of(&runs.head, figure)?);
        difference(figure, &base, &head, certainty)
    });
    compared.collect()
}

fn difference(
    figure: Figure,
    base: &[f64],
    head: &[f64],
    certainty: Certainty,
) -> Option<Difference> {
    let shift = shift(base, head, certainty.error)?;
    let base = median(base)?;
    let margin = certainty.margin * base.abs();
    let outcome = if shift.low > margin {
        Outcome::Worse
    } else if shift.high < -margin {
        Outcome::Better
    } else {
        Outcome::Same
    };
    Some(Difference {
        figure,
        base,
        head: median(head)?,
        difference: shift.estimate,
        low: shift.low,
        high: shift.high,
        would_have_seen: shift.estimate - shift.low + margin,
        outcome,
    })
}

/// Why the runs say nothing, where one of them has not done its load to the end.
pub(crate) fn failed(runs: &Runs) -> Option<String> {
    let sides = [("base", &runs.base), ("head", &runs.head)];
    let mut all = sides
        .into_iter()
        .flat_map(|(side, runs)| runs.iter().map(move |run| (side, run)));
    all.find_map(|(side, run)| match run.verdict {
        Verdict::Pass | Verdict::Known | Verdict::Leak | Verdict::Inconclusive => None,
        Verdict::Withdrawn | Verdict::Error | Verdict::Timeout | Verdict::Skipped => {
            Some(format!("run {} of {side}: {}", run.run_id, run.detail))
        }
    })
}

impl Comparison {
    /// A comparison that has not begun.
    pub(crate) fn new(base: Side, head: Side, runs: u32, intervals: u32, margin: f64) -> Self {
        Comparison {
            schema: SCHEMA,
            leakgate: env!("CARGO_PKG_VERSION").to_owned(),
            outcome: Outcome::Same,
            base,
            head,
            runs,
            quick: false,
            false_alarms: FALSE_ALARMS,
            intervals,
            margin_percent: margin,
            interrupted: false,
            duration_ms: 0,
            scenarios: Vec::new(),
        }
    }

    /// How sure it is.
    pub(crate) fn certainty(&self) -> Certainty {
        Certainty {
            error: error_of_each(self.intervals),
            margin: self.margin_percent / 100.0,
        }
    }

    /// Adds a scenario; `what` is it without an answer yet.
    pub(crate) fn add(&mut self, what: ComparedScenario, runs: &Runs) {
        let short = |runs: &[RunFigures]| {
            let short = runs.iter().map(|run| ComparedRun {
                run_id: run.run_id.clone(),
                verdict: run.verdict,
            });
            short.collect()
        };
        let mut added = ComparedScenario {
            base: short(&runs.base),
            head: short(&runs.head),
            ..what
        };
        let wanted = self.runs as usize;
        if let Some(detail) = failed(runs) {
            added.detail = detail;
        } else if runs.base.len() < wanted || runs.head.len() < wanted {
            added.detail = "interrupted before all runs were done".to_owned();
        } else {
            added.figures = differences(runs, self.certainty());
            let worst = added.figures.iter().map(|figure| figure.outcome).max();
            added.outcome = worst.unwrap_or(Outcome::Inconclusive);
        }
        self.outcome = self.outcome.max(added.outcome);
        self.scenarios.push(added);
    }

    /// The exit code: 1 where the head is worse, whatever else there is; else what kept a scenario from an answer.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.interrupted {
            return exit_code::INTERRUPTED;
        }
        let runs = self
            .scenarios
            .iter()
            .flat_map(|s| s.base.iter().chain(&s.head));
        let verdicts: Vec<Verdict> = runs.map(|run| run.verdict).collect();
        match self.outcome {
            Outcome::Worse => exit_code::LEAK,
            _ if verdicts.contains(&Verdict::Error) => exit_code::TARGET_FAILED,
            _ if verdicts.contains(&Verdict::Timeout) => exit_code::TIMED_OUT,
            Outcome::Inconclusive => exit_code::INCONCLUSIVE,
            Outcome::Same | Outcome::Better => exit_code::PASS,
        }
    }

    /// The figures of all scenarios.
    fn figures(&self) -> impl Iterator<Item = &Difference> {
        self.scenarios.iter().flat_map(|scenario| &scenario.figures)
    }
}

impl Outcome {
    /// In words.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Outcome::Same => "no difference",
            Outcome::Better => "better",
            Outcome::Inconclusive => "inconclusive",
            Outcome::Worse => "worse",
        }
    }
}
