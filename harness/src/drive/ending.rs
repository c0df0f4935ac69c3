//! How a scenario ends: because everything is done, or because something stopped it.

use std::io;
use std::time::Duration;

use super::driver::StepError;
use super::scenario::Drive;
use crate::record::event::{Event, Outcome, TargetExited};
use crate::target::{Exit, Instance};

/// Why driving stops before everything is done.
pub(super) enum Stop {
    /// The scenario ends here.
    End(End),
    /// The recording cannot be written: the run ends here.
    Recording(io::Error),
}

/// How a scenario ends.
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) detail: String,
}

impl End {
    pub(super) fn new(outcome: Outcome, detail: String) -> Self {
        Self { outcome, detail }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Recording(error)
    }
}

/// The target failed, in words.
pub(super) fn target_failed(detail: impl ToString) -> Stop {
    Stop::End(End::new(Outcome::TargetFailed, detail.to_string()))
}

impl Drive<'_, '_> {
    /// A deadline passed, in words.
    pub(super) fn timed_out(&self, deadline: Duration) -> Stop {
        let tail = self
            .instance
            .as_ref()
            .map(Instance::log_tail)
            .unwrap_or_default();
        let detail =
            format!("the deadline of {deadline:?} passed; the target's last output:\n{tail}");
        Stop::End(End::new(Outcome::TimedOut, detail.trim_end().to_owned()))
    }

    /// Asks the target to end and records how it did and what it left.
    pub(super) async fn stop(&mut self) -> Result<(), Stop> {
        let Some(instance) = &mut self.instance else {
            return Ok(());
        };
        if instance.has_exited().await.is_some() {
            let gone = StepError::Target("it ended before it was asked to".to_owned());
            return Err(self.failed("stopping", gone).await);
        }
        let exit = instance.stop(self.target.stop).await;
        if let Some(instance) = self.instance.take() {
            instance.end().await;
        }
        let exit = exit.map_err(target_failed)?;
        let (clean, how) = (exit.is_clean(self.target.stop), exit.how());
        self.record_exit(exit, true)?;
        match clean {
            true => Ok(()),
            false => Err(target_failed(format!(
                "the target did not shut down cleanly: {how}"
            ))),
        }
    }

    fn record_exit(&mut self, exit: Exit, asked: bool) -> io::Result<()> {
        let Exit {
            code,
            signal,
            took_ms,
            left_processes,
            left_files,
            ..
        } = exit;
        self.recorder.record(Event::TargetExited(TargetExited {
            asked,
            code,
            signal,
            took_ms,
            left_processes: left_processes.named,
            more_processes: left_processes.more,
            left_files: left_files.named,
            more_files: left_files.more,
        }))
    }

    /// What a failed step means: a target that has died explains everything else.
    pub(super) async fn failed(&mut self, place: &str, error: StepError) -> Stop {
        if let Some(instance) = &mut self.instance {
            let exit = match &error {
                StepError::Target(_) | StepError::Closed(_) => instance.has_exited_by_now().await,
                StepError::Load(_)
                | StepError::Refused(_)
                | StepError::Stuck(_)
                | StepError::Late(_) => instance.has_exited().await,
            };
            if let Some(exit) = exit {
                let (how, tail) = (exit.how(), instance.log_tail());
                let detail = format!("{place}: the target died ({how}); its last output:\n{tail}");
                return match self.record_exit(exit, false) {
                    Ok(()) => target_failed(detail),
                    Err(error) => Stop::Recording(error),
                };
            }
        }
        let (outcome, detail) = match error {
            StepError::Load(detail) | StepError::Closed(detail) => (Outcome::LoadFailed, detail),
            StepError::Refused(refusal) => (Outcome::LoadFailed, refusal.to_string()),
            StepError::Late(detail) => (Outcome::TimedOut, detail),
            StepError::Target(detail) => (Outcome::TargetFailed, detail),
            StepError::Stuck(within) => (
                Outcome::TimedOut,
                format!("the target did not answer within {within:?}"),
            ),
        };
        Stop::End(End::new(outcome, format!("{place}: {detail}")))
    }
}
