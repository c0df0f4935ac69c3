//! From a verdict and its recording to the report's model.

use super::curves::READINGS;
use super::model::{GateReport, RunReport, ScenarioReport, SeriesSummary};
use crate::judge::{JudgedGate, RunVerdict, ScenarioVerdict};
use crate::record::event::{Event, Line, Phase, RunStarted, Sample, ScenarioStarted};

/// The version of `run.json`.
const SCHEMA: u32 = 1;

/// Sites reported that do not grow: those that keep most.
const HELD_MAX: usize = 16;

/// The readings that `run.json` has in short.
const SUMMARISED: [&str; 6] = [
    "heap.live",
    "rss",
    "fds",
    "threads",
    "children",
    "disk.files",
];

/// The report of a run: its verdict beside what the recording says about how it was obtained. `verdict` is that of
/// `lines`: the same scenarios in the same order.
pub fn from(verdict: &RunVerdict, lines: &[Line]) -> RunReport {
    let started = lines.iter().find_map(|line| match &line.event {
        Event::RunStarted(started) => Some(started),
        _ => None,
    });
    let finished = lines.iter().rev().find_map(|line| match line.event {
        Event::RunFinished {
            duration_ms,
            harness_cpu_ms,
        } => Some((duration_ms, harness_cpu_ms)),
        _ => None,
    });
    let scenarios: Vec<ScenarioReport> = parts(lines)
        .zip(&verdict.scenarios)
        .map(|((started, lines), verdict)| scenario(started, lines, verdict))
        .collect();
    let (duration_ms, harness_cpu_ms) =
        finished.unwrap_or((lines.last().map_or(0, |line| line.t_ms), 0));
    RunReport {
        schema: SCHEMA,
        verdict: verdict.verdict,
        detail: verdict.detail.clone(),
        run_id: text(started, |run| &run.run_id),
        leakgate: text(started, |run| &run.leakgate),
        commit: started.and_then(|run| run.commit.clone()),
        binary_sha256: agreed(scenarios.iter().map(|s| s.binary_sha256.as_ref())),
        allocator: agreed(scenarios.iter().map(|s| s.allocator.as_ref())),
        kernel: text(started, |run| &run.kernel),
        cpus: started.map_or(0, |run| run.cpus),
        seed: started.map_or(0, |run| run.seed),
        shard: started.and_then(|run| run.shard.clone()),
        quick: started.is_some_and(|run| run.quick),
        false_alarms: started.map(|run| run.budget).unwrap_or_default(),
        duration_ms,
        harness_cpu_ms,
        scenarios,
    }
}

fn text(started: Option<&RunStarted>, field: impl Fn(&RunStarted) -> &String) -> String {
    started.map(|run| field(run).clone()).unwrap_or_default()
}

/// The value that all scenarios with one share; none when they differ.
fn agreed<'s>(values: impl Iterator<Item = Option<&'s String>>) -> Option<String> {
    let mut values = values.flatten();
    let first = values.next()?;
    values.all(|value| value == first).then(|| first.clone())
}

/// Each scenario's start, and the lines from it up to the next.
pub(super) fn parts(lines: &[Line]) -> impl Iterator<Item = (&ScenarioStarted, &[Line])> {
    lines.iter().enumerate().filter_map(|(index, line)| {
        let Event::ScenarioStarted(started) = &line.event else {
            return None;
        };
        let rest = &lines[index + 1..];
        let end = rest
            .iter()
            .position(|line| matches!(line.event, Event::ScenarioStarted(_)))
            .unwrap_or(rest.len());
        Some((started, &rest[..end]))
    })
}

fn scenario(
    started: &ScenarioStarted,
    lines: &[Line],
    verdict: &ScenarioVerdict,
) -> ScenarioReport {
    let shipped = shipped(lines);
    let target = shipped.iter().find_map(|event| match event {
        Event::TargetStarted(target) => Some(target),
        _ => None,
    });
    let samples: Vec<&Sample> = shipped
        .iter()
        .filter_map(|event| match event {
            Event::Sample(sample) => Some(sample.as_ref()),
            _ => None,
        })
        .collect();
    let warmup = shipped.iter().filter(
        |event| matches!(event, Event::CycleFinished(cycle) if cycle.phase == Phase::Warmup),
    );
    let profiles = lines.iter().filter_map(|line| match &line.event {
        Event::ProfileWindow(window) => Some(window.path.clone()),
        _ => None,
    });
    let not_profiled = lines.iter().find_map(|line| match &line.event {
        Event::NotProfiled(not) => Some(not.reason.clone()),
        _ => None,
    });
    ScenarioReport {
        name: started.name.clone(),
        sha256: started.sha256.clone(),
        question: started.question.clone(),
        target: started.target.clone(),
        verdict: verdict.verdict,
        failure: verdict.failure,
        detail: verdict.detail.clone(),
        cycles: verdict.cycles,
        warmup: u32::try_from(warmup.count()).unwrap_or(u32::MAX),
        duration_ms: verdict.duration_ms,
        binary_sha256: target.and_then(|target| target.binary_sha256.clone()),
        allocator: target.and_then(|target| target.allocator.clone()),
        gates: verdict.gates.iter().map(gate).collect(),
        sites: verdict.sites.clone(),
        held: verdict.held.iter().take(HELD_MAX).cloned().collect(),
        objects: verdict.objects.clone(),
        profiles: profiles.collect(),
        not_profiled,
        series: series(&samples),
        attributions: verdict.attributions.clone(),
    }
}

/// The events of the build that ships: those after its start, and none of a dhat build.
pub(super) fn shipped(lines: &[Line]) -> Vec<&Event> {
    let mut ships = true;
    lines
        .iter()
        .map(|line| &line.event)
        .filter(|event| {
            if let Event::TargetStarted(target) = event {
                ships = !target.dhat;
            }
            ships
        })
        .collect()
}

fn gate(gate: &JudgedGate) -> GateReport {
    GateReport {
        metric: gate.metric.name().to_owned(),
        kind: gate.kind,
        unit: gate.unit,
        limit: gate.limit,
        overridden: gate.overridden,
        file_limit: gate.file_limit,
        loosened: gate.loosened,
        observed: gate.observed,
        sensitivity: gate.sensitivity,
        verdict: gate.verdict,
        per_day: gate.per_day,
        detail: gate.detail.clone(),
        owner: gate.owner.clone(),
    }
}

fn series(samples: &[&Sample]) -> Vec<SeriesSummary> {
    let baseline = samples.iter().rev().find(|s| s.phase != Phase::Measure);
    let Some(baseline) = baseline else {
        return Vec::new();
    };
    READINGS
        .into_iter()
        .filter(|(name, ..)| SUMMARISED.contains(name))
        .filter_map(|(name, unit, reading)| {
            let measured = samples.iter().filter(|s| s.phase == Phase::Measure);
            let values: Vec<u64> = measured.filter_map(|sample| reading(sample)).collect();
            Some(SeriesSummary {
                name: name.to_owned(),
                unit,
                baseline: reading(baseline)?,
                min: *values.iter().min()?,
                max: *values.iter().max()?,
                last: *values.last()?,
            })
        })
        .collect()
}

pub(super) fn sum<'s>(counts: impl Iterator<Item = &'s u32>) -> u64 {
    counts.copied().map(u64::from).sum()
}
