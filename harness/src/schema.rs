//! The published JSON Schemas of what leakgate writes, generated from the types that write it.

use schemars::schema_for;

use crate::record::event::Line;
use crate::report::RunReport;

/// The schema of `run.json`.
pub fn run() -> serde_json::Value {
    schema_for!(RunReport).into()
}

/// The schema of one line of `events.jsonl`.
pub fn events() -> serde_json::Value {
    schema_for!(Line).into()
}
