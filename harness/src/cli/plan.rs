//! `leakgate plan`: exactly what a scenario will do, before it does anything.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::workspace::{config, scenario_failure};
use super::{Failure, output};
use crate::scenario::{
    self, At, Gate, MetricUnit, Part, Random, Scenario, Step, Variable, Warmup, When,
};
use crate::template::Values;
use crate::units::{Bytes, milliseconds};

/// Measured cycles that are shown where none is asked for: the first two and those that differ by name.
const SPECIAL_MAX: usize = 4;

/// What `leakgate plan` takes.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PlanArguments {
    /// A name in scenarios/, or the path of a scenario file
    scenario: String,
    /// The file that names the targets [default: leakgate.toml here or in a directory above]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Show this measured cycle; may be given several times [default: the first two and special ones]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    cycle: Vec<u32>,
    /// Draw random values as a run with this seed does
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// For machines
    #[arg(long)]
    json: bool,
}

/// Prints the plan.
pub(super) fn plan(arguments: &PlanArguments) -> Result<u8, Failure> {
    let config = config(arguments.config.as_deref())?;
    let scenario = scenario::find(&arguments.scenario, &config.root.join("scenarios"))
        .map_err(scenario_failure)?;
    let cycles = cycles(&scenario, &arguments.cycle)?;
    let known = Values::new().words("emit", &["{emit}".to_owned()]);
    let mut unrolled = Vec::new();
    for cycle in cycles {
        let at = At::measured(cycle);
        let parts = scenario
            .cycle(at, arguments.seed, &known)
            .map_err(Failure::usage)?;
        unrolled.push((at, lines(&parts)));
    }
    if arguments.json {
        return output::json(&document(&scenario, arguments.seed, &unrolled));
    }
    let mut text = head(&scenario, arguments.seed);
    for (at, lines) in &unrolled {
        text.push('\n');
        text.push_str(&cycle_text(
            *at,
            &values(&scenario, *at, arguments.seed),
            lines,
        ));
    }
    output::text(&text)
}

/// The measured cycles to show: those asked for, or the first two and the first that steps single out.
fn cycles(scenario: &Scenario, asked: &[u32]) -> Result<Vec<u32>, Failure> {
    let most = scenario.cycles.max;
    if let Some(beyond) = asked.iter().find(|&&cycle| cycle > most) {
        return Err(Failure::usage(format!(
            "--cycle {beyond}: `{}` has {most} measured cycles",
            scenario.name
        )));
    }
    if !asked.is_empty() {
        return Ok(asked.to_vec());
    }
    let mut special: Vec<u32> = scenario
        .steps
        .iter()
        .flat_map(|step| match &step.when {
            When::Only(cycles) | When::Except(cycles) => cycles.clone(),
            When::Every(n) | When::ExceptEvery(n) => vec![*n],
            When::Always => Vec::new(),
        })
        .filter(|&cycle| cycle > 2 && cycle <= most)
        .collect();
    special.sort_unstable();
    special.dedup();
    special.truncate(SPECIAL_MAX);
    Ok([1, 2].into_iter().chain(special).collect())
}

fn head(scenario: &Scenario, seed: u64) -> String {
    let cycles = scenario.cycles;
    let warmup = match cycles.warmup {
        Warmup::Auto => format!(
            "until the readings stand still, at most {} cycles",
            Warmup::AUTO_MAX
        ),
        Warmup::Fixed(cycles) => format!("{cycles} cycles"),
    };
    let mut measure = format!("{} cycles", cycles.measure);
    if cycles.max > cycles.measure {
        let _ = write!(
            measure,
            ", up to {} where they do not say enough",
            cycles.max
        );
    }
    let mut rows = vec![
        ("scenario", scenario.name.clone()),
        ("question", scenario.question.clone()),
        ("target", scenario.target.clone()),
        ("suite", suite(scenario).to_owned()),
        ("warm-up", warmup),
        (
            "measured",
            format!("{measure}; {} with --quick", cycles.quick),
        ),
        (
            "profiled",
            format!(
                "windows of {} and {} cycles",
                cycles.profile,
                2 * cycles.profile
            ),
        ),
        ("deadline", duration(scenario.deadline)),
    ];
    if let Some(within) = cycles.within {
        rows.push(("each cycle", format!("within {}", duration(within))));
    }
    for (number, gate) in scenario.gates.iter().enumerate() {
        let title = if number == 0 { "gates" } else { "" };
        let name = gate.metric.name();
        rows.push((title, format!("{name:<15} at most {}", limit(gate))));
    }
    let mut titled = false;
    for (name, variable) in scenario.variables.iter() {
        let title = if titled { "" } else { "variables" };
        titled = true;
        rows.push((title, format!("{{{name}}} {}", variable_text(variable))));
    }
    if scenario
        .variables
        .iter()
        .any(|(_, variable)| matches!(variable, Variable::Random(_)))
    {
        rows.push(("seed", seed.to_string()));
    }
    let lines = rows
        .iter()
        .map(|(name, value)| format!("{name:<11}{value}\n"));
    lines.collect()
}

fn limit(gate: &Gate) -> String {
    match gate.metric.unit() {
        MetricUnit::Bytes => Bytes(gate.limit).to_string(),
        MetricUnit::BytesPerCycle => format!("{} per cycle", Bytes(gate.limit)),
        MetricUnit::BytesPerSecond => format!("{}/s", Bytes(gate.limit)),
        MetricUnit::Milliseconds => duration(Duration::from_millis(gate.limit)),
        MetricUnit::Percent => format!("{} %", gate.limit),
        MetricUnit::Count => gate.limit.to_string(),
    }
}

fn suite(scenario: &Scenario) -> &'static str {
    let mut choices = scenario::Suite::CHOICES.into_iter();
    let found = choices.find(|(_, suite)| *suite == scenario.suite);
    found.map_or("", |(name, _)| name)
}

fn variable_text(variable: &Variable) -> String {
    match variable {
        Variable::Fixed(text) => format!("is {text}"),
        Variable::Vary(texts) => format!("is, from cycle to cycle: {}", texts.join(", ")),
        Variable::Random(Random::Bytes(from, to)) => {
            format!("is drawn from {}B to {}B", from.0, to.0)
        }
        Variable::Random(Random::Integer(from, to)) => format!("is drawn from {from} to {to}"),
        Variable::Random(Random::Duration(from, to)) => format!("is drawn from {from}ms to {to}ms"),
        Variable::Random(Random::Choice(texts)) => format!("is drawn from {}", texts.join(", ")),
    }
}

/// What the variables are in one cycle, where they are not the same in all.
fn values(scenario: &Scenario, at: At, seed: u64) -> Vec<(String, String)> {
    let values = scenario.variables.of(&scenario.name, at, seed);
    let changing = scenario
        .variables
        .iter()
        .filter(|(_, variable)| !matches!(variable, Variable::Fixed(_)));
    changing
        .map(|(name, _)| {
            (
                name.to_owned(),
                crate::template::expand(&format!("{{{name}}}"), &values),
            )
        })
        .collect()
}

/// One line of a cycle.
struct Row {
    place: String,
    depth: usize,
    text: String,
    within: Option<Duration>,
}

fn lines(parts: &[Part]) -> Vec<Row> {
    let mut rows = Vec::new();
    add_parts(parts, 0, &mut rows);
    rows
}

fn add_parts(parts: &[Part], depth: usize, rows: &mut Vec<Row>) {
    let block = |place: &scenario::Place, text: String, within, rows: &mut Vec<Row>| {
        rows.push(Row {
            place: place.to_string(),
            depth,
            text,
            within,
        });
    };
    for part in parts {
        match part {
            Part::Step(step) => block(&step.place, step_text(step), Some(step.within), rows),
            Part::Repeat(repeat) => {
                let text = format!("repeat, {} rounds", repeat.parts.len());
                block(&repeat.place, text, repeat.within, rows);
                for round in &repeat.parts {
                    add_parts(round, depth + 1, rows);
                }
            }
            Part::Group(group) => {
                block(
                    &group.place,
                    format!("group {}", group.name),
                    group.within,
                    rows,
                );
                add_parts(&group.parts, depth + 1, rows);
            }
            Part::Parallel(parallel) => {
                let text = format!("at the same time, {} branches", parallel.parts.len());
                block(&parallel.place, text, parallel.within, rows);
                for branch in &parallel.parts {
                    block(&parallel.place, format!("- {}", branch.name), None, rows);
                    add_parts(&branch.parts, depth + 2, rows);
                }
            }
        }
    }
}

fn step_text(step: &Step) -> String {
    let mut text = step.action.to_string();
    if let Some(error) = &step.expect_error {
        let _ = write!(text, ", expecting the error {error}");
    }
    text
}

fn cycle_text(at: At, values: &[(String, String)], rows: &[Row]) -> String {
    let mut text = at.to_string();
    for (name, value) in values {
        let _ = write!(text, "  {{{name}}} = {value}");
    }
    text.push('\n');
    let places = rows.iter().map(|row| row.place.chars().count());
    let width = places.max().unwrap_or(0);
    for row in rows {
        let indent = "  ".repeat(row.depth);
        let within = row
            .within
            .map(|within| format!("  (within {})", duration(within)))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "  {:<width$}  {indent}{}{within}",
            row.place, row.text
        );
    }
    text
}

fn duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// The same for machines.
fn document(scenario: &Scenario, seed: u64, cycles: &[(At, Vec<Row>)]) -> Value {
    let gates = scenario.gates.iter().map(|gate| {
        json!({"metric": gate.metric.name(), "limit": gate.limit, "overridden": gate.overridden})
    });
    let cycles = cycles.iter().map(|(at, rows)| {
        let steps = rows.iter().map(|row| {
            json!({"at": row.place, "depth": row.depth, "does": row.text,
                   "within_ms": row.within.map(milliseconds)})
        });
        let values = values(scenario, *at, seed);
        json!({"cycle": at.cycle, "values": values.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
               "steps": steps.collect::<Vec<_>>()})
    });
    let all = scenario.cycles;
    json!({
        "schema": 1,
        "name": scenario.name,
        "sha256": scenario.sha256,
        "question": scenario.question,
        "target": scenario.target,
        "suite": suite(scenario),
        "seed": seed,
        "warmup": match all.warmup { Warmup::Auto => json!("auto"), Warmup::Fixed(cycles) => json!(cycles) },
        "measure": all.measure,
        "max": all.max,
        "quick": all.quick,
        "profile": all.profile,
        "deadline_ms": milliseconds(scenario.deadline),
        "cycle_within_ms": all.within.map(milliseconds),
        "gates": gates.collect::<Vec<_>>(),
        "cycles": cycles.collect::<Vec<_>>(),
    })
}
