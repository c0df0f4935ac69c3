//! Verdicts: what a recording says about its target. Pure; never sees a target, a clock or a file.
//!
//! A recording becomes evidence per scenario (`evidence`); each gate (`gates`) is judged on it by the rule for its metric
//! (`growth`, `resident`, `levels`, `peaks`, `counts`, `ledger`, `churn`, `sites`), within its share of the run's
//! false-alarm budget (`risk`), and held against the leaks that are known (`known`). What the gates say is combined
//! (`combine`), stated per day (`pace`) and per unit of load (`attribution`), and what a red count consists of is named
//! (`objects`).

mod attribution;
mod churn;
mod combine;
mod counts;
mod ends;
mod evidence;
mod gates;
mod growth;
mod known;
mod ledger;
mod levels;
mod objects;
mod pace;
mod peaks;
mod rate;
mod resident;
mod risk;
mod sites;
#[cfg(test)]
pub(crate) mod tests;
mod verdict;

pub use objects::GrownObject;
pub use rate::{Growth, WATCH_SAMPLES_MIN, growth_over_time, hourly};
pub use verdict::{
    Amount, Attribution, ExitClass, Failure, GateVerdict, GrowingSite, HeldSite, JudgedGate, Kind,
    Quantity, RunVerdict, ScenarioVerdict, Unit, Verdict,
};

use crate::record::event::{Event, Line, RunStarted, ScenarioStarted};
use crate::scenario::Metric;

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

/// What the recording of the scenario that is under way says so far, gate by gate: the driver asks whether more cycles
/// or a profile are wanted. `lines` are those after its `scenario_started`.
pub fn gates_so_far(run: &RunStarted, started: &ScenarioStarted, lines: &[Line]) -> SoFar {
    let gates = gates::all(&evidence::gather(Some(run), started, lines));
    let leaks = gates
        .iter()
        .any(|gate| gate.verdict == GateVerdict::Leak && gate.metric != Metric::Sites);
    SoFar {
        leaks,
        wants_more_cycles: !leaks && gates.iter().any(|gate| gate.more),
    }
}

/// What a scenario under way says so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoFar {
    /// Something leaks: more cycles would not change that.
    pub leaks: bool,
    /// Nothing leaks, but there is a gate that more cycles could answer.
    pub wants_more_cycles: bool,
}
