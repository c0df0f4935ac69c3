//! Runs followed over time: a store of their figures, and where a figure changed its level and stayed there.

mod bencher;
mod page;
mod store;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use leakgate_stats::{ChangeFinder, SERIES_MAX};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::judge::Verdict;
use crate::record::event::{Event, Line, RunStarted};
use crate::report::{self, Figure, RunReport};

pub(crate) use bencher::export;
pub(crate) use page::render as page;
pub(crate) use store::{Absent, FILE, Store};

/// The version of a line of the store.
const SCHEMA: u32 = 1;
/// The most likely that a store in which nothing ever changes shows any change.
const FALSE_ALARMS: f64 = 0.05;
/// Runs that are looked at.
pub(crate) const RUNS_MAX: usize = SERIES_MAX;

/// A run in the store: a line of `trend.jsonl`. Schema 1 changes by addition only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TrendRun {
    /// The version of this format.
    pub(crate) schema: u32,
    /// The run's name; it begins with the time in UTC.
    pub(crate) run_id: String,
    /// leakgate's version.
    pub(crate) leakgate: String,
    /// Commit of the tree that was built, when it is a git checkout.
    pub(crate) commit: Option<String>,
    /// Kernel release.
    pub(crate) kernel: String,
    /// Processors.
    pub(crate) cpus: u32,
    /// Whether the scenarios were shortened.
    pub(crate) quick: bool,
    /// Its scenarios.
    pub(crate) scenarios: Vec<TrendScenario>,
}

/// A scenario of a run in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TrendScenario {
    /// Its name.
    pub(crate) name: String,
    /// SHA-256 of its text.
    pub(crate) sha256: String,
    /// The target.
    pub(crate) target: String,
    /// What it came to.
    pub(crate) verdict: Verdict,
    /// What was measured, each in its own unit.
    pub(crate) figures: BTreeMap<Figure, f64>,
}

impl TrendRun {
    /// What the store keeps of a recording; `report` is its own.
    pub(crate) fn of(report: &RunReport, lines: &[Line]) -> TrendRun {
        let started: Option<&RunStarted> = lines.iter().find_map(|line| match &line.event {
            Event::RunStarted(started) => Some(started),
            _ => None,
        });
        let scenarios = report.scenarios.iter().zip(report::figures(lines));
        TrendRun {
            schema: SCHEMA,
            run_id: report.run_id.clone(),
            leakgate: report.leakgate.clone(),
            commit: report.commit.clone(),
            kernel: report.kernel.clone(),
            cpus: report.cpus,
            quick: started.is_some_and(|started| started.quick),
            scenarios: scenarios
                .map(|(scenario, figures)| TrendScenario {
                    name: scenario.name.clone(),
                    sha256: scenario.sha256.clone(),
                    target: scenario.target.clone(),
                    verdict: scenario.verdict,
                    figures: figures.values,
                })
                .filter(|scenario| !scenario.figures.is_empty())
                .collect(),
        }
    }
}

/// What the runs of a store show: `leakgate trend show --json`. Schema 1 changes by addition only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Trend {
    /// The version of this format.
    pub(crate) schema: u32,
    /// Runs that were looked at.
    pub(crate) runs: u32,
    /// The most likely that a store in which nothing ever changes shows any change.
    pub(crate) false_alarms: f64,
    /// Among so many series that is shared.
    pub(crate) series: u32,
    /// The scenarios of the last run first, then others, by name.
    pub(crate) scenarios: Vec<ScenarioTrend>,
}

/// A scenario over its runs: those that asked what the last one asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ScenarioTrend {
    /// Its name.
    pub(crate) name: String,
    /// Its runs, the oldest first.
    pub(crate) points: Vec<TrendPoint>,
    /// Runs that are left out: of another text, target, length, or number of processors.
    pub(crate) left_out: u32,
    /// Its figures.
    pub(crate) figures: Vec<FigureTrend>,
}

/// A run of a series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TrendPoint {
    /// Its name; it begins with the time in UTC.
    pub(crate) run_id: String,
    /// Commit of the tree that was built, when it is a git checkout.
    pub(crate) commit: Option<String>,
}

/// A figure over the runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct FigureTrend {
    /// What was measured.
    pub(crate) figure: Figure,
    /// One value per point; none where the run did not deliver it.
    pub(crate) values: Vec<Option<f64>>,
    /// Where its level changed, the oldest first.
    pub(crate) changes: Vec<LevelChange>,
}

/// A level that changed and stayed there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct LevelChange {
    /// The index of the first point on the new level.
    pub(crate) at: usize,
    /// That point.
    pub(crate) run: TrendPoint,
    /// The one before it that has the figure: what changed lies between their commits.
    pub(crate) after: TrendPoint,
    /// The median level before.
    pub(crate) from: f64,
    /// The median level from there on.
    pub(crate) to: f64,
}

/// What the last of `runs` show (at most [`RUNS_MAX`] of them), of these scenarios; of all where none is named.
pub(crate) fn trend(runs: &[TrendRun], names: &[String]) -> Trend {
    let runs = &runs[runs.len().saturating_sub(RUNS_MAX)..];
    let mut scenarios: Vec<ScenarioTrend> = Vec::new();
    // The last run decides what is comparable, and what comes first.
    for scenario in runs.iter().rev().flat_map(|run| &run.scenarios) {
        let wanted = names.is_empty() || names.contains(&scenario.name);
        if wanted && scenarios.iter().all(|known| known.name != scenario.name) {
            scenarios.push(series_of(&scenario.name, runs));
        }
    }
    let series: usize = scenarios.iter().map(|s| s.figures.len()).sum();
    let error = FALSE_ALARMS / series.max(1) as f64;
    let mut finder = ChangeFinder::default();
    for scenario in &mut scenarios {
        let ScenarioTrend {
            points, figures, ..
        } = scenario;
        for figure in figures {
            figure.changes = changes(&figure.values, points, error, &mut finder);
        }
    }
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Trend {
        schema: SCHEMA,
        runs: count(runs.len()),
        false_alarms: FALSE_ALARMS,
        series: count(series),
        scenarios,
    }
}

/// The runs of one scenario that can be held against its last one.
fn series_of(name: &str, runs: &[TrendRun]) -> ScenarioTrend {
    let of_name = |run: &TrendRun| run.scenarios.iter().find(|s| s.name == name).cloned();
    let all: Vec<(&TrendRun, TrendScenario)> = runs
        .iter()
        .filter_map(|run| Some((run, of_name(run)?)))
        .collect();
    let kind = |(run, scenario): &(&TrendRun, TrendScenario)| {
        (
            scenario.sha256.clone(),
            scenario.target.clone(),
            run.quick,
            run.cpus,
        )
    };
    let last = all.last().map(kind);
    let alike: Vec<_> = all.iter().filter(|run| Some(kind(run)) == last).collect();
    let figures = Figure::ALL.into_iter().filter_map(|figure| {
        let values: Vec<Option<f64>> = alike
            .iter()
            .map(|(_, scenario)| scenario.figures.get(&figure).copied())
            .collect();
        values.iter().any(Option::is_some).then_some(FigureTrend {
            figure,
            values,
            changes: Vec::new(),
        })
    });
    ScenarioTrend {
        name: name.to_owned(),
        figures: figures.collect(),
        left_out: u32::try_from(all.len() - alike.len()).unwrap_or(u32::MAX),
        points: alike
            .iter()
            .map(|(run, _)| TrendPoint {
                run_id: run.run_id.clone(),
                commit: run.commit.clone(),
            })
            .collect(),
    }
}

/// Where a series changes its level, told by its points.
fn changes(
    values: &[Option<f64>],
    points: &[TrendPoint],
    error: f64,
    finder: &mut ChangeFinder,
) -> Vec<LevelChange> {
    let there: Vec<(usize, f64)> = values
        .iter()
        .enumerate()
        .filter_map(|(at, value)| Some((at, (*value)?)))
        .collect();
    let series: Vec<f64> = there.iter().map(|(_, value)| *value).collect();
    let found = finder.changes(&series, error).into_iter();
    found
        .map(|change| LevelChange {
            at: there[change.at].0,
            run: points[there[change.at].0].clone(),
            after: points[there[change.at - 1].0].clone(),
            from: change.from,
            to: change.to,
        })
        .collect()
}

/// `1a2b3c4d5e6f`, with the mark of a tree that differs from it; the run where nobody knows the commit.
fn commit_of(point: &TrendPoint) -> String {
    const LETTERS: usize = 12;
    let Some(commit) = &point.commit else {
        return format!("run {}", point.run_id);
    };
    let (hash, mark) = match commit.split_once('-') {
        Some((hash, mark)) => (hash, format!("-{mark}")),
        None => (commit.as_str(), String::new()),
    };
    let short: String = hash.chars().take(LETTERS).collect();
    format!("{short}{mark}")
}

/// `412 KiB to 530 KiB (+28.6 %)`.
fn told(figure: Figure, change: &LevelChange) -> String {
    let levels = format!("{} to {}", figure.told(change.from), figure.told(change.to));
    match change.from {
        0.0 => levels,
        from => format!(
            "{levels} ({:+.1} %)",
            (change.to - from) / from.abs() * 100.0
        ),
    }
}
