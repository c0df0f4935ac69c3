//! The trend as a person at a terminal reads it: a small picture of each figure, and where it stepped.

use std::io::{self, Write};

use super::{FigureTrend, ScenarioTrend, Trend, commit_of, told};
use crate::report::spark::spark;
use crate::report::terminal::{Paint, note, painted};
use crate::style::Style;

/// Columns of a picture.
const SPARK: usize = 40;
/// Columns of a figure's name.
const NAME: usize = 13;

/// Writes scenario by scenario; what never changed in one line.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write(trend: &Trend, style: Style, out: &mut dyn Write) -> io::Result<()> {
    for scenario in &trend.scenarios {
        write_scenario(scenario, style, out)?;
        writeln!(out)?;
    }
    let steps = trend.scenarios.iter().flat_map(|s| &s.figures);
    let steps: usize = steps.map(|figure| figure.changes.len()).sum();
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    writeln!(
        out,
        "{} run{}, {steps} step{}",
        trend.runs,
        plural(trend.runs as usize),
        plural(steps)
    )?;
    let one_in = (1.0 / trend.false_alarms).round();
    let told = format!(
        "False alarms: where nothing ever changes, any step is shown in at most 1 of {one_in} such stores; {} series share that",
        trend.series
    );
    note("", &told, style, out)
}

fn write_scenario(scenario: &ScenarioTrend, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let left_out = match scenario.left_out {
        0 => String::new(),
        count => {
            format!(", {count} of another text, target, length or number of processors left out")
        }
    };
    writeln!(
        out,
        "{}  {} runs{left_out}",
        scenario.name,
        scenario.points.len()
    )?;
    let (flat, moving): (Vec<_>, Vec<_>) = scenario
        .figures
        .iter()
        .partition(|figure| constant(figure).is_some());
    for figure in moving {
        write_figure(figure, style, out)?;
    }
    let flat: Vec<String> = flat
        .iter()
        .filter_map(|figure| {
            let told = figure.figure.told(constant(figure)?);
            Some(format!("{} {told}", figure.figure.name()))
        })
        .collect();
    match flat.is_empty() {
        true => Ok(()),
        false => note("", &format!("unchanged: {}", flat.join(", ")), style, out),
    }
}

fn write_figure(figure: &FigureTrend, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let values: Vec<f64> = figure.values.iter().flatten().copied().collect();
    let ends = values.first().zip(values.last());
    let told_ends = ends.map_or_else(String::new, |(first, last)| {
        format!(
            "{} to {}",
            figure.figure.told(*first),
            figure.figure.told(*last)
        )
    });
    writeln!(
        out,
        "  {:<NAME$}{:<SPARK$}  {told_ends}",
        figure.figure.name(),
        spark(&values, SPARK)
    )?;
    for change in &figure.changes {
        let paint = match change.to > change.from {
            true => Paint::Bad,
            false => Paint::Good,
        };
        let arrow = if change.to > change.from {
            "up"
        } else {
            "down"
        };
        writeln!(
            out,
            "  {:<NAME$}{} at {} (after {}): {}",
            "",
            painted(arrow, paint, style),
            commit_of(&change.run),
            commit_of(&change.after),
            told(figure.figure, change)
        )?;
    }
    Ok(())
}

/// The value that a figure has in all its runs; none where it changes.
pub(super) fn constant(figure: &FigureTrend) -> Option<f64> {
    let mut values = figure.values.iter().flatten();
    let first = *values.next()?;
    values.all(|value| *value == first).then_some(first)
}
