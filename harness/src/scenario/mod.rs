//! Scenarios: questions in TOML, read at the edge into types that cannot be wrong.

mod load;
mod model;

pub use load::{GateOverride, LoadError, OverrideError, find, load_suite};
pub use model::{
    Action, Cycles, Gate, Leave, Metric, RawAnswer, RawMessage, Scenario, Step, Suite, Warmup, When,
};
