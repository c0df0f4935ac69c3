//! A summary as people read it: in the terminal and as Markdown.

use std::fmt::Write;

use comfy_table::{Table, presets};

use super::summary::{KindSummary, Outcomes, Summary};
use crate::rate::Rate;

const HEADER: [&str; 8] = [
    "seed",
    "sown",
    "right",
    "95 % interval",
    "wrong gate",
    "missed",
    "unclear",
    "mean",
];

/// The summary for the terminal.
pub(super) fn terminal(summary: &Summary) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(HEADER);
    for kind in &summary.kinds {
        table.add_row(row(kind));
    }
    let mut text = String::new();
    for line in table.lines() {
        let _ = writeln!(text, "{}", line.trim_end()); // a String takes every write
    }
    let _ = writeln!(text, "\n{}", conclusion(summary));
    text
}

/// The summary as a document of its own.
pub(super) fn markdown(summary: &Summary) -> String {
    let mut text = format!(
        "# Self-test of leakgate on {}\n\nScenario `{}`, {} measured cycles a run.\n\n",
        summary.target, summary.scenario, summary.cycles
    );
    let _ = writeln!(text, "| {} |", HEADER.join(" | "));
    let _ = writeln!(text, "|{}", "---|".repeat(HEADER.len()));
    for kind in &summary.kinds {
        let _ = writeln!(text, "| {} |", row(kind).join(" | "));
    }
    let _ = writeln!(text, "\n{}", conclusion(summary));
    text
}

fn row(kind: &KindSummary) -> [String; 8] {
    let missed = match kind.watched_by {
        Some(_) => kind.missed.to_string(),
        None => "-".to_owned(),
    };
    let wrong = match kind.watched_by {
        Some(_) => kind.wrong_metric,
        None => kind.false_alarms,
    };
    let seconds = format!("{}.{} s", kind.mean_ms / 1000, kind.mean_ms % 1000 / 100);
    [
        kind.kind.to_string(),
        kind.sown.clone(),
        match (&kind.watched_by, kind.right) {
            (Some(_), Some(Rate { count, of, .. })) => format!("caught {count} of {of}"),
            (None, Some(Rate { count, of, .. })) => format!("quiet {count} of {of}"),
            (_, None) => "no baseline".to_owned(),
        },
        kind.right.map_or_else(|| "-".to_owned(), interval),
        wrong.to_string(),
        missed,
        kind.inconclusive.to_string(),
        seconds,
    ]
}

fn interval(rate: Rate) -> String {
    format!("{:.1} to {:.1} %", rate.low * 100.0, rate.high * 100.0)
}

fn conclusion(summary: &Summary) -> String {
    let alarms = summary.false_alarms;
    let mut text = format!(
        "False alarms: {} of {} runs without a leak ({}); declared: at most {} %.\n",
        alarms.count,
        alarms.of,
        interval(alarms),
        summary.false_alarms_declared * 100.0
    );
    for minimum in &summary.minima {
        let _ = match minimum.dose {
            Some(dose) => writeln!(
                text,
                "Smallest {} caught in each of {} runs: {}.",
                minimum.kind,
                minimum.runs,
                minimum.kind.describe(dose)
            ),
            None => writeln!(text, "No {} was caught in every run.", minimum.kind),
        };
    }
    let _ = match summary.result {
        Outcomes::Pass => write!(text, "\nPASS  as good as declared"),
        Outcomes::Fail => write!(text, "\nFAIL  {}", summary.reasons.join("\n      ")),
        Outcomes::Inconclusive => write!(
            text,
            "\nINCONCLUSIVE  a run without a leak did not say that there is none"
        ),
    };
    text
}
