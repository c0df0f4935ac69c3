//! Scenarios: questions in TOML, read at the edge into types that cannot be wrong.

mod actions;
mod check;
mod describe;
mod exchanges;
mod follow;
pub(crate) mod gates;
mod load;
mod metric;
mod model;
pub(crate) mod parse;
mod part;
mod program;
mod random;
mod steps;
#[cfg(test)]
pub(crate) mod tests;
mod unroll;
mod variables;
pub(crate) mod vocabulary;
mod wire;

pub(crate) use gates::parse_limit;
pub use gates::{GateOverride, OverrideError};
pub use load::{LoadError, find, load_suite};
pub use metric::{Metric, MetricUnit};
pub use model::{
    Action, At, Cycles, Ended, Gate, Leave, Output, RawAnswer, RawMessage, Scenario, Signal, Suite,
    Warmup,
};
pub use part::{Block, Branch, Part, Place, Step, When};
pub use random::Random;
pub use variables::{Variable, Variables};
pub use wire::{Answer, Exchange, Expected, Framed, HttpRequest, Length, Payload};
