//! Drivers: what maps a scenario's steps to one kind of target.

use std::time::Duration;

use super::exec::ExecDriver;
use super::sessiond::SessiondDriver;
use super::wire::{self, WireDriver};
use crate::causes::with_causes;
use crate::config::{self, Framing, Target};
use crate::record::event::Load;
use crate::sample::probe::ProbeError;
use crate::scenario::{Action, Step};
use crate::target::Instance;

/// What a driver needs to say at a step's deadline what came instead of what it waited for.
const TELLING: Duration = Duration::from_millis(50);

/// A connected driver.
#[derive(Debug)]
pub(super) enum Driver {
    /// sessiond's own protocol.
    Sessiond(Box<SessiondDriver>),
    /// A program per step.
    Exec(Box<ExecDriver>),
    /// Connections on which bytes, messages or HTTP requests are exchanged.
    Wire(Box<WireDriver>),
}

/// Why a step did not do what the scenario says.
#[derive(Debug)]
pub(super) enum StepError {
    /// The target answered, but not what the scenario expects: the load did not happen.
    Load(String),
    /// The target cannot be talked to any more.
    Target(String),
    /// It closed a connection that should stay: because it is ending, or else the load did not happen.
    Closed(String),
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
            config::Driver::Socket { endpoint, framing } => {
                let driver = WireDriver::listening(endpoint, *framing, instance)?;
                Ok(Driver::Wire(Box::new(driver)))
            }
            config::Driver::Http(endpoint) => {
                let driver = WireDriver::listening(endpoint, Framing::Raw, instance)?;
                Ok(Driver::Wire(Box::new(driver)))
            }
            config::Driver::Stdio(framing) => {
                let driver = WireDriver::stdio(*framing, &target.ready, instance).await?;
                Ok(Driver::Wire(Box::new(driver)))
            }
        }
    }

    /// Does one step, whose texts have been expanded, and counts what it did into `load`.
    pub(super) async fn step(&mut self, step: &Step, load: &mut Load) -> Result<(), StepError> {
        let done = async {
            match self {
                Driver::Sessiond(driver) => driver.step(&step.action, load).await,
                Driver::Exec(driver) => driver.step(&step.action, load).await,
                Driver::Wire(driver) => driver.step(&step.action, step.within, load).await,
            }
        };
        // A driver that knows what came instead of what it waits for says so first.
        match tokio::time::timeout(step.within + TELLING, done).await {
            Ok(done) => done,
            Err(_) => Err(StepError::Stuck(step.within)),
        }
    }

    /// Ends a cycle: what the driver itself remembers of it goes.
    pub(super) async fn end_cycle(&mut self) {
        match self {
            Driver::Sessiond(driver) => driver.end_cycle(),
            Driver::Exec(driver) => driver.end_cycle(),
            Driver::Wire(_) => {}
        }
    }
}

/// The first of `steps` that the target's driver has no way to do, with its line and what the driver can do, in words.
pub(crate) fn unsupported(target: &Target, steps: &[Step]) -> Option<String> {
    let step = steps.iter().find(|step| !able(target, &step.action))?;
    let (line, step, target_name) = (step.line, name(&step.action), &target.name);
    let driver = target.driver.name();
    let can: Vec<&str> = match &target.driver {
        config::Driver::Exec(_) => {
            return Some(format!(
                "line {line}: target `{target_name}` has no command for the step `{step}`"
            ));
        }
        config::Driver::Sessiond => {
            return Some(format!(
                "line {line}: the `{driver}` driver has no step `{step}`"
            ));
        }
        _ => wire::steps(&target.driver).to_vec(),
    };
    let clients = match target.driver {
        config::Driver::Stdio(_) => ", without `client`",
        _ => "",
    };
    Some(format!(
        "line {line}: the `{driver}` driver of target `{target_name}` cannot do this `{step}`; it can do {}{clients}",
        can.join(", ")
    ))
}

fn able(target: &Target, action: &Action) -> bool {
    match &target.driver {
        config::Driver::Sessiond => !matches!(action, Action::Exchange { .. }),
        config::Driver::Exec(_) if matches!(action, Action::Idle { .. }) => true,
        config::Driver::Exec(commands) => {
            super::exec::command_for(action).is_some_and(|command| commands.contains_key(&command))
        }
        connected => wire::able(connected, action, name(action)),
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
        Action::Exchange { exchange, .. } => exchange.name(),
        Action::Idle { .. } => "idle",
    }
}
