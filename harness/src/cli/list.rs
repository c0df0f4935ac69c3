//! `leakgate list`: the scenarios of a suite and their questions.

use super::workspace::{config, scenario_failure};
use super::{Failure, WorkspaceArguments, output};
use crate::scenario;

/// Prints a line per scenario.
pub(super) fn list(arguments: &WorkspaceArguments) -> Result<u8, Failure> {
    let config = config(arguments.config.as_deref())?;
    let scenarios = scenario::load_suite(&config.root.join("scenarios"), arguments.suite)
        .map_err(scenario_failure)?;
    let width = scenarios
        .iter()
        .map(|scenario| scenario.name.len())
        .max()
        .unwrap_or(0);
    let lines: Vec<_> = scenarios
        .iter()
        .map(|scenario| format!("{:width$}  {}", scenario.name, scenario.question))
        .collect();
    output::text(&lines.join("\n"))
}
