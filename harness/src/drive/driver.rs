//! Drivers: what maps a scenario's steps to one kind of target.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::exec::ExecDriver;
use super::program;
use super::sessiond::SessiondDriver;
use super::tally::Tally;
use super::wire::{self, WireDriver};
use super::within::Within;
use crate::causes::with_causes;
use crate::config::{self, Framing, Target};
use crate::record::event::Load;
use crate::sample::pause;
use crate::sample::probe::ProbeError;
use crate::scenario::{Action, Ended, Step};
use crate::target::Instance;
use crate::template::Values;

/// What a driver needs to say at a step's deadline what came instead of what it waited for.
const TELLING: Duration = Duration::from_millis(50);

/// A connected driver, which any number of branches may use at the same time.
#[derive(Debug)]
pub(super) struct Driver {
    kind: Kind,
    values: Values,
    env: BTreeMap<String, String>,
    within: Within,
}

/// What maps steps to the target.
#[derive(Debug)]
enum Kind {
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
    /// The target said no.
    Refused(Refusal),
    /// The target cannot be talked to any more.
    Target(String),
    /// It closed a connection that should stay: because it is ending, or else the load did not happen.
    Closed(String),
    /// It did not answer within the step's deadline.
    Stuck(Duration),
    /// Several steps together took too long.
    Late(String),
}

/// How a target says no.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The code of the error, where the driver knows codes.
    pub code: Option<String>,
    /// What it said.
    pub message: String,
}

impl Refusal {
    /// Whether it is the error that a scenario means: by its code, or where there is none by a part of what was said.
    fn is(&self, wanted: &str) -> bool {
        match &self.code {
            Some(code) => code == wanted,
            None => self.message.contains(wanted),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ProbeError> for StepError {
    fn from(error: ProbeError) -> Self {
        StepError::Target(with_causes(&error))
    }
}

impl Driver {
    /// Connects to a target that is ready.
    pub(super) async fn connect(target: &Target, instance: &Instance) -> Result<Self, StepError> {
        let kind = match &target.driver {
            config::Driver::Sessiond => {
                let config::Ready::Socket { path, .. } = &target.ready else {
                    return Err(StepError::Target(
                        "the sessiond driver needs `ready.socket`".to_owned(),
                    ));
                };
                let socket = crate::template::expand(path, &instance.values);
                Kind::Sessiond(Box::new(SessiondDriver::connect(socket.into()).await?))
            }
            config::Driver::Exec(steps) => {
                Kind::Exec(Box::new(ExecDriver::new(steps.clone(), instance)))
            }
            config::Driver::Socket { endpoint, framing } => Kind::Wire(Box::new(
                WireDriver::listening(endpoint, *framing, instance)?,
            )),
            config::Driver::Http(endpoint) => Kind::Wire(Box::new(WireDriver::listening(
                endpoint,
                Framing::Raw,
                instance,
            )?)),
            config::Driver::Stdio(framing) => {
                let driver = WireDriver::stdio(*framing, &target.ready, instance).await?;
                Kind::Wire(Box::new(driver))
            }
        };
        Ok(Self {
            kind,
            values: instance.values.clone(),
            env: instance.env.clone(),
            within: Within::new(instance.probe_socket()),
        })
    }

    /// What texts may name of the target: its directories.
    pub(super) fn values(&self) -> &Values {
        &self.values
    }

    /// Does one step and counts what it did.
    pub(super) async fn step(&self, step: &Step, tally: &Tally) -> Result<(), StepError> {
        // A driver that knows what came instead of what it waits for says so first.
        let done = tokio::time::timeout(step.within + TELLING, self.act(step, tally));
        let done = done.await.unwrap_or(Err(StepError::Stuck(step.within)));
        let Some(wanted) = &step.expect_error else {
            return done;
        };
        match done {
            Err(StepError::Refused(refusal)) if refusal.is(wanted) => {
                tally.add(|load| load.faults += 1);
                Ok(())
            }
            Err(StepError::Refused(refusal)) => Err(StepError::Load(format!(
                "expected the error `{wanted}`, got: {refusal}"
            ))),
            Err(other) => Err(other),
            Ok(()) => Err(StepError::Load(format!(
                "expected the error `{wanted}`, but it was done"
            ))),
        }
    }

    async fn act(&self, step: &Step, tally: &Tally) -> Result<(), StepError> {
        let action = &step.action;
        match (action, &self.kind) {
            (Action::Idle { duration }, _) => {
                pause(*duration).await;
                Ok(())
            }
            (Action::Sample, _) => {
                tally.hold(self.within.read().await?);
                Ok(())
            }
            (Action::Run { command, code }, _) => program::run(command, *code, &self.env).await,
            (_, Kind::Sessiond(driver)) => driver.step(action, tally).await,
            (_, Kind::Exec(driver)) => driver.step(action, tally).await,
            (_, Kind::Wire(driver)) => {
                let mut load = Load::default();
                let done = driver.step(action, step.within, &mut load).await;
                tally.add(|all| all.add(&load));
                done
            }
        }
    }

    /// Ends a cycle: what the driver itself remembers of it goes.
    pub(super) fn end_cycle(&self) {
        match &self.kind {
            Kind::Sessiond(driver) => driver.end_cycle(),
            Kind::Exec(driver) => driver.end_cycle(),
            Kind::Wire(_) => {}
        }
    }
}

/// The first of `steps` that the target's driver has no way to do, with its line and what the driver can do, in words.
pub(crate) fn unsupported(target: &Target, steps: &[Step]) -> Option<String> {
    let step = steps.iter().find(|step| !able(target, &step.action))?;
    let (place, step, target_name) = (&step.place, step.action.name(), &target.name);
    let driver = target.driver.name();
    let can: Vec<&str> = match &target.driver {
        config::Driver::Exec(_) => {
            return Some(format!(
                "{place}: target `{target_name}` has no command for the step `{step}`"
            ));
        }
        config::Driver::Sessiond => {
            return Some(format!(
                "{place}: the `{driver}` driver has no step `{step}`"
            ));
        }
        _ => wire::steps(&target.driver).to_vec(),
    };
    let clients = match target.driver {
        config::Driver::Stdio(_) => ", without `client`",
        _ => "",
    };
    Some(format!(
        "{place}: the `{driver}` driver of target `{target_name}` cannot do this `{step}`; it can do {}{clients}",
        can.join(", ")
    ))
}

fn able(target: &Target, action: &Action) -> bool {
    match (&target.driver, action) {
        (_, Action::Idle { .. } | Action::Run { .. }) => true,
        (_, Action::Sample) => target.probe,
        (config::Driver::Sessiond, action) => !matches!(action, Action::Exchange { .. }),
        // A command that succeeds once a session has ended does not tell how it ended.
        (
            config::Driver::Exec(_),
            Action::WaitExit {
                ended: Ended::Signal(_),
                ..
            },
        ) => false,
        (config::Driver::Exec(commands), action) => {
            super::exec::command_for(action).is_some_and(|command| commands.contains_key(&command))
        }
        (connected, action) => wire::able(connected, action, action.name()),
    }
}
