//! The report as Markdown: a GitHub step summary or a comment.

use std::io::{self, Write};

use super::model::{GateReport, RunReport, ScenarioReport};
use super::text;
use crate::judge::{GrowingSite, Verdict};

/// Sites shown of a scenario; `run.json` has them all.
const SITES_SHOWN: usize = 10;
/// Letters shown of a detail: a comment holds 65,536 and a run has a few dozen details.
const DETAIL_MAX: usize = 500;

/// Writes the whole report: the verdict, a line per scenario, then each scenario, folded when it needs nobody.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let verdicts: Vec<Verdict> = report.scenarios.iter().map(|s| s.verdict).collect();
    writeln!(
        out,
        "# leakgate: {}\n\n{}, {}.",
        text::verdict(report.verdict),
        text::tally(&verdicts),
        text::duration(report.duration_ms)
    )?;
    if !report.detail.is_empty() {
        writeln!(out, "\n{}", escaped(&report.detail))?;
    }
    writeln!(
        out,
        "\n| scenario | verdict | cycles | time | what |\n|---|---|---:|---:|---|"
    )?;
    for scenario in &report.scenarios {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            escaped(&scenario.name),
            strong(scenario),
            scenario.cycles,
            text::duration(scenario.duration_ms),
            headline(scenario)
        )?;
    }
    for scenario in &report.scenarios {
        write_scenario(scenario, out)?;
    }
    write_environment(report, out)
}

/// The one thing to know about a scenario.
fn headline(scenario: &ScenarioReport) -> String {
    let red = |gate: &GateReport| format!("`{}` {}", gate.metric, text::observed(gate));
    escaped(&text::headline(scenario, red))
}

fn write_scenario(scenario: &ScenarioReport, out: &mut dyn Write) -> io::Result<()> {
    let quiet = scenario.needs_nobody();
    let open = if quiet { "" } else { " open" };
    let (name, question) = (escaped(&scenario.name), escaped(&scenario.question));
    let word = text::verdict(scenario.verdict);
    writeln!(
        out,
        "\n<details{open}>\n<summary><b>{name}</b>: {word}</summary>\n\n{question}"
    )?;
    if !scenario.detail.is_empty() {
        writeln!(out, "\n{}", escaped(&scenario.detail))?;
    }
    if !text::nothing_observed(scenario) {
        write_gates(scenario, out)?;
    }
    let attributions: Vec<String> = scenario
        .attributions
        .iter()
        .filter_map(text::attribution)
        .collect();
    if !attributions.is_empty() {
        writeln!(out, "\nBy load: {}.", escaped(&attributions.join("; ")))?;
    }
    if !scenario.objects.is_empty() {
        writeln!(out, "\nWhat came with the measured cycles:\n")?;
        for object in &scenario.objects {
            let told = text::object(object, |name| format!("`{}`", name.replace('`', "'")));
            writeln!(out, "- `{}`: {}", object.metric, escaped(&told))?;
        }
    }
    if !scenario.sites.is_empty() {
        write_sites(&scenario.sites, out)?;
    }
    if let Some(reason) = &scenario.not_profiled {
        writeln!(out, "\nNot profiled: {}.", escaped(reason))?;
    }
    if !scenario.profiles.is_empty() {
        writeln!(out, "\nProfiles for dhat's viewer:")?;
        for path in &scenario.profiles {
            writeln!(out, "- `{path}`")?;
        }
    }
    if !quiet {
        writeln!(
            out,
            "\nTo see it again:\n\n```\n{}\n```",
            text::again(scenario)
        )?;
    }
    writeln!(out, "\n</details>")
}

fn write_gates(scenario: &ScenarioReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\n| gate | verdict | limit | observed | would have caught | |\n|---|---|---:|---:|---:|---|"
    )?;
    for gate in text::by_urgency(&scenario.gates) {
        writeln!(
            out,
            "| `{}` | {} | {} | {} | {} | {} |",
            gate.metric,
            text::gate_verdict(gate.verdict),
            text::limit(gate),
            text::observed(gate),
            text::sensitivity(gate),
            escaped(&text::detail(gate))
        )?;
    }
    Ok(())
}

fn write_sites(sites: &[GrowingSite], out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\nAllocation sites that grow with the cycles:\n\n| function | place | bytes | blocks | cycles |\n|---|---|---:|---:|---:|"
    )?;
    for site in sites.iter().take(SITES_SHOWN) {
        writeln!(
            out,
            "| `{}`{} | {} | {} | {:+} | {} |",
            site.function.replace('|', "\\|"),
            escaped(&text::in_tasks(&site.tasks)),
            escaped(&text::place(&site.file, site.line)),
            crate::units::ByteDelta(site.bytes),
            site.blocks,
            site.cycles
        )?;
    }
    if sites.len() > SITES_SHOWN {
        writeln!(
            out,
            "\nand {} more in `run.json`.",
            sites.len() - SITES_SHOWN
        )?;
    }
    Ok(())
}

fn write_environment(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let short = |text: &Option<String>| {
        text.as_ref()
            .map_or("-".to_owned(), |text| text.chars().take(12).collect())
    };
    writeln!(out, "\n{}.", text::false_alarms(report))?;
    writeln!(
        out,
        "\n<sub>run {}, leakgate {}, commit {}, binary {}, allocator {}, Linux {}, {} processors, seed {}{}; leakgate itself used {} of CPU time</sub>",
        escaped(&report.run_id),
        report.leakgate,
        short(&report.commit),
        short(&report.binary_sha256),
        report.allocator.as_deref().unwrap_or("-"),
        escaped(&report.kernel),
        report.cpus,
        report.seed,
        if report.quick { ", --quick" } else { "" },
        text::duration(report.harness_cpu_ms)
    )
}

fn strong(scenario: &ScenarioReport) -> String {
    let word = text::verdict(scenario.verdict);
    match scenario.needs_nobody() {
        true => word.to_owned(),
        false => format!("**{word}**"),
    }
}

/// A text that cannot break a table or begin a tag, cut where it would fill a page.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for (index, letter) in text.chars().enumerate() {
        if index == DETAIL_MAX {
            escaped.push('…');
            break;
        }
        match letter {
            '|' => escaped.push_str("\\|"),
            '<' => escaped.push_str("&lt;"),
            '\n' | '\r' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
