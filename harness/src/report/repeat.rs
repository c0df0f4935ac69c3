//! `repeat.json`: what repeated runs come to together, as rates with their intervals.

use std::collections::BTreeMap;
use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::RunReport;
use super::text;
use crate::exit_code;
use crate::judge::{Failure, GateVerdict, Verdict};
use crate::rate::Rate;
use crate::style::Style;

/// The version of this format.
const SCHEMA: u32 = 1;

/// One of the runs, in short; its own directory has all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepeatedRun {
    /// Its name, and that of its directory under `runs/`.
    pub run_id: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// Whether leakgate itself failed.
    pub internal: bool,
    /// Whole run, milliseconds.
    pub duration_ms: u64,
    /// SHA-256 of the target's binary, by scenario.
    pub binaries: BTreeMap<String, Option<String>>,
    /// What each gate came to, by scenario and metric.
    pub gates: BTreeMap<String, BTreeMap<String, GateVerdict>>,
}

impl RepeatedRun {
    /// A run in short.
    pub fn of(run: &RunReport) -> RepeatedRun {
        let binaries = run
            .scenarios
            .iter()
            .map(|scenario| (scenario.name.clone(), scenario.binary_sha256.clone()));
        let gates = run.scenarios.iter().map(|scenario| {
            let gates = scenario
                .gates
                .iter()
                .map(|gate| (gate.metric.clone(), gate.verdict));
            (scenario.name.clone(), gates.collect())
        });
        RepeatedRun {
            run_id: run.run_id.clone(),
            verdict: run.verdict,
            internal: run
                .scenarios
                .iter()
                .any(|scenario| scenario.failure == Some(Failure::Internal)),
            duration_ms: run.duration_ms,
            binaries: binaries.collect(),
            gates: gates.collect(),
        }
    }
}

/// A gate over all runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepeatedGate {
    /// Its scenario.
    pub scenario: String,
    /// Its metric.
    pub metric: String,
    /// How often it called a leak.
    pub leak: Rate,
    /// How often it gave no answer: inconclusive, withdrawn, unsupported, error, timeout.
    pub no_answer: Rate,
}

/// What repeated runs come to together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepeatReport {
    /// The version of this format.
    pub schema: u32,
    /// Runs that were asked for.
    pub wanted: u32,
    /// The worst of the runs.
    pub verdict: Verdict,
    /// How often a run called a leak.
    pub leak: Rate,
    /// How often a run gave no answer.
    pub no_answer: Rate,
    /// The gates.
    pub gates: Vec<RepeatedGate>,
    /// The runs, in order.
    pub runs: Vec<RepeatedRun>,
}

impl RepeatReport {
    /// What `runs`, of `wanted`, come to.
    pub fn of(wanted: u32, runs: Vec<RepeatedRun>) -> RepeatReport {
        let total = count(&runs, |_| true);
        RepeatReport {
            schema: SCHEMA,
            wanted,
            verdict: worst(&runs),
            leak: Rate::new(count(&runs, |run| run.verdict == Verdict::Leak), total),
            no_answer: Rate::new(count(&runs, |run| !answers(run.verdict)), total),
            gates: gates(&runs),
            runs,
        }
    }

    /// The exit code of the worst run.
    pub fn exit_code(&self) -> u8 {
        if self.runs.iter().any(|run| run.internal) {
            return exit_code::INTERNAL;
        }
        match self.verdict {
            Verdict::Pass | Verdict::Known => exit_code::PASS,
            Verdict::Leak => exit_code::LEAK,
            Verdict::Error => exit_code::TARGET_FAILED,
            Verdict::Timeout => exit_code::TIMED_OUT,
            Verdict::Inconclusive | Verdict::Withdrawn | Verdict::Skipped => {
                exit_code::INCONCLUSIVE
            }
        }
    }
}

fn count(runs: &[RepeatedRun], matches: impl Fn(&RepeatedRun) -> bool) -> u32 {
    u32::try_from(runs.iter().filter(|run| matches(run)).count()).unwrap_or(u32::MAX)
}

fn answers(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Pass | Verdict::Known | Verdict::Leak)
}

/// What needs a person first; nothing at all is no answer.
fn worst(runs: &[RepeatedRun]) -> Verdict {
    [
        Verdict::Leak,
        Verdict::Error,
        Verdict::Timeout,
        Verdict::Inconclusive,
        Verdict::Withdrawn,
        Verdict::Skipped,
        Verdict::Known,
        Verdict::Pass,
    ]
    .into_iter()
    .find(|verdict| runs.iter().any(|run| run.verdict == *verdict))
    .unwrap_or(Verdict::Inconclusive)
}

fn gates(runs: &[RepeatedRun]) -> Vec<RepeatedGate> {
    let mut verdicts: BTreeMap<(&str, &str), Vec<GateVerdict>> = BTreeMap::new();
    for run in runs {
        for (scenario, gates) in &run.gates {
            for (metric, &verdict) in gates {
                verdicts
                    .entry((scenario, metric))
                    .or_default()
                    .push(verdict);
            }
        }
    }
    verdicts
        .into_iter()
        .map(|((scenario, metric), verdicts)| {
            let rate = |matches: fn(&GateVerdict) -> bool| {
                let count = verdicts.iter().filter(|&verdict| matches(verdict)).count();
                let whole = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
                Rate::new(whole(count), whole(verdicts.len()))
            };
            RepeatedGate {
                scenario: scenario.to_owned(),
                metric: metric.to_owned(),
                leak: rate(|verdict| *verdict == GateVerdict::Leak),
                no_answer: rate(|verdict| {
                    !matches!(
                        verdict,
                        GateVerdict::Leak
                            | GateVerdict::Pass
                            | GateVerdict::Known
                            | GateVerdict::NotJudged
                    )
                }),
            }
        })
        .collect()
}

/// Writes the rates for a person: of the whole runs, and of every gate that was not always green.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &RepeatReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "leak", "no answer"]);
    table.add_row([
        "whole run".to_owned(),
        report.leak.to_string(),
        report.no_answer.to_string(),
    ]);
    let told = |gate: &&RepeatedGate| gate.leak.count > 0 || gate.no_answer.count > 0;
    for gate in report.gates.iter().filter(told) {
        table.add_row([
            format!("{} {}", gate.scenario, gate.metric),
            gate.leak.to_string(),
            gate.no_answer.to_string(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Left);
    }
    for line in table.lines() {
        writeln!(out, " {}", line.trim_end())?;
    }
    let quiet = report.gates.iter().filter(|gate| !told(gate)).count();
    if quiet > 0 {
        writeln!(
            out,
            "  {quiet} other gates called no leak and gave an answer, or were not judged by choice"
        )?;
    }
    let longest = report.runs.iter().map(|run| run.duration_ms).max();
    writeln!(
        out,
        "\n{}  {} of {} runs, the longest {}",
        super::terminal::run_word(report.verdict, style),
        report.runs.len(),
        report.wanted,
        text::duration(longest.unwrap_or(0))
    )
}
