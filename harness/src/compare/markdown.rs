//! A comparison as Markdown: for a step summary or a comment on GitHub.

use std::fmt::Write as _;

use super::terminal::{by_urgency, difference, interval, leaks, seen, sureness, tally};
use super::{ComparedScenario, Comparison, Outcome};
use crate::report::markdown::escaped;

/// The whole comparison; what differs is open, the rest folded.
pub(crate) fn render(comparison: &Comparison) -> String {
    let mut text = format!(
        "# leakgate compare: {}\n\n{}, {} runs of each.\n",
        comparison.outcome.word(),
        tally(comparison),
        comparison.runs
    );
    for scenario in &comparison.scenarios {
        write_scenario(scenario, &mut text);
    }
    let short = |sha256: &str| sha256.chars().take(12).collect::<String>();
    let _ = write!(
        text,
        "\n{}.\n\n<sub>base {} ({}), head {} ({}), leakgate {}{}</sub>\n",
        sureness(comparison),
        escaped(&comparison.base.path),
        short(&comparison.base.sha256),
        escaped(&comparison.head.path),
        short(&comparison.head.sha256),
        comparison.leakgate,
        if comparison.quick { ", --quick" } else { "" }
    );
    text
}

fn write_scenario(scenario: &ComparedScenario, text: &mut String) {
    let open = match scenario.outcome {
        Outcome::Worse | Outcome::Inconclusive => " open",
        Outcome::Better | Outcome::Same => "",
    };
    let (name, question) = (escaped(&scenario.name), escaped(&scenario.question));
    let word = scenario.outcome.word();
    let _ = writeln!(
        text,
        "\n<details{open}>\n<summary><b>{name}</b>: {word}</summary>\n\n{question}"
    );
    let notes = std::iter::once(scenario.detail.clone()).chain(leaks(scenario));
    for told in notes.filter(|told| !told.is_empty()) {
        let _ = writeln!(text, "\n{}", escaped(&told));
    }
    if !scenario.figures.is_empty() {
        text.push_str(
            "\n| figure | | base | head | difference | surely within | would have seen |\n|---|---|---:|---:|---:|---:|---:|\n",
        );
    }
    for figure in by_urgency(&scenario.figures) {
        let what = figure.figure;
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {} | {} |",
            what.name(),
            match figure.outcome {
                Outcome::Worse => "**worse**",
                other => other.word(),
            },
            what.told(figure.base),
            what.told(figure.head),
            difference(figure),
            interval(figure),
            seen(figure)
        );
    }
    text.push_str("\n</details>\n");
}
