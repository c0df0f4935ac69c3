//! The report as a person at a terminal reads it.

use std::io::{self, Write};

use comfy_table::{Table, presets};

use super::model::{RunReport, ScenarioReport};
use super::{first_look, text};
use crate::judge::{Attribution, GateVerdict, Quantity, Verdict};
use crate::scenario::Metric;
use crate::style::{Colour, Style};

/// Sites shown of a scenario; `run.json` has them all.
const SITES_SHOWN: usize = 5;
/// Columns that a scenario's own lines are indented by.
const INDENT: usize = 2;

/// Writes the whole report: scenario by scenario, those that leak after the others; then the run's verdict and where to
/// look first, last, where the eye is.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &RunReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut scenarios: Vec<&ScenarioReport> = report.scenarios.iter().collect();
    scenarios.sort_by_key(|scenario| match scenario.verdict {
        Verdict::Leak => 2,
        _ if scenario.needs_nobody() => 0,
        _ => 1,
    });
    for scenario in &scenarios {
        write_scenario(scenario, style, out)?;
        writeln!(out)?;
    }
    let verdicts: Vec<Verdict> = report.scenarios.iter().map(|s| s.verdict).collect();
    writeln!(
        out,
        "{}  {}, {}",
        run_word(report.verdict, style),
        text::tally(&verdicts),
        text::duration(report.duration_ms)
    )?;
    if !report.detail.is_empty() {
        note("", &report.detail, style, out)?;
    }
    note("", &text::false_alarms(report), style, out)?;
    for scenario in scenarios.iter().filter(|s| s.verdict == Verdict::Leak) {
        let name = &scenario.name;
        let keeps = first_look::site(scenario).map_or_else(String::new, |site| {
            format!(": keeps {}", first_look::per_cycle(site))
        });
        let told = format!(
            "{name}: look first at {}{keeps}",
            first_look::told(scenario)
        );
        writeln!(out)?;
        note("- ", &told, style, out)?;
        // Whole, to be copied.
        writeln!(out, "    again: {}", text::again(scenario))?;
    }
    Ok(())
}

/// Writes one scenario: its verdict, then its gates, then what there is to say about them.
///
/// # Errors
/// Those of `out`.
pub fn write_scenario(
    scenario: &ScenarioReport,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (verdict, name) = (run_word(scenario.verdict, style), &scenario.name);
    match scenario.verdict {
        Verdict::Skipped => writeln!(out, "{verdict}  {name}")?,
        _ => writeln!(
            out,
            "{verdict}  {name}  {} cycles after {} of warm-up, {}",
            scenario.cycles,
            scenario.warmup,
            text::duration(scenario.duration_ms)
        )?,
    }
    note("", &scenario.question, style, out)?;
    if !scenario.detail.is_empty() {
        note("", &scenario.detail, style, out)?;
    }
    if text::nothing_observed(scenario) {
        return Ok(());
    }
    write_gates(scenario, style, out)?;
    write_details(scenario, style, out)?;
    for object in &scenario.objects {
        let told = text::object_marked(object);
        note("- ", &format!("{}: {told}", object.metric), style, out)?;
    }
    for site in scenario.sites.iter().take(SITES_SHOWN) {
        let cycles = site.cycles.max(1);
        let growth = format!(
            "{} and {} blocks in {cycles} cycles{}",
            crate::units::ByteDelta(site.bytes),
            site.blocks,
            text::in_tasks(&site.tasks)
        );
        let place = text::place(&site.file, site.line);
        note(
            "- ",
            &format!("grows: {} ({place}), {growth}", site.function),
            style,
            out,
        )?;
        // Those of one site say what a path looks like; `leakgate triage` has them all.
        let is_first = first_look::site(scenario) == Some(site);
        for caller in first_look::callers(site).filter(|_| is_first) {
            note("  ", &format!("from {caller}"), style, out)?;
        }
    }
    if scenario.sites.len() > SITES_SHOWN {
        let more = scenario.sites.len() - SITES_SHOWN;
        note("", &format!("and {more} more sites"), style, out)?;
    }
    not_profiled(scenario, style, out)
}

/// Says why there is no profile, where no gate says it.
fn not_profiled(scenario: &ScenarioReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut gates = scenario.gates.iter();
    match &scenario.not_profiled {
        Some(reason) if !gates.any(|gate| gate.metric == Metric::Sites.name()) => {
            note("- ", &format!("not profiled: {reason}"), style, out)
        }
        _ => Ok(()),
    }
}

/// What there is to say about gates; once where several say the same.
fn write_details(scenario: &ScenarioReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    // Sites have lines of their own below.
    let told_below = |metric: &str| metric == Metric::Sites.name() && !scenario.sites.is_empty();
    let mut details: Vec<(String, String)> = Vec::new();
    for gate in text::by_urgency(&scenario.gates) {
        let detail = text::detail(gate);
        if detail.is_empty() || told_below(&gate.metric) {
            continue;
        }
        match details.iter_mut().find(|(_, told)| *told == detail) {
            Some((metrics, _)) => *metrics = format!("{metrics}, {}", gate.metric),
            None => details.push((gate.metric.clone(), detail)),
        }
    }
    for (metrics, detail) in details {
        note("- ", &format!("{metrics}: {detail}"), style, out)?;
    }
    let kept = |attribution: &&Attribution| attribution.quantity == Quantity::Kept;
    let kept = scenario.attributions.iter().filter(kept);
    for told in kept.filter_map(text::attribution) {
        note("- ", &told, style, out)?;
    }
    Ok(())
}

fn write_gates(scenario: &ScenarioReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let gates = text::by_urgency(&scenario.gates);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "gate", "limit", "observed", "would have caught"]);
    for gate in &gates {
        table.add_row([
            text::gate_verdict(gate.verdict).to_owned(),
            gate.metric.clone(),
            text::limit(gate),
            text::observed(gate),
            text::sensitivity(gate),
        ]);
    }
    // Every cell is one line, so the lines are the header's and one for each gate.
    let verdicts = std::iter::once(None).chain(gates.iter().map(|gate| Some(gate.verdict)));
    for (line, verdict) in table.lines().zip(verdicts) {
        let line = line.trim_end();
        match verdict {
            None => writeln!(out, " {}", painted(line, Paint::Dim, style))?,
            Some(verdict) => {
                let word = text::gate_verdict(verdict);
                let painted = painted(word, gate_paint(verdict), style);
                writeln!(out, " {}", line.replacen(word, &painted, 1))?;
            }
        }
    }
    Ok(())
}

/// Writes a text below its heading, wrapped to the width; the lines after the first hang under the first word.
pub(crate) fn note(label: &str, text: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let width = usize::from(style.width.max(Style::MIN_WIDTH)) - INDENT;
    let hang = if label.is_empty() { 0 } else { 2 };
    let mut line = label.to_owned();
    let mut first = true;
    for word in text.split_whitespace() {
        let used = line.chars().count() + if first { 0 } else { hang };
        let blank = usize::from(!line.is_empty() && !line.ends_with(' '));
        if used + blank + word.chars().count() > width && !line.trim().is_empty() {
            write_line(&line, if first { 0 } else { hang }, out)?;
            first = false;
            line = word.to_owned();
        } else {
            if blank == 1 {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    write_line(&line, if first { 0 } else { hang }, out)
}

fn write_line(line: &str, hang: usize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:indent$}{line}", "", indent = INDENT + hang)
}

pub(super) fn run_word(verdict: Verdict, style: Style) -> String {
    let paint = match verdict {
        Verdict::Pass | Verdict::Known => Paint::Good,
        Verdict::Leak | Verdict::Error | Verdict::Timeout => Paint::Bad,
        Verdict::Inconclusive | Verdict::Withdrawn => Paint::Unclear,
        Verdict::Skipped => Paint::Dim,
    };
    painted(&text::verdict(verdict).to_uppercase(), paint, style)
}

fn gate_paint(verdict: GateVerdict) -> Paint {
    match verdict {
        GateVerdict::Pass | GateVerdict::Known => Paint::Good,
        GateVerdict::Leak | GateVerdict::Error | GateVerdict::Timeout => Paint::Bad,
        GateVerdict::Inconclusive | GateVerdict::Withdrawn | GateVerdict::Unsupported => {
            Paint::Unclear
        }
        GateVerdict::Skipped | GateVerdict::NotJudged => Paint::Dim,
    }
}

/// What a colour says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Paint {
    Good,
    Bad,
    Unclear,
    Dim,
}

pub(crate) fn painted(word: &str, paint: Paint, style: Style) -> String {
    let code = match paint {
        Paint::Good => "32",
        Paint::Bad => "1;31",
        Paint::Unclear => "33",
        Paint::Dim => "2",
    };
    match style.colour {
        Colour::Never => word.to_owned(),
        Colour::Always => format!("\u{1b}[{code}m{word}\u{1b}[0m"),
    }
}
