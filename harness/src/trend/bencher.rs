//! The last run in Bencher Metric Format, for services that follow benchmarks.
//!
//! Format: <https://bencher.dev/docs/reference/bencher-metric-format/>, a benchmark per scenario, a measure per figure.

use serde_json::{Map, Value, json};

use super::TrendRun;

/// A run as one document.
pub(crate) fn export(run: &TrendRun) -> Value {
    let scenarios = run.scenarios.iter().map(|scenario| {
        let measures = scenario
            .figures
            .iter()
            .map(|(figure, value)| (slug(figure.name()), json!({ "value": value })));
        let measures: Map<String, Value> = measures.collect();
        (scenario.name.clone(), Value::Object(measures))
    });
    Value::Object(scenarios.collect())
}

/// Measures are named by slugs: letters, digits and hyphens.
fn slug(name: &str) -> String {
    name.replace('.', "-")
}
