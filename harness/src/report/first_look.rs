//! Where to look first in a scenario that leaks: the line that keeps it, or what came with the cycles; the same words in
//! every rendering for people.

use super::model::{GateReport, ScenarioReport};
use super::text;
use crate::judge::{GrowingSite, Unit};
use crate::profile;
use crate::record::event::Owner;

/// Callers shown of a site.
const CALLERS_SHOWN: usize = 4;

/// The first line of the user's own; without one, what the kernel object says.
pub(super) fn told(scenario: &ScenarioReport) -> String {
    if let Some(site) = site(scenario) {
        let place = text::place(&site.file, site.line);
        let (function, tasks) = (&site.function, text::in_tasks(&site.tasks));
        return format!("{place}, {function}{tasks}");
    }
    let Some(gate) = scenario.red().next() else {
        return "the gates above".to_owned();
    };
    match object(scenario, gate) {
        Some(told) => told,
        None => no_line(scenario, gate),
    }
}

/// The site to look at: the user's own code before others'.
pub(super) fn site(scenario: &ScenarioReport) -> Option<&GrowingSite> {
    let own = |site: &&GrowingSite| site.owner == Owner::Yours;
    let mut sites = scenario.sites.iter();
    sites.find(own).or(scenario.sites.first())
}

/// What to look for, where a count is red.
fn object(scenario: &ScenarioReport, gate: &GateReport) -> Option<String> {
    let first = scenario.objects.iter().find(|o| o.metric == gate.metric);
    let name = first.map_or_else(|| "those above".to_owned(), |o| format!("`{}`", o.name));
    Some(match gate.metric.as_str() {
        "fds" => format!("what opens {name}, and what should close it"),
        "threads" => format!("what starts the thread {name}, and what it waits for"),
        "children" => format!("what starts {name}, and what should end it"),
        "zombies" => format!("what starts {name}, and who waits for it"),
        "disk" => format!("what makes {name}, and what should remove it"),
        "disk.bytes" => "what writes to disk, and what should remove it".to_owned(),
        "gauges" => {
            let site = first.map_or("", |o| o.state.trim_start_matches("registered at "));
            let site = match site {
                "" => String::new(),
                site => format!("{site}: "),
            };
            format!("{site}what puts entries into {name}, and what should take them out")
        }
        _ => return None,
    })
}

/// Why memory has no line, and what would give it one.
fn no_line(scenario: &ScenarioReport, gate: &GateReport) -> String {
    let red = text::metric_observed(gate);
    if scenario.is_watched() {
        return red;
    }
    if let Some(reason) = &scenario.not_profiled {
        return format!("{red}; no line is known: {reason}");
    }
    if scenario.profiles.is_empty() {
        return format!("{red}; a heap profile names the line: run the command below");
    }
    let held = scenario.held.first().map_or_else(String::new, |site| {
        let bytes = text::quantity(Unit::Bytes, site.bytes[1].cast_signed());
        let place = text::place(&site.file, site.line);
        format!("; the most is held by {place}, {}: {bytes}", site.function)
    });
    format!("{red}, and no line gains blocks with the cycles{held}")
}

/// `64 B in 1 block per cycle`.
pub(super) fn per_cycle(site: &GrowingSite) -> String {
    let cycles = f64::from(site.cycles.max(1));
    let bytes = text::quantity(Unit::Bytes, rounded(site.bytes as f64 / cycles));
    let blocks = site.blocks as f64 / cycles;
    let plural = if blocks == 1.0 { "" } else { "s" };
    let blocks = (blocks * 100.0).round() / 100.0;
    format!("{bytes} in {blocks} block{plural} per cycle")
}

#[expect(clippy::cast_possible_truncation, reason = "saturates by definition")]
fn rounded(value: f64) -> i64 {
    value.round() as i64
}

/// The user's own frames above the site; of a recording that does not know them, those that do not only carry an allocation
/// or a task.
pub(super) fn callers(site: &GrowingSite) -> impl Iterator<Item = &String> {
    let at = format!("{} ({}:{})", site.function, site.file, site.line);
    let above = site
        .stack
        .iter()
        .skip_while(move |frame| **frame != at)
        .skip(1)
        .filter(|frame| !profile::is_carrier(frame));
    let unknown = site.callers.is_empty();
    let above = above.filter(move |_| unknown);
    site.callers.iter().chain(above).take(CALLERS_SHOWN)
}
