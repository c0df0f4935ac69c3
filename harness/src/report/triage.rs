//! Where to look first: a leak's lines, callers and curves, what a green run had there, and the command that shows it again.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::curves::{Curve, Curves};
use super::model::{RunReport, ScenarioReport};
use super::{terminal, text};
use crate::judge::{GrowingSite, HeldSite, Verdict};
use crate::profile;
use crate::style::{Colour, Style};

/// Sites that are shown with their callers.
const SITES_SHOWN: usize = 5;
/// Callers shown of a site.
const CALLERS_SHOWN: usize = 4;
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
        writeln!(out, "  look first   {}", look_first(scenario))?;
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
                    "- `{}` at `{}`{} keeps {} per cycle. {}",
                    site.function,
                    text::place(&site.file, site.line),
                    text::whose(site.owner),
                    per_cycle(site),
                    before(site, self.green.get(&scenario.name))
                )?;
                for caller in callers(site) {
                    writeln!(out, "  - called from `{caller}`")?;
                }
            }
            writeln!(
                out,
                "\nLook first at {}. To see it again, and to see it gone once it is repaired:\n\n```\n{}\n```\n",
                look_first(scenario),
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
        "     {} per cycle. {}",
        per_cycle(site),
        before(site, green)
    )?;
    for caller in callers(site) {
        writeln!(out, "     from {caller}")?;
    }
    writeln!(out)
}

/// `64 B in 1 block`, per cycle.
fn per_cycle(site: &GrowingSite) -> String {
    let cycles = f64::from(site.cycles.max(1));
    let bytes = text::quantity(
        crate::judge::Unit::Bytes,
        rounded(site.bytes as f64 / cycles),
    );
    let blocks = site.blocks as f64 / cycles;
    let plural = if blocks == 1.0 { "" } else { "s" };
    format!(
        "{bytes} in {} block{plural}",
        (blocks * 100.0).round() / 100.0
    )
}

#[expect(clippy::cast_possible_truncation, reason = "saturates by definition")]
fn rounded(value: f64) -> i64 {
    value.round() as i64
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

/// The frames above the site, without those that only carry an allocation or a task.
fn callers(site: &GrowingSite) -> impl Iterator<Item = &String> {
    let at = format!("{} ({}:{})", site.function, site.file, site.line);
    site.stack
        .iter()
        .skip_while(move |frame| **frame != at)
        .skip(1)
        .filter(|frame| !profile::is_carrier(frame))
        .take(CALLERS_SHOWN)
}

/// The first line of the user's own; without one, what the kernel object says.
fn look_first(scenario: &ScenarioReport) -> String {
    use crate::record::event::Owner;
    let own = scenario
        .sites
        .iter()
        .find(|site| site.owner == Owner::Yours);
    if let Some(site) = own.or(scenario.sites.first()) {
        return format!("{}, {}", text::place(&site.file, site.line), site.function);
    }
    let Some(gate) = scenario.red().next() else {
        return "the gates above".to_owned();
    };
    let first = scenario.objects.iter().find(|o| o.metric == gate.metric);
    let name = first.map_or_else(|| "those above".to_owned(), |o| format!("`{}`", o.name));
    match gate.metric.as_str() {
        "fds" => format!("what opens {name}, and what should close it"),
        "threads" => format!("what starts the thread {name}, and what it waits for"),
        "children" => format!("what starts {name}, and what should end it"),
        "zombies" => format!("what starts {name}, and who waits for it"),
        "disk" => format!("what makes {name}, and what should remove it"),
        "disk.bytes" => "what writes to disk, and what should remove it".to_owned(),
        "gauges" => {
            let site = first.map_or("", |o| o.state.trim_start_matches("registered at "));
            let site = if site.is_empty() {
                String::new()
            } else {
                format!("{site}: ")
            };
            format!("{site}what puts entries into {name}, and what should take them out")
        }
        _ => "a heap profile: run the command below".to_owned(),
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
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<i64> = curve.values.iter().flatten().copied().collect();
    let (low, high) = (
        values.iter().min().copied().unwrap_or(0),
        values.iter().max().copied().unwrap_or(0),
    );
    let columns = SPARK.min(values.len());
    let spark: String = (0..columns)
        .map(|column| {
            let value = values[column * (values.len() - 1) / (columns - 1).max(1)];
            let level = i128::from(value - low) * 7 / i128::from((high - low).max(1));
            LEVELS[usize::try_from(level).unwrap_or(0).min(7)]
        })
        .collect();
    let amount = |value: Option<&i64>| text::quantity(curve.unit, value.copied().unwrap_or(0));
    format!(
        "{:<20} {spark:<SPARK$}  {} to {}",
        curve.name,
        amount(values.first()),
        amount(values.last())
    )
}
