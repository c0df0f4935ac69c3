//! Scenarios: questions in TOML, read at the edge into types that cannot be wrong.

mod actions;
mod check;
mod exchanges;
mod gates;
mod load;
mod model;
mod parse;
mod steps;
#[cfg(test)]
mod tests;
mod wire;

pub use gates::{GateOverride, OverrideError};
pub use load::{LoadError, find, load_suite};
pub use model::{
    Action, Cycles, Gate, Leave, Metric, MetricUnit, RawAnswer, RawMessage, Scenario, Step, Suite,
    Warmup, When,
};
pub use wire::{Answer, Exchange, Expected, Framed, HttpRequest, Length, Payload};
