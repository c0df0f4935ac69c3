//! Drivers: what maps a scenario's steps to one kind of target.

use std::time::Duration;

use super::exec::ExecDriver;
use super::sessiond::SessiondDriver;
use crate::causes::with_causes;
use crate::config::{self, Target};
use crate::record::event::Load;
use crate::sample::probe::ProbeError;
use crate::scenario::{Action, Step};
use crate::target::Instance;

/// A connected driver.
#[derive(Debug)]
pub(super) enum Driver {
    /// sessiond's own protocol.
    Sessiond(Box<SessiondDriver>),
    /// A program per step.
    Exec(Box<ExecDriver>),
}

/// Why a step did not do what the scenario says.
#[derive(Debug)]
pub(super) enum StepError {
    /// The target answered, but not what the scenario expects: the load did not happen.
    Load(String),
    /// The target cannot be talked to any more.
    Target(String),
    /// It did not answer within the step's deadline.
    Stuck(Duration),
}

impl From<ProbeError> for StepError {
    fn from(error: ProbeError) -> Self {
        StepError::Target(with_causes(&error))
    }
}

impl Driver {
    /// Connects to a target that is ready.
    pub(super) async fn connect(target: &Target, instance: &Instance) -> Result<Self, StepError> {
        match &target.driver {
            config::Driver::Sessiond => {
                let config::Ready::Socket { path, .. } = &target.ready else {
                    return Err(StepError::Target(
                        "the sessiond driver needs `ready.socket`".to_owned(),
                    ));
                };
                let socket = crate::template::expand(path, &instance.values);
                Ok(Driver::Sessiond(Box::new(
                    SessiondDriver::connect(socket.into()).await?,
                )))
            }
            config::Driver::Exec(steps) => Ok(Driver::Exec(Box::new(ExecDriver::new(
                steps.clone(),
                instance,
            )))),
        }
    }

    /// Does one step, whose texts have been expanded, and counts what it did into `load`.
    pub(super) async fn step(&mut self, step: &Step, load: &mut Load) -> Result<(), StepError> {
        let done = async {
            match self {
                Driver::Sessiond(driver) => driver.step(&step.action, load).await,
                Driver::Exec(driver) => driver.step(&step.action, load).await,
            }
        };
        match tokio::time::timeout(step.within, done).await {
            Ok(done) => done,
            Err(_) => Err(StepError::Stuck(step.within)),
        }
    }

    /// Ends a cycle: what the driver itself remembers of it goes.
    pub(super) async fn end_cycle(&mut self) {
        match self {
            Driver::Sessiond(driver) => driver.end_cycle(),
            Driver::Exec(driver) => driver.end_cycle(),
        }
    }
}

/// The first action of `steps` that the target's driver has no way to do, by its name.
pub(super) fn unsupported(target: &Target, steps: &[Step]) -> Option<&'static str> {
    match &target.driver {
        config::Driver::Sessiond => None,
        config::Driver::Exec(commands) => {
            steps
                .iter()
                .find_map(|step| match super::exec::command_for(&step.action) {
                    _ if matches!(step.action, Action::Idle { .. }) => None,
                    Some(exec) if commands.contains_key(&exec) => None,
                    _ => Some(name(&step.action)),
                })
        }
    }
}

/// The name of an action in scenarios.
fn name(action: &Action) -> &'static str {
    match action {
        Action::Open { .. } => "open",
        Action::Write { .. } => "write",
        Action::Resize { .. } => "resize",
        Action::WaitExit { .. } => "wait_exit",
        Action::WaitOutput { .. } => "wait_output",
        Action::Screen { .. } => "screen",
        Action::Close { .. } => "close",
        Action::Connect { .. } => "connect",
        Action::Attach { .. } => "attach",
        Action::Detach { .. } => "detach",
        Action::Disconnect { .. } => "disconnect",
        Action::SendRaw { .. } => "send_raw",
        Action::Idle { .. } => "idle",
    }
}
