//! Where to look first: a leak's lines, callers and curves, what a green run had there, and the command that shows it again.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::curves::{Curve, Curves};
use super::model::{RunReport, ScenarioReport};
use super::spark::spark;
use super::{first_look, terminal, text};
use crate::judge::{GrowingSite, HeldSite, Verdict};
use crate::style::{Colour, Style};

/// Sites that are shown with their callers.
const SITES_SHOWN: usize = 5;
/// Curves shown of a scenario: those of its red gates come first.
const CURVES_SHOWN: usize = 8;
/// Columns of a curve.
const SPARK: usize = 32;

/// What a scenario's sites held in an earlier run in which it passed.
#[derive(Clone, Debug)]
pub struct Green {
    /// The run.
    pub run_id: String,
    /// What was held there.
    pub held: Vec<HeldSite>,
}

/// What there is to go by.
#[derive(Debug)]
pub struct Triage<'r> {
    /// The run.
    pub report: &'r RunReport,
    /// The curves of its scenarios, in order.
    pub curves: &'r [Curves],
    /// By scenario, its last green run with a profile.
    pub green: &'r BTreeMap<String, Green>,
    /// The run's directory, as it is to be written.
    pub directory: &'r str,
}

impl Triage<'_> {
    fn leaks(&self) -> impl Iterator<Item = (&ScenarioReport, Option<&Curves>)> {
        let scenarios = self.report.scenarios.iter().enumerate();
        scenarios
            .filter(|(_, scenario)| scenario.verdict == Verdict::Leak)
            .map(|(index, scenario)| (scenario, self.curves.get(index)))
    }

    /// Writes what a person looks at.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, style: Style, out: &mut dyn Write) -> io::Result<()> {
        let mut any = false;
        for (scenario, curves) in self.leaks() {
            any = true;
            self.write_scenario(scenario, curves, style, out)?;
        }
        match any {
            true => Ok(()),
            false => writeln!(out, "Nothing leaks in run {}.", self.report.run_id),
        }
    }

    fn write_scenario(
        &self,
        scenario: &ScenarioReport,
        curves: Option<&Curves>,
        style: Style,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let word = match style.colour {
            Colour::Always => "\u{1b}[1;31mLEAK\u{1b}[0m",
            Colour::Never => "LEAK",
        };
        writeln!(out, "{word}  {}\n  {}\n", scenario.name, scenario.question)?;
        for curve in curves
            .map(|curves| shown(scenario, curves))
            .unwrap_or_default()
        {
            writeln!(out, "  {}", spark_line(curve))?;
        }
        writeln!(out)?;
        for gate in scenario.red() {
            writeln!(out, "  {}  {}", gate.metric, text::observed(gate))?;
            terminal::note("  ", &text::detail(gate), style, out)?;
            for object in scenario.objects.iter().filter(|o| o.metric == gate.metric) {
                terminal::note("- ", &text::object_marked(object), style, out)?;
            }
        }
        writeln!(out)?;
        for (index, site) in scenario.sites.iter().take(SITES_SHOWN).enumerate() {
            write_site(index + 1, site, self.green.get(&scenario.name), out)?;
        }
        if scenario.sites.len() > SITES_SHOWN {
            let more = scenario.sites.len() - SITES_SHOWN;
            writeln!(out, "  and {more} more sites in run.json\n")?;
        }
        writeln!(out, "  look first   {}", first_look::told(scenario))?;
        if !scenario.sites.is_empty() {
            let graph = super::flame::file_name(scenario);
            writeln!(out, "  flame graph  {}/profiles/{graph}", self.directory)?;
        }
        writeln!(out, "  page         {}/report.html", self.directory)?;
        writeln!(out, "  again        {}\n", text::again(scenario))
    }

    /// Writes the same as sentences: for an issue, or for whoever is to repair it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn explain(&self, out: &mut dyn Write) -> io::Result<()> {
        for (scenario, _) in self.leaks() {
            writeln!(
                out,
                "## {} leaks\n\nThe scenario asks: {} In {} measured cycles, `{}` kept something in proportion to them.\n",
                scenario.name, scenario.question, scenario.cycles, scenario.target
            )?;
            for gate in scenario.red() {
                let detail = text::detail(gate);
                writeln!(
                    out,
                    "- `{}` allows {} and was {}: {detail}.",
                    gate.metric,
                    text::limit(gate),
                    text::observed(gate)
                )?;
                for object in scenario.objects.iter().filter(|o| o.metric == gate.metric) {
                    writeln!(out, "  - {}", text::object_marked(object))?;
                }
            }
            for site in scenario.sites.iter().take(SITES_SHOWN) {
                writeln!(
                    out,
                    "- `{}` at `{}`{} keeps {}{}. {}",
                    site.function,
                    text::place(&site.file, site.line),
                    text::whose(site.owner),
                    first_look::per_cycle(site),
                    text::in_tasks(&site.tasks),
                    before(site, self.green.get(&scenario.name))
                )?;
                for caller in first_look::callers(site) {
                    writeln!(out, "  - called from `{caller}`")?;
                }
            }
            writeln!(
                out,
                "\nLook first at {}. To see it again, and to see it gone once it is repaired:\n\n```\n{}\n```\n",
                first_look::told(scenario),
                text::again(scenario)
            )?;
        }
        Ok(())
    }
}

fn write_site(
    rank: usize,
    site: &GrowingSite,
    green: Option<&Green>,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "  {rank}  {}", site.function)?;
    let place = text::place(&site.file, site.line);
    writeln!(out, "     {place}{}", text::whose(site.owner))?;
    writeln!(
        out,
        "     {}{}. {}",
        first_look::per_cycle(site),
        text::in_tasks(&site.tasks),
        before(site, green)
    )?;
    for caller in first_look::callers(site) {
        writeln!(out, "     from {caller}")?;
    }
    writeln!(out)
}

/// What the same function held when the scenario was green.
fn before(site: &GrowingSite, green: Option<&Green>) -> String {
    let Some(green) = green else {
        return "There is no green run with a profile to compare with.".to_owned();
    };
    let held = green
        .held
        .iter()
        .find(|held| held.function == site.function);
    match held {
        Some(held) => format!(
            "In the green run {} it held {} and did not grow.",
            green.run_id,
            text::quantity(crate::judge::Unit::Bytes, held.bytes[1].cast_signed())
        ),
        None => format!("In the green run {} it kept nothing.", green.run_id),
    }
}

/// Curves of the red gates first, then others that change.
fn shown<'c>(scenario: &ScenarioReport, curves: &'c Curves) -> Vec<&'c Curve> {
    let group = |metric: &str| match metric.split_once('.') {
        Some(("heap", _)) => "heap.live".to_owned(),
        Some(("rss", _)) => "rss".to_owned(),
        _ if metric == "gauges" => "gauge ".to_owned(),
        _ => metric.to_owned(),
    };
    let wanted: Vec<String> = scenario.red().map(|gate| group(&gate.metric)).collect();
    let mut moving: Vec<&Curve> = curves
        .curves
        .iter()
        .filter(|curve| curve.constant().is_none())
        .collect();
    moving.sort_by_key(|curve| {
        !wanted
            .iter()
            .any(|name| curve.name.starts_with(name.as_str()))
    });
    moving.truncate(CURVES_SHOWN);
    moving
}

/// `threads   ▁▂▃▄▅▆▇█  2 to 33`.
fn spark_line(curve: &Curve) -> String {
    let values: Vec<i64> = curve.values.iter().flatten().copied().collect();
    let drawn: Vec<f64> = values.iter().map(|value| *value as f64).collect();
    let spark = spark(&drawn, SPARK);
    let amount = |value: Option<&i64>| text::quantity(curve.unit, value.copied().unwrap_or(0));
    format!(
        "{:<20} {spark:<SPARK$}  {} to {}",
        curve.name,
        amount(values.first()),
        amount(values.last())
    )
}
