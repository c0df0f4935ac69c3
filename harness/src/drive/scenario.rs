//! One scenario: start, warm-up, measured cycles, idle time, end; then the profile, when it is wanted.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;

use super::cycle;
use super::driver::{self, Driver, StepError};
use super::warmup::Steady;
use super::{ProfileMode, Run};
use crate::config::Target;
use crate::judge::{self, GateVerdict};
use crate::record::event::{
    CycleFinished, Event, IdleMeasured, Outcome, Phase, RecordedGate, ScenarioFinished,
    ScenarioStarted, TargetExited, TargetStarted,
};
use crate::record::{Recorder, Recording};
use crate::sample::probe::ProbeClient;
use crate::sample::{Edge, Sampler, pause};
use crate::scenario::{Metric, Scenario, Warmup};
use crate::target::{self, Exit, Instance, Plan};

/// How long the target stands idle while its churn is read: long enough for a timer of one second to show twice.
const IDLE: Duration = Duration::from_millis(2500);
/// The same under `--quick`.
const IDLE_QUICK: Duration = Duration::from_millis(1100);

/// Drives one scenario to its end, whatever that is, and records it.
///
/// # Errors
/// When the recording cannot be written.
pub(super) async fn drive(
    run: &Run,
    scenario: &Scenario,
    recorder: &mut Recorder<'_>,
    interrupted: impl Future<Output = ()>,
) -> io::Result<Outcome> {
    let began_ms = recorder.elapsed_ms();
    let measure = if run.quick {
        scenario.cycles.quick
    } else {
        scenario.cycles.measure
    };
    recorder.record(Event::ScenarioStarted(started(scenario, measure)))?;
    let target = &run.config.targets[&scenario.target];
    let mut drive = Drive {
        run,
        scenario,
        target,
        measure,
        recorder,
        instance: None,
    };
    let end = match drive.cannot_run() {
        Some(reason) => End::new(Outcome::Skipped, reason),
        None => tokio::select! {
            done = timeout(scenario.deadline, drive.everything()) => match done {
                Ok(Ok(())) => End::new(Outcome::Complete, String::new()),
                Ok(Err(Stop::End(end))) => end,
                Ok(Err(Stop::Recording(error))) => return Err(error),
                Err(_) => End::new(Outcome::TimedOut, format!("the scenario's deadline of {:?} passed", scenario.deadline)),
            },
            () = interrupted => End::new(Outcome::Interrupted, "interrupted".to_owned()),
        },
    };
    if let Some(instance) = drive.instance.take() {
        instance.end().await;
    }
    let duration_ms = recorder.elapsed_ms() - began_ms;
    let End { outcome, detail } = end;
    recorder.record(Event::ScenarioFinished(ScenarioFinished {
        outcome,
        detail,
        duration_ms,
    }))?;
    Ok(outcome)
}

/// Why driving stops before everything is done.
pub(super) enum Stop {
    /// The scenario ends here.
    End(End),
    /// The recording cannot be written: the run ends here.
    Recording(io::Error),
}

/// How a scenario ends.
pub(super) struct End {
    outcome: Outcome,
    detail: String,
}

impl End {
    fn new(outcome: Outcome, detail: String) -> Self {
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

/// One scenario under way.
pub(super) struct Drive<'a, 'r> {
    pub(super) run: &'a Run,
    pub(super) scenario: &'a Scenario,
    pub(super) target: &'a Target,
    measure: u32,
    pub(super) recorder: &'a mut Recorder<'r>,
    /// Kept here, so that it is ended whichever way driving stops.
    pub(super) instance: Option<Instance>,
}

/// Which build of the target is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Build {
    /// The one that ships: every metric is judged on it.
    Shipped,
    /// The one that is linked with dhat: nothing but its profile is used.
    Dhat,
}

impl Drive<'_, '_> {
    /// Why the scenario cannot be driven here, when it cannot.
    fn cannot_run(&self) -> Option<String> {
        if let Some(program) = target::missing_program(&self.target.requires) {
            return Some(format!("`{program}` is not installed"));
        }
        let step = driver::unsupported(self.target, &self.scenario.steps)?;
        Some(format!(
            "target `{}` has no command for the step `{step}`",
            self.target.name
        ))
    }

    async fn everything(&mut self) -> Result<(), Stop> {
        let (mut driver, mut sampler) = self.start(Build::Shipped).await?;
        self.sample(&mut sampler, Phase::Start, 0, Edge::Outer)
            .await?;
        self.warm_up(&mut driver, &mut sampler).await?;
        for cycle in 1..=self.measure {
            self.cycle(&mut driver, Phase::Measure, cycle).await?;
            let edge = if cycle == self.measure {
                Edge::Outer
            } else {
                Edge::Inner
            };
            self.sample(&mut sampler, Phase::Measure, cycle, edge)
                .await?;
        }
        self.measure_idle(&mut sampler).await?;
        drop((driver, sampler));
        self.stop().await?;
        if self.wants_profile() {
            self.profile().await?;
        }
        Ok(())
    }

    /// Starts a build of the target and connects its driver and its sampler.
    pub(super) async fn start(&mut self, build: Build) -> Result<(Driver, Sampler), Stop> {
        let process = match (build, &self.target.profile) {
            (Build::Dhat, Some(profile)) => profile,
            _ => &self.target.process,
        };
        let log = self.log(build);
        let plan = Plan {
            target: self.target,
            command: &process.command,
            root: &self.run.config.root,
            log: &log,
        };
        let instance = self
            .instance
            .insert(Instance::start(plan).await.map_err(target_failed)?);
        let probe = match self.target.probe {
            true => Some(
                ProbeClient::connect(&instance.probe_socket())
                    .await
                    .map_err(target_failed)?,
            ),
            false => None,
        };
        self.recorder.record(Event::TargetStarted(TargetStarted {
            pid: instance.pid,
            binary_sha256: instance.program.as_deref().and_then(target::sha256_of),
            allocator: probe.as_ref().map(|probe| probe.hello().allocator.clone()),
            dhat: build == Build::Dhat,
        }))?;
        let driver = Driver::connect(self.target, instance).await;
        let sampler = Sampler::new(instance.pid, instance.supervisor, probe, instance.private());
        match driver {
            Ok(driver) => Ok((driver, sampler)),
            Err(error) => Err(self.failed("connecting", error).await),
        }
    }

    async fn warm_up(&mut self, driver: &mut Driver, sampler: &mut Sampler) -> Result<(), Stop> {
        let (most, fixed) = match self.scenario.cycles.warmup {
            Warmup::Auto => (Warmup::AUTO_MAX, false),
            Warmup::Fixed(cycles) => (cycles, true),
        };
        let mut steady = Steady::default();
        for cycle in 1..=most {
            self.cycle(driver, Phase::Warmup, cycle).await?;
            let edge = if cycle == most {
                Edge::Outer
            } else {
                Edge::Inner
            };
            let sample = sampler.sample(Phase::Warmup, cycle, edge).await;
            let sample = self.sampled(sample).await?;
            let over = !fixed && steady.ends_with(&sample);
            self.recorder.record(Event::Sample(Box::new(sample)))?;
            if over {
                break;
            }
        }
        Ok(())
    }

    async fn cycle(&mut self, driver: &mut Driver, phase: Phase, cycle: u32) -> Result<(), Stop> {
        let began = self.recorder.elapsed_ms();
        let load = match cycle::run(self.scenario, &self.run.emit, driver, phase, cycle).await {
            Ok(load) => load,
            Err(failed) => {
                let place = format!("{} line {}, cycle {cycle}", self.scenario.name, failed.line);
                return Err(self.failed(&place, failed.error).await);
            }
        };
        let duration_ms = self.recorder.elapsed_ms() - began;
        Ok(self.recorder.record(Event::CycleFinished(CycleFinished {
            phase,
            cycle,
            duration_ms,
            load,
        }))?)
    }

    async fn sample(
        &mut self,
        sampler: &mut Sampler,
        phase: Phase,
        cycle: u32,
        edge: Edge,
    ) -> Result<(), Stop> {
        let sample = sampler.sample(phase, cycle, edge).await;
        let sample = self.sampled(sample).await?;
        Ok(self.recorder.record(Event::Sample(Box::new(sample)))?)
    }

    async fn sampled<T>(
        &mut self,
        sample: Result<T, crate::sample::SampleError>,
    ) -> Result<T, Stop> {
        match sample {
            Ok(sample) => Ok(sample),
            Err(error) => Err(self
                .failed("sampling", StepError::Target(error.to_string()))
                .await),
        }
    }

    async fn measure_idle(&mut self, sampler: &mut Sampler) -> Result<(), Stop> {
        let Some(probe) = sampler.probe() else {
            return Ok(());
        };
        let duration = if self.run.quick { IDLE_QUICK } else { IDLE };
        let read = async {
            let before = probe.heap().await?;
            pause(duration).await;
            Ok::<_, crate::sample::probe::ProbeError>(before.zip(probe.heap().await?))
        };
        if let Some((before, after)) = read.await.map_err(target_failed)? {
            let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            let allocated_bytes = after.allocated_bytes - before.allocated_bytes;
            self.recorder.record(Event::IdleMeasured(IdleMeasured {
                duration_ms,
                allocated_bytes,
            }))?;
        }
        Ok(())
    }

    /// Asks the target to end and records how it did and what it left.
    pub(super) async fn stop(&mut self) -> Result<(), Stop> {
        let Some(mut instance) = self.instance.take() else {
            return Ok(());
        };
        let exit = instance.stop(self.target.stop).await;
        instance.end().await;
        let exit = exit.map_err(target_failed)?;
        let failed = exit.overdue || exit.code.is_none_or(|code| code != 0);
        let how = exit.how();
        self.record_exit(exit, true)?;
        // A target without a handler dies of the signal it was asked with; that is its way to end.
        let by_the_signal = matches!(self.target.driver, crate::config::Driver::Exec(_))
            && how.starts_with("signal");
        if failed && !by_the_signal {
            return Err(target_failed(format!(
                "the target did not shut down cleanly: {how}"
            )));
        }
        Ok(())
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
            left_processes,
            left_files,
        }))
    }

    /// What a failed step means: a target that has died explains everything else.
    pub(super) async fn failed(&mut self, place: &str, error: StepError) -> Stop {
        if let Some(instance) = &mut self.instance
            && let Some(exit) = instance.has_exited().await
        {
            let tail = instance.log_tail();
            let how = exit.how();
            let detail = format!("{place}: the target died ({how}); its last output:\n{tail}");
            return match self.record_exit(exit, false) {
                Ok(()) => target_failed(detail),
                Err(error) => Stop::Recording(error),
            };
        }
        let (outcome, detail) = match error {
            StepError::Load(detail) => (Outcome::LoadFailed, detail),
            StepError::Target(detail) => (Outcome::TargetFailed, detail),
            StepError::Stuck(within) => (
                Outcome::TimedOut,
                format!("the target did not answer within {within:?}"),
            ),
        };
        Stop::End(End::new(outcome, format!("{place}: {detail}")))
    }

    fn wants_profile(&self) -> bool {
        if self.target.profile.is_none() {
            return false;
        }
        match self.run.profile {
            ProfileMode::Never => false,
            ProfileMode::Always => true,
            ProfileMode::OnLeak => self.leaks_so_far(),
        }
    }

    /// Judges what has been recorded of this scenario; read back, so that a long run is not kept in memory.
    fn leaks_so_far(&self) -> bool {
        let Ok(recording) = Recording::read(&self.run.directory.join("events.jsonl")) else {
            return false;
        };
        let begins =
            |line: &crate::record::event::Line| matches!(line.event, Event::ScenarioStarted(_));
        let Some(start) = recording.lines.iter().rposition(begins) else {
            return false;
        };
        let gates = judge::gates_so_far(&recording.lines[start..]);
        gates
            .iter()
            .any(|gate| gate.verdict == GateVerdict::Leak && gate.metric != Metric::Sites)
    }

    fn log(&self, build: Build) -> PathBuf {
        let suffix = if build == Build::Dhat { "-dhat" } else { "" };
        self.run
            .directory
            .join("target")
            .join(format!("{}{suffix}.log", self.scenario.name))
    }
}

fn started(scenario: &Scenario, measure: u32) -> ScenarioStarted {
    let gate = |gate: &crate::scenario::Gate| RecordedGate {
        metric: gate.metric.name().to_owned(),
        limit: gate.limit,
        overridden: gate.overridden,
    };
    ScenarioStarted {
        name: scenario.name.clone(),
        sha256: scenario.sha256.clone(),
        question: scenario.question.clone(),
        target: scenario.target.clone(),
        measure,
        gates: scenario.gates.iter().map(gate).collect(),
    }
}
