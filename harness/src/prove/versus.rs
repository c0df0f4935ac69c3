//! What the tools that people use today find of the same bugs, beside leakgate.

use comfy_table::{Table, presets};
use maud::{Markup, html};

use super::proof::{Outcome, Proof, Proven};
use super::tools::{Said, Tool};
use crate::report::text;

/// A table: the tools as columns, a row per bug that was put to them.
struct Versus {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// How many were found, false alarms, how long the runs took.
    sums: Vec<Vec<String>>,
}

/// As text.
pub(super) fn terminal(proof: &Proof) -> String {
    let versus = Versus::of(proof);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(&versus.header);
    for row in versus.rows.iter().chain(&versus.sums) {
        table.add_row(row);
    }
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// In Markdown; empty when no tool was asked for.
pub(super) fn markdown(proof: &Proof) -> String {
    if proof.tools.is_empty() {
        return String::new();
    }
    let versus = Versus::of(proof);
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut table = line(&versus.header);
    table.push_str(&format!("|{}\n", "---|".repeat(versus.header.len())));
    for row in versus.rows.iter().chain(&versus.sums) {
        table.push_str(&line(row));
    }
    for missing in &proof.tools_missing {
        table.push_str(&format!("\n{missing}.\n"));
    }
    table
}

/// For the page; nothing when no tool was asked for.
pub(super) fn page(proof: &Proof) -> Markup {
    if proof.tools.is_empty() {
        return html! {};
    }
    let versus = Versus::of(proof);
    html! {
        h3 { "The same bugs under other tools" }
        div class="wide" { table {
            thead { tr { @for cell in &versus.header { th { (cell) } } } }
            tbody { @for row in &versus.rows { tr { @for cell in row { td { (cell) } } } } }
            tfoot { @for row in &versus.sums { tr { @for cell in row { th { (cell) } } } } }
        } }
        @for missing in &proof.tools_missing { p.question { (missing) "." } }
    }
}

impl Versus {
    fn of(proof: &Proof) -> Self {
        let names = proof.tools.iter().map(|tool| tool.name().to_owned());
        let compared: Vec<&Proven> = proof
            .fixtures
            .iter()
            .filter(|bug| is_compared(bug))
            .collect();
        let rows = compared.iter().map(|bug| {
            let leakgate = match bug.outcome {
                Outcome::Caught => format!("found: {}", bug.metrics.join(", ")),
                outcome => outcome.words().to_owned(),
            };
            let tools = proof.tools.iter().map(|tool| cell(said(bug, *tool)));
            [bug.name.clone(), leakgate]
                .into_iter()
                .chain(tools)
                .collect()
        });
        Self {
            header: ["bug".to_owned(), "leakgate".to_owned()]
                .into_iter()
                .chain(names)
                .collect(),
            rows: rows.collect(),
            sums: vec![
                found(proof, &compared),
                false_alarms(proof),
                took(proof, &compared),
            ],
        }
    }
}

/// Whether the tools looked at it: a bug that a test catches has no load to run under them.
fn is_compared(bug: &Proven) -> bool {
    bug.trials
        .first()
        .is_some_and(|trial| !trial.tools.is_empty())
}

fn said(bug: &Proven, tool: Tool) -> Option<&Said> {
    bug.trials
        .first()?
        .tools
        .iter()
        .find(|said| said.tool == tool)
}

fn cell(said: Option<&Said>) -> String {
    match said {
        None => String::new(),
        Some(said) => match said.found {
            Some(true) => format!("found: {}", said.words),
            Some(false) => format!("- ({})", said.words),
            None => format!("no answer: {}", said.words),
        },
    }
}

fn found(proof: &Proof, compared: &[&Proven]) -> Vec<String> {
    let of = |count: usize| format!("{count} of {}", compared.len());
    let leakgate = compared
        .iter()
        .filter(|bug| bug.outcome == Outcome::Caught)
        .count();
    let tools = proof.tools.iter().map(|tool| {
        let found = |bug: &&&Proven| said(bug, *tool).is_some_and(|said| said.found == Some(true));
        of(compared.iter().filter(found).count())
    });
    ["found".to_owned(), of(leakgate)]
        .into_iter()
        .chain(tools)
        .collect()
}

fn false_alarms(proof: &Proof) -> Vec<String> {
    let clean: Vec<_> = proof
        .clean
        .iter()
        .filter(|trial| !trial.tools.is_empty())
        .collect();
    let of = |count: usize| format!("{count} of {}", clean.len());
    let not_clean = proof
        .not_clean()
        .filter(|trial| !trial.tools.is_empty())
        .count();
    let tools = proof.tools.iter().map(|tool| {
        let all = clean.iter().flat_map(|trial| &trial.tools);
        of(all
            .filter(|said| said.tool == *tool && said.found == Some(true))
            .count())
    });
    ["false alarms".to_owned(), of(not_clean)]
        .into_iter()
        .chain(tools)
        .collect()
}

fn took(proof: &Proof, compared: &[&Proven]) -> Vec<String> {
    let first = |bug: &&Proven| bug.trials.first().map_or(0, |trial| trial.duration_ms);
    let leakgate = compared.iter().map(first).sum();
    let tools = proof.tools.iter().map(|tool| {
        let took = |bug: &&Proven| said(bug, *tool).map_or(0, |said| said.duration_ms);
        text::duration(compared.iter().map(took).sum())
    });
    ["runs took".to_owned(), text::duration(leakgate)]
        .into_iter()
        .chain(tools)
        .collect()
}
