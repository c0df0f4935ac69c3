//! A survey as people read it.

use std::fmt::Write;

use comfy_table::{Table, presets};

use super::survey::{Row, Survey};
use crate::record::event::{GaugeKind, Outcome};

/// Scenarios that are named beside a gauge; more only tell that it is exercised well.
const NAMED_MAX: usize = 2;

/// The survey for the terminal: what is exercised by what, then what is not.
pub(super) fn terminal(survey: &Survey) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["gauge or count", "scenarios", ""]);
    for row in &survey.rows {
        table.add_row([
            row.name.clone(),
            row.scenarios.len().to_string(),
            named(row),
        ]);
    }
    let mut text = String::new();
    // A String takes every write.
    for line in table.lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.push('\n');
    for load in &survey.scenarios {
        if load.outcome != Outcome::Complete {
            let _ = writeln!(text, "{} did not run: {}", load.name, load.detail);
        } else if !load.told {
            let (name, target) = (&load.name, &load.target);
            let _ = writeln!(text, "{name} says nothing: target `{target}` has no probe");
        }
    }
    let _ = writeln!(text, "{}", conclusion(survey));
    text
}

fn named(row: &Row) -> String {
    let (first, rest) = row.scenarios.split_at(row.scenarios.len().min(NAMED_MAX));
    match (first, rest.len()) {
        ([], _) if row.excepted.is_some() => "excepted".to_owned(),
        ([], _) => format!("none ({})", row.site),
        (first, 0) => first.join(", "),
        (first, more) => format!("{} and {more} more", first.join(", ")),
    }
}

fn conclusion(survey: &Survey) -> String {
    let share = |counts: bool| {
        let rows = survey.rows.iter();
        let rows: Vec<_> = rows
            .filter(|row| (row.kind == GaugeKind::Count) == counts)
            .collect();
        let reached = rows.iter().filter(|row| !row.scenarios.is_empty());
        (reached.count(), rows.len())
    };
    let ((gauges, of_gauges), (counts, of_counts)) = (share(false), share(true));
    let mut text =
        format!("{gauges} of {of_gauges} gauges and {counts} of {of_counts} counts are exercised");
    let gaps: Vec<_> = survey.gaps().iter().map(|row| row.name.as_str()).collect();
    if !gaps.is_empty() {
        let _ = write!(text, "; by no scenario: {}", gaps.join(", "));
    }
    for row in &survey.rows {
        if let (Some(reason), true) = (&row.excepted, row.scenarios.is_empty()) {
            let _ = write!(text, "\n{} is excepted: {reason}", row.name);
        }
    }
    for row in survey.needless() {
        let (name, first) = (&row.name, &row.scenarios[0]);
        let _ = write!(
            text,
            "\n{name} is excepted in leakgate.toml, and {first} exercises it: take the exception out"
        );
    }
    text
}
