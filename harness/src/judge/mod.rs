//! Verdicts: what a recording says about its target. Pure; never sees a target, a clock or a file.

mod verdict;

pub use verdict::{
    Amount, ExitClass, Failure, GateVerdict, GrowingSite, JudgedGate, Kind, RunVerdict,
    ScenarioVerdict, Unit, Verdict,
};

use crate::record::event::Line;

/// What a whole recording says.
pub fn judge(lines: &[Line]) -> RunVerdict {
    let _ = lines;
    unimplemented!("follows")
}

/// What the recording of the scenario that is under way says so far, gate by gate: the driver asks it whether a
/// profile is wanted. `lines` are those from its `scenario_started` on.
pub fn gates_so_far(lines: &[Line]) -> Vec<JudgedGate> {
    let _ = lines;
    unimplemented!("follows")
}
