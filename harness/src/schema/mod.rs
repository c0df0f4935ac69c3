//! The published JSON Schemas: of what leakgate writes, from the types that write it, and of what people write, from
//! the tables that read it.

mod config;
mod pieces;
mod scenario;
#[cfg(test)]
mod tests;

use schemars::schema_for;

use crate::bisect::Bisection;
use crate::compare::Comparison;
use crate::coverage::Survey;
use crate::prove::Proof;
use crate::record::event::Line;
use crate::report::RunReport;
use crate::report::repeat::RepeatReport;
use crate::selftest::Summary;
use crate::trend::{Trend, TrendRun};

/// The schema of `run.json`.
pub fn run() -> serde_json::Value {
    schema_for!(RunReport).into()
}

/// The schema of one line of `events.jsonl`.
pub fn events() -> serde_json::Value {
    schema_for!(Line).into()
}

/// The schema of `repeat.json`.
pub fn repeat() -> serde_json::Value {
    schema_for!(RepeatReport).into()
}

/// The schema of `proof.json`.
pub fn proof() -> serde_json::Value {
    schema_for!(Proof).into()
}

/// The schema of `selftest.json`.
pub fn selftest() -> serde_json::Value {
    schema_for!(Summary).into()
}

/// The schema of `bisect.json`.
pub fn bisect() -> serde_json::Value {
    schema_for!(Bisection).into()
}

/// The schema of `compare.json`.
pub fn compare() -> serde_json::Value {
    schema_for!(Comparison).into()
}

/// The schema of a line of `trend.jsonl`.
pub fn trend_run() -> serde_json::Value {
    schema_for!(TrendRun).into()
}

/// The schema of what `trend show --json` prints.
pub fn trend() -> serde_json::Value {
    schema_for!(Trend).into()
}

/// The schema of `coverage.json`.
pub fn coverage() -> serde_json::Value {
    schema_for!(Survey).into()
}

/// The schema of a scenario's file.
pub fn scenario() -> serde_json::Value {
    scenario::schema()
}

/// The schema of `leakgate.toml`.
pub fn config() -> serde_json::Value {
    config::schema()
}
