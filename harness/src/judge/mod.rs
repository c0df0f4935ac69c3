//! Verdicts: what a recording says about its target. Pure; never sees a target, a clock or a file.
//!
//! A recording becomes evidence per scenario (`evidence`), each gate is judged on it (`counts`, `growth`, `levels`,
//! `sites`), and what they say is combined (`combine`).

mod combine;
mod counts;
mod evidence;
mod gates;
mod growth;
mod levels;
mod rate;
mod sites;
#[cfg(test)]
pub(crate) mod tests;
mod verdict;

pub use rate::{Growth, WATCH_SAMPLES_MIN, growth_over_time, hourly};
pub use verdict::{
    Amount, ExitClass, Failure, GateVerdict, GrowingSite, JudgedGate, Kind, RunVerdict,
    ScenarioVerdict, Unit, Verdict,
};

use crate::record::event::{Event, Line};

/// What a whole recording says.
///
/// One that ends before `run_finished` was cut short: what it holds is judged, but it is no pass.
pub fn judge(lines: &[Line]) -> RunVerdict {
    let scenarios = evidence::scenarios(lines)
        .map(|lines| combine::scenario(&lines))
        .collect();
    let finished = lines
        .iter()
        .any(|line| matches!(line.event, Event::RunFinished { .. }));
    combine::run(scenarios, finished)
}

/// What the recording of the scenario that is under way says so far, gate by gate: the driver asks it whether a
/// profile is wanted. `lines` are those from its `scenario_started` on; without one there are no gates.
pub fn gates_so_far(lines: &[Line]) -> Vec<JudgedGate> {
    evidence::scenarios(lines)
        .next()
        .map(|evidence| gates::all(&evidence))
        .unwrap_or_default()
}
