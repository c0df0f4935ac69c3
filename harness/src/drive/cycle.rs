//! One cycle: its steps in order, with this cycle's values in their texts.

use super::driver::{Driver, StepError};
use crate::record::event::{Load, Phase};
use crate::scenario::{Action, Scenario, Step};
use crate::template::{Values, expand, expand_all};

/// A step that did not do what it should.
#[derive(Debug)]
pub(super) struct CycleError {
    /// Its line in the scenario.
    pub line: usize,
    /// Why.
    pub error: StepError,
}

/// Runs cycle `number` (from 1) of a phase and returns what its load really did.
pub(super) async fn run(
    scenario: &Scenario,
    emit: &[String],
    driver: &mut Driver,
    phase: Phase,
    number: u32,
) -> Result<Load, CycleError> {
    let values = values(scenario, emit, number);
    let mut load = Load::default();
    let measured = phase == Phase::Measure;
    for step in scenario
        .steps
        .iter()
        .filter(|step| step.when.includes(number, measured))
    {
        let step = Step {
            action: expanded(&step.action, &values),
            ..step.clone()
        };
        driver
            .step(&step, &mut load)
            .await
            .map_err(|error| CycleError {
                line: step.line,
                error,
            })?;
    }
    driver.end_cycle().await;
    Ok(load)
}

fn values(scenario: &Scenario, emit: &[String], number: u32) -> Values {
    let mut values = Values::new()
        .words("emit", emit)
        .text("cycle", number.to_string());
    for (name, choices) in &scenario.vary {
        let index = (number as usize - 1) % choices.len();
        values = values.text(name, choices[index].as_str());
    }
    values
}

/// The action with every placeholder replaced.
fn expanded(action: &Action, values: &Values) -> Action {
    let mut action = action.clone();
    match &mut action {
        Action::Open { command, .. } => *command = expand_all(command, values),
        Action::Write { text, .. } => *text = expand(text, values),
        Action::Screen { contains, .. } => *contains = expand(contains, values),
        Action::Exchange { exchange, .. } => exchange.expand(values),
        Action::Resize { .. }
        | Action::WaitExit { .. }
        | Action::WaitOutput { .. }
        | Action::Close { .. }
        | Action::Connect { .. }
        | Action::Attach { .. }
        | Action::Detach { .. }
        | Action::Disconnect { .. }
        | Action::SendRaw { .. }
        | Action::Idle { .. } => {}
    }
    action
}
