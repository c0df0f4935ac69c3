//! Scenarios: questions in TOML, read at the edge into types that cannot be wrong.

mod actions;
mod check;
mod gates;
mod load;
mod model;
mod parse;
mod steps;
#[cfg(test)]
mod tests;

pub use gates::{GateOverride, OverrideError};
pub use load::{LoadError, find, load_suite};
pub use model::{
    Action, Cycles, Gate, Leave, Metric, MetricUnit, RawAnswer, RawMessage, Scenario, Step, Suite,
    Warmup, When,
};
