//! The `exec` driver: every step is a command of `leakgate.toml`, so any target with a command line can be driven.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::driver::{Refusal, StepError};
use super::tally::Tally;
use crate::config::{ExecStep, ExecSteps};
use crate::program::{Keep, Program, Said, printable};
use crate::sample::pause;
use crate::scenario::Action;
use crate::target::Instance;
use crate::template::{Values, expand_all, shell_line};

/// Between two looks at whether a session has ended; a foreign program sends no events.
const EXIT_EVERY: Duration = Duration::from_millis(10);

/// What is shown of what a command said when it failed.
const SHOWN_BYTES_MAX: usize = 2_000;
/// Rows of a screen that a message shows.
const SCREEN_SHOWN: usize = 3;

/// Runs a command per step.
#[derive(Debug)]
pub(super) struct ExecDriver {
    steps: ExecSteps,
    values: Values,
    env: BTreeMap<String, String>,
    /// Counts from 1.
    cycle: Cell<u64>,
}

/// What a command printed and whether it succeeded.
struct Ran {
    success: bool,
    command: String,
    stdout: Said,
    stderr: Vec<u8>,
}

impl Ran {
    /// What it printed, all of it: half a screen cannot tell what is absent.
    fn screen(&self) -> Result<Cow<'_, str>, StepError> {
        let Said { bytes, cut } = &self.stdout;
        match cut {
            false => Ok(String::from_utf8_lossy(bytes)),
            true => Err(StepError::Load(format!(
                "`{}` printed more than {} bytes: no screen is that large",
                self.command,
                bytes.len()
            ))),
        }
    }
}

impl ExecDriver {
    pub(super) fn new(steps: ExecSteps, instance: &Instance) -> Self {
        Self {
            steps,
            values: instance.values.clone(),
            env: instance.env.clone(),
            cycle: Cell::new(1),
        }
    }

    pub(super) async fn step(&self, action: &Action, tally: &Tally) -> Result<(), StepError> {
        match action {
            Action::Open {
                session,
                command,
                size,
                ..
            } => {
                let values = self
                    .session(session)
                    .words("command", command)
                    .text("command_line", shell_line(command));
                self.succeed(ExecStep::Open, sized(values, *size)).await?;
                tally.add(|load| load.opened += 1);
            }
            Action::Write { session, text } => {
                self.succeed(ExecStep::Write, self.session(session).text("text", text))
                    .await?;
                tally.add(|load| load.sent_bytes += text.len() as u64);
            }
            Action::Resize { session, size } => {
                self.succeed(ExecStep::Resize, sized(self.session(session), *size))
                    .await?;
            }
            Action::WaitExit { session, .. } => {
                while !self
                    .run(ExecStep::WaitExit, self.session(session))
                    .await?
                    .success
                {
                    pause(EXIT_EVERY).await;
                }
                tally.add(|load| load.exited += 1);
            }
            Action::Screen {
                session,
                contains,
                absent,
            } => {
                let values = self.session(session);
                let ran = self.succeed(ExecStep::Screen, values).await?;
                let screen = ran.screen()?;
                let rows: Vec<&str> = screen.lines().collect();
                screen_is(&rows, contains.as_deref(), absent.as_deref())?;
            }
            Action::Kill { session, signal } => {
                let values = self.session(session).text("signal", signal.name());
                self.succeed(ExecStep::Kill, values).await?;
            }
            Action::Close { session } => {
                self.succeed(ExecStep::Close, self.session(session)).await?;
                tally.add(|load| load.closed += 1);
            }
            Action::Idle { .. }
            | Action::Sample
            | Action::Run { .. }
            | Action::WaitOutput { .. }
            | Action::Connect { .. }
            | Action::Attach { .. }
            | Action::Detach { .. }
            | Action::Disconnect { .. }
            | Action::SendRaw { .. }
            | Action::Exchange { .. } => {
                let message = "the exec driver has no such step".to_owned();
                return Err(StepError::Load(message));
            }
        }
        Ok(())
    }

    /// Nothing is remembered from cycle to cycle but the count that keeps names apart.
    pub(super) fn end_cycle(&self) {
        self.cycle.set(self.cycle.get() + 1);
    }

    /// A session's name is new in every cycle: one that lingers must not be mistaken for its successor.
    fn session(&self, name: &str) -> Values {
        self.values
            .clone()
            .text("session", format!("{name}-{}", self.cycle.get()))
    }

    async fn succeed(&self, step: ExecStep, values: Values) -> Result<Ran, StepError> {
        let ran = self.run(step, values).await?;
        if ran.success {
            return Ok(ran);
        }
        let shown = printable(&ran.stderr[..ran.stderr.len().min(SHOWN_BYTES_MAX)]);
        Err(StepError::Refused(Refusal {
            code: None,
            message: format!("`{}` failed: {}", ran.command, shown.trim_end()),
        }))
    }

    async fn run(&self, step: ExecStep, values: Values) -> Result<Ran, StepError> {
        let argv = self
            .steps
            .get(&step)
            .map(|argv| expand_all(argv, &values))
            .unwrap_or_default();
        let Some((program, arguments)) = argv.split_first() else {
            return Err(StepError::Load(format!(
                "the target has no command for `{}`",
                step.name()
            )));
        };
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(&self.env);
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let line = argv.join(" ");
        let ended = async { Program::start(&mut command)?.output(Keep::First).await };
        let ended = ended
            .await
            .map_err(|error| StepError::Target(format!("cannot run `{line}`: {error}")))?;
        Ok(Ran {
            success: ended.status.success(),
            command: line,
            stdout: ended.stdout,
            stderr: ended.stderr.bytes,
        })
    }
}

/// Whether a screen is as a scenario says.
pub(super) fn screen_is(
    rows: &[impl AsRef<str>],
    contains: Option<&str>,
    absent: Option<&str>,
) -> Result<(), StepError> {
    let is_there = |text: &str| rows.iter().any(|row| row.as_ref().contains(text));
    if let Some(text) = contains.filter(|text| !is_there(text)) {
        let rows = rows.iter().map(|row| row.as_ref().trim_end());
        let first = rows.filter(|row| !row.is_empty()).take(SCREEN_SHOWN);
        let shown: Vec<&str> = first.collect();
        return Err(StepError::Load(format!(
            "`{text}` is not on the screen; it begins with: {}",
            shown.join(" | ")
        )));
    }
    match absent.filter(|text| is_there(text)) {
        Some(text) => Err(StepError::Load(format!("`{text}` is on the screen"))),
        None => Ok(()),
    }
}

fn sized(values: Values, (rows, columns): (u16, u16)) -> Values {
    values
        .text("rows", rows.to_string())
        .text("columns", columns.to_string())
}

/// The command that does an action, where there can be one.
pub(super) fn command_for(action: &Action) -> Option<ExecStep> {
    match action {
        Action::Open { .. } => Some(ExecStep::Open),
        Action::Write { .. } => Some(ExecStep::Write),
        Action::Resize { .. } => Some(ExecStep::Resize),
        Action::WaitExit { .. } => Some(ExecStep::WaitExit),
        Action::Screen { .. } => Some(ExecStep::Screen),
        Action::Kill { .. } => Some(ExecStep::Kill),
        Action::Close { .. } => Some(ExecStep::Close),
        Action::WaitOutput { .. }
        | Action::Connect { .. }
        | Action::Attach { .. }
        | Action::Detach { .. }
        | Action::Disconnect { .. }
        | Action::SendRaw { .. }
        | Action::Exchange { .. }
        | Action::Idle { .. }
        | Action::Sample
        | Action::Run { .. } => None,
    }
}
