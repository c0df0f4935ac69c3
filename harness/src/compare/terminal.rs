//! A comparison as a person at a terminal reads it.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};

use super::{ComparedScenario, Comparison, Difference, Outcome};
use crate::judge::Verdict;
use crate::report::terminal::{Paint, note, painted};
use crate::report::text;
use crate::style::Style;

/// Writes scenario by scenario, and what it all comes to last, where the eye is.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write(comparison: &Comparison, style: Style, out: &mut dyn Write) -> io::Result<()> {
    for scenario in &comparison.scenarios {
        write_scenario(scenario, style, out)?;
        writeln!(out)?;
    }
    let word = comparison.outcome.word().to_uppercase();
    let duration = text::duration(comparison.duration_ms);
    writeln!(
        out,
        "{}  {}, {} runs of each, {duration}",
        painted(&word, paint(comparison.outcome), style),
        tally(comparison),
        comparison.runs
    )?;
    note("", &sureness(comparison), style, out)?;
    if comparison.base.sha256 == comparison.head.sha256 {
        note("", "base and head are the same file", style, out)?;
    }
    Ok(())
}

fn write_scenario(
    scenario: &ComparedScenario,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let word = scenario.outcome.word().to_uppercase();
    writeln!(
        out,
        "{}  {}",
        painted(&word, paint(scenario.outcome), style),
        scenario.name
    )?;
    note("", &scenario.question, style, out)?;
    if !scenario.detail.is_empty() {
        note("", &scenario.detail, style, out)?;
    }
    for told in leaks(scenario) {
        note("", &told, style, out)?;
    }
    if !scenario.figures.is_empty() {
        write_figures(&scenario.figures, style, out)?;
    }
    Ok(())
}

/// The figures, those that differ first.
fn write_figures(figures: &[Difference], style: Style, out: &mut dyn Write) -> io::Result<()> {
    let sorted = by_urgency(figures);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "",
        "figure",
        "base",
        "head",
        "difference",
        "surely within",
        "would have seen",
    ]);
    for figure in &sorted {
        let what = figure.figure;
        table.add_row([
            cell(figure.outcome).to_owned(),
            what.name().to_owned(),
            what.told(figure.base),
            what.told(figure.head),
            difference(figure),
            interval(figure),
            seen(figure),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    // Every cell is one line, so the lines are the header's and one for each figure.
    let outcomes = std::iter::once(None).chain(sorted.iter().map(|figure| Some(figure.outcome)));
    for (line, outcome) in table.lines().zip(outcomes) {
        let line = line.trim_end();
        match outcome {
            None => writeln!(out, " {}", painted(line, Paint::Dim, style))?,
            Some(outcome) => {
                let word = cell(outcome);
                let painted = painted(word, paint(outcome), style);
                writeln!(out, " {}", line.replacen(word, &painted, 1))?;
            }
        }
    }
    Ok(())
}

/// What stands before a figure: a mark where there is something to see.
fn cell(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Same => "-",
        other => other.word(),
    }
}

/// The smallest difference that would have been called worse.
pub(super) fn seen(figure: &Difference) -> String {
    match figure.would_have_seen {
        smallest if figure.figure.is_whole() => figure.figure.told(smallest.ceil().max(1.0)),
        0.0 => "any".to_owned(),
        smallest => figure.figure.told(smallest),
    }
}

/// Those that need a person first.
pub(super) fn by_urgency(figures: &[Difference]) -> Vec<&Difference> {
    let mut sorted: Vec<&Difference> = figures.iter().collect();
    sorted.sort_by_key(|figure| std::cmp::Reverse(figure.outcome));
    sorted
}

/// `+18 KiB (+3.5 %)`; a difference from nothing has no share.
pub(super) fn difference(figure: &Difference) -> String {
    let told = signed(figure, figure.difference);
    if figure.base == 0.0 || figure.difference == 0.0 {
        return told;
    }
    format!(
        "{told} ({:+.1} %)",
        figure.difference / figure.base.abs() * 100.0
    )
}

/// `+17 KiB to +19 KiB`.
pub(super) fn interval(figure: &Difference) -> String {
    match figure.low == figure.high {
        true => "exactly that".to_owned(),
        false => format!(
            "{} to {}",
            signed(figure, figure.low),
            signed(figure, figure.high)
        ),
    }
}

fn signed(figure: &Difference, value: f64) -> String {
    let told = text::estimate(figure.figure.unit(), value);
    let plus = if value > 0.0 { "+" } else { "" };
    format!("{plus}{told}")
}

/// What the scenario's own gates say of the runs, where any of them is red.
pub(super) fn leaks(scenario: &ComparedScenario) -> Vec<String> {
    let sides = [("base", &scenario.base), ("head", &scenario.head)];
    let red = sides.into_iter().filter_map(|(side, runs)| {
        let red = runs
            .iter()
            .filter(|run| run.verdict == Verdict::Leak)
            .count();
        let all = runs.len();
        (red > 0)
            .then(|| format!("{side} leaks by the scenario's own gates in {red} of {all} runs"))
    });
    red.collect()
}

/// `2 scenarios, 26 figures: 1 worse, 25 no difference`.
pub(super) fn tally(comparison: &Comparison) -> String {
    let plural = |count: usize, what: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {what}{plural}")
    };
    let counted: Vec<String> = [Outcome::Worse, Outcome::Better, Outcome::Same]
        .into_iter()
        .filter_map(|wanted| {
            let figures = comparison.figures();
            let count = figures.filter(|figure| figure.outcome == wanted).count();
            (count > 0).then(|| format!("{count} {}", wanted.word()))
        })
        .collect();
    let after = if counted.is_empty() { "" } else { ": " };
    format!(
        "{}, {}{after}{}",
        plural(comparison.scenarios.len(), "scenario"),
        plural(comparison.figures().count(), "figure"),
        counted.join(", ")
    )
}

/// How often a comparison is wrong, and what it lets pass.
pub(super) fn sureness(comparison: &Comparison) -> String {
    let one_in = |error: f64| (1.0 / error).round();
    let margin = match comparison.margin_percent {
        0.0 => String::new(),
        margin => format!("; up to {margin} % of the base is no difference (--margin)"),
    };
    format!(
        "False alarms: a binary compared with itself is called worse or better in at most 1 of {} comparisons, \
         which {} intervals share{margin}",
        one_in(comparison.false_alarms),
        comparison.intervals,
    )
}

fn paint(outcome: Outcome) -> Paint {
    match outcome {
        Outcome::Worse => Paint::Bad,
        Outcome::Better => Paint::Good,
        Outcome::Inconclusive => Paint::Unclear,
        Outcome::Same => Paint::Dim,
    }
}
