//! Scenarios: questions in TOML, read at the edge into types that cannot be wrong.

mod actions;
mod check;
mod exchanges;
mod gates;
mod load;
mod metric;
mod model;
mod parse;
mod steps;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use gates::parse_limit;
pub use gates::{GateOverride, OverrideError};
pub use load::{LoadError, find, load_suite};
pub use metric::{Metric, MetricUnit};
pub use model::{
    Action, Cycles, Gate, Leave, RawAnswer, RawMessage, Scenario, Step, Suite, Warmup, When,
};
pub use wire::{Answer, Exchange, Expected, Framed, HttpRequest, Length, Payload};
