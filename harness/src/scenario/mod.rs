//! Scenarios: questions in TOML, read at the edge into types that cannot be wrong.

mod model;

pub use model::{
    Action, Cycles, Gate, Leave, Metric, RawAnswer, RawMessage, Scenario, Step, Suite, Warmup, When,
};
