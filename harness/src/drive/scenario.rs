//! One scenario: start, warm-up, measured cycles, idle time, end; then the profile, when it is wanted.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;

use super::cycle;
use super::driver::{self, Driver, StepError};
use super::ending::{End, Stop, target_failed};
use super::seeding::Sower;
use super::warmup::Steady;
use super::within::Held;
use super::{ProfileMode, Profiler, Run};
use crate::causes::with_causes;
use crate::config::Target;
use crate::judge::{self, SoFar};
use crate::record::event::{
    CycleFinished, Event, IdleMeasured, NotProfiled, Outcome, Phase, RecordedGate,
    ScenarioFinished, ScenarioStarted, TargetStarted, WithinCycle,
};
use crate::record::{Recorder, Recording};
use crate::sample::probe::ProbeClient;
use crate::sample::{Edge, Sampler, pause};
use crate::scenario::{Metric, Scenario, Warmup};
use crate::target::{self, Instance, Plan};
use crate::units::milliseconds;

/// How long the target stands idle while its churn is read: long enough for a timer of one second to show twice.
const IDLE: Duration = Duration::from_millis(2500);
/// The same under `--quick`.
const IDLE_QUICK: Duration = Duration::from_millis(1100);

/// A target that is ready answers its driver's hello at once.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// The least that all profiled cycles may take: dhat makes a target 10 to 100 times as slow.
const PROFILE_DEADLINE: Duration = Duration::from_secs(10 * 60);

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
    let looks = looks(run, scenario);
    let started = started(run, scenario, looks);
    recorder.record(Event::ScenarioStarted(started.clone()))?;
    let begins = recorder.position();
    let target = &run.config.targets[&scenario.target];
    let mut drive = Drive {
        run,
        scenario,
        target,
        started,
        begins,
        recorder,
        instance: None,
        sower: None,
    };
    let end = match drive.cannot_run() {
        Some(reason) => End::new(Outcome::Skipped, reason),
        None => tokio::select! {
            done = drive.everything() => match done {
                Ok(()) => End::new(Outcome::Complete, String::new()),
                Err(Stop::End(end)) => end,
                Err(Stop::Recording(error)) => return Err(error),
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

/// One scenario under way.
pub(super) struct Drive<'a, 'r> {
    pub(super) run: &'a Run,
    pub(super) scenario: &'a Scenario,
    pub(super) target: &'a Target,
    /// What was recorded of the scenario when it began.
    started: ScenarioStarted,
    /// Where its own events begin in the recording, bytes.
    begins: u64,
    pub(super) recorder: &'a mut Recorder<'r>,
    /// Kept here, so that it is ended whichever way driving stops.
    pub(super) instance: Option<Instance>,
    /// What a self-test sows.
    sower: Option<Sower>,
}

/// Which build of the target is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Build {
    /// The one that ships: every metric is judged on it.
    Shipped,
    /// The one that is linked with a heap profiler: nothing but its profile is used.
    Profiled,
}

impl Drive<'_, '_> {
    /// Why the scenario cannot be driven here, when it cannot.
    fn cannot_run(&self) -> Option<String> {
        if let Some(program) = target::missing_program(&self.target.requires) {
            return Some(format!("`{program}` is not installed"));
        }
        driver::unsupported(self.target, &self.scenario.steps)
    }

    /// Measures, then profiles where that is wanted; each has a deadline of its own.
    async fn everything(&mut self) -> Result<(), Stop> {
        let deadline = self.scenario.deadline;
        match timeout(deadline, self.measure()).await {
            Ok(done) => done?,
            Err(_) => return Err(self.timed_out(deadline)),
        }
        if !self.wants_profile() {
            return Ok(());
        }
        let profiler = self.run.profiler;
        if profiler.variant(self.target).is_none() {
            let reason = profiler.missing(&self.scenario.target, self.target);
            let event = Event::NotProfiled(NotProfiled { reason });
            return Ok(self.recorder.record(event)?);
        }
        self.build_profiled().await?;
        let deadline = deadline.max(PROFILE_DEADLINE);
        match timeout(deadline, self.profile()).await {
            Ok(done) => done,
            Err(_) => Err(self.timed_out(deadline)),
        }
    }

    /// Drives the shipped build from its baseline to its end.
    async fn measure(&mut self) -> Result<(), Stop> {
        let (driver, mut sampler) = self.start(Build::Shipped).await?;
        self.sample(&mut sampler, Phase::Start, 0, Edge::Outer)
            .await?;
        let remembered = sampler.remember_peaks().await;
        self.sampled(remembered).await?;
        self.warm_up(&driver, &mut sampler).await?;
        let remembered = sampler.remember_objects();
        self.sampled(remembered).await?;
        self.measure_cycles(&driver, &mut sampler).await?;
        let exercised = sampler.exercised().await;
        let exercised = self.sampled(exercised).await?;
        if !exercised.gauges.is_empty() {
            self.recorder.record(Event::Exercised(exercised))?;
        }
        let gained = self.sampled(sampler.objects_gained()).await?;
        if !gained.objects.is_empty() {
            self.recorder.record(Event::ObjectsGained(gained))?;
        }
        self.measure_idle(&mut sampler).await?;
        drop((driver, sampler));
        self.stop().await
    }

    /// Runs measured cycles from look to look, until something leaks or no gate wants more of them.
    async fn measure_cycles(&mut self, driver: &Driver, sampler: &mut Sampler) -> Result<(), Stop> {
        let mut cycle = 0;
        for look in self.started.looks.clone() {
            while cycle < look {
                cycle += 1;
                self.cycle(driver, Phase::Measure, cycle).await?;
                let edge = if cycle == look {
                    Edge::Outer
                } else {
                    Edge::Inner
                };
                self.sample(sampler, Phase::Measure, cycle, edge).await?;
            }
            if !self.so_far().wants_more_cycles {
                break;
            }
        }
        Ok(())
    }

    /// Starts a build of the target and connects its driver and its sampler.
    pub(super) async fn start(&mut self, build: Build) -> Result<(Driver, Sampler), Stop> {
        let variant = self.run.profiler.variant(self.target);
        let process = match (build, variant) {
            (Build::Profiled, Some(variant)) => variant,
            _ => &self.target.process,
        };
        let log = self.log(build);
        let plan = Plan {
            target: self.target,
            command: &process.command,
            root: &self.run.config.root,
            log: &log,
            armed: self.run.seeding.is_some(),
        };
        let started = Instance::start(plan).map_err(target_failed)?;
        // Kept before it is waited for: whatever cuts the waiting short, the instance is ended.
        let instance = self.instance.insert(started);
        instance
            .wait_ready(&self.target.ready)
            .await
            .map_err(target_failed)?;
        let socket = instance.probe_socket();
        let probe = match self.target.probe {
            true => match ProbeClient::connect(&socket).await {
                Ok(probe) => Some(probe),
                Err(error) => {
                    return Err(self.failed("connecting to the probe", error.into()).await);
                }
            },
            false => None,
        };
        self.connect_sower().await?;
        let Some(instance) = &mut self.instance else {
            return Err(target_failed("the target has gone"));
        };
        self.recorder.record(Event::TargetStarted(TargetStarted {
            pid: instance.pid,
            binary_sha256: instance.binary_sha256(),
            allocator: probe.as_ref().map(|probe| probe.hello().allocator.clone()),
            dhat: build == Build::Profiled,
        }))?;
        let within = self.target.ready.asks_for().unwrap_or(CONNECT_WITHIN);
        let connected = timeout(within, Driver::connect(self.target, instance)).await;
        let sampler = Sampler::new(instance.pid, instance.supervisor, probe, instance.private());
        match connected.unwrap_or(Err(StepError::Stuck(within))) {
            Ok(driver) => Ok((driver, sampler)),
            Err(error) => Err(self.failed("connecting", error).await),
        }
    }

    /// Connects what sows, in a self-test.
    async fn connect_sower(&mut self) -> Result<(), Stop> {
        if let (Some(seeding), Some(instance)) = (self.run.seeding, &self.instance) {
            match Sower::connect(seeding, instance).await {
                Ok(sower) => self.sower = Some(sower),
                Err(error) => return Err(self.failed("connecting the seeds", error.into()).await),
            }
        }
        Ok(())
    }

    async fn warm_up(&mut self, driver: &Driver, sampler: &mut Sampler) -> Result<(), Stop> {
        let (most, fixed) = match self.scenario.cycles.warmup {
            Warmup::Auto => (Warmup::AUTO_MAX, false),
            Warmup::Fixed(cycles) => (cycles, true),
        };
        let mut steady = Steady::default();
        for cycle in 1..=most {
            self.cycle(driver, Phase::Warmup, cycle).await?;
            let sample = sampler.sample(Phase::Warmup, cycle, Edge::Inner).await;
            let sample = self.sampled(sample).await?;
            let over = !fixed && steady.ends_with(&sample);
            self.recorder.record(Event::Sample(Box::new(sample)))?;
            if over || cycle == most {
                // The last sample of the warm-up is what every gate compares with.
                return self
                    .sample(sampler, Phase::Warmup, cycle, Edge::Outer)
                    .await;
            }
        }
        Ok(())
    }

    async fn cycle(&mut self, driver: &Driver, phase: Phase, cycle: u32) -> Result<(), Stop> {
        let began = self.recorder.elapsed_ms();
        let (load, held) = match cycle::run(self.scenario, self.run, driver, phase, cycle).await {
            Ok(done) => done,
            Err(failed) => {
                let place = format!("{} {}, cycle {cycle}", self.scenario.name, failed.place);
                return Err(self.failed(&place, failed.error).await);
            }
        };
        self.sow(phase, cycle).await?;
        let duration_ms = self.recorder.elapsed_ms() - began;
        for Held { heap, accounted } in held {
            self.recorder.record(Event::WithinCycle(WithinCycle {
                phase,
                cycle,
                heap,
                accounted: Some(accounted),
            }))?;
        }
        Ok(self.recorder.record(Event::CycleFinished(CycleFinished {
            phase,
            cycle,
            duration_ms,
            load,
        }))?)
    }

    /// Sows what a self-test wants sown after the load of this cycle.
    async fn sow(&mut self, phase: Phase, cycle: u32) -> Result<(), Stop> {
        let Some(sower) = &mut self.sower else {
            return Ok(());
        };
        match sower.after(phase, cycle).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failed("sowing", error.into()).await),
        }
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
                .failed("sampling", StepError::Target(with_causes(&error)))
                .await),
        }
    }

    async fn measure_idle(&mut self, sampler: &mut Sampler) -> Result<(), Stop> {
        // Only churn is read here, and standing idle takes longer than many a cycle.
        let judged = self.scenario.gates.iter();
        if !judged
            .map(|gate| gate.metric)
            .any(|metric| metric == Metric::ChurnIdle)
        {
            return Ok(());
        }
        let Some(probe) = sampler.probe() else {
            return Ok(());
        };
        let duration = if self.run.quick { IDLE_QUICK } else { IDLE };
        let read = async {
            let before = probe.heap().await?;
            pause(duration).await;
            Ok::<_, crate::sample::probe::ProbeError>(before.zip(probe.heap().await?))
        };
        let read = match read.await {
            Ok(read) => read,
            Err(error) => return Err(self.failed("standing idle", error.into()).await),
        };
        if let Some((before, after)) = read {
            let duration_ms = milliseconds(duration);
            let allocated_bytes = after.allocated_bytes.saturating_sub(before.allocated_bytes);
            self.recorder.record(Event::IdleMeasured(IdleMeasured {
                duration_ms,
                allocated_bytes,
            }))?;
        }
        Ok(())
    }

    fn wants_profile(&self) -> bool {
        match self.run.profile {
            ProfileMode::Never => false,
            ProfileMode::Always => true,
            ProfileMode::OnLeak => self.so_far().leaks,
        }
    }

    /// Judges what has been recorded of this scenario; read back, so that a long run is not kept in memory. What cannot
    /// be read back now cannot be judged later either, and is told then.
    fn so_far(&self) -> SoFar {
        let path = self.run.directory.join("events.jsonl");
        let lines = Recording::read_from(&path, self.begins).unwrap_or_default();
        judge::gates_so_far(&self.run.started, &self.started, &lines)
    }

    fn log(&self, build: Build) -> PathBuf {
        let suffix = match (build, self.run.profiler) {
            (Build::Shipped, _) => "",
            (Build::Profiled, Profiler::Dhat) => "-dhat",
            (Build::Profiled, Profiler::Track) => "-track",
        };
        self.run
            .directory
            .join("target")
            .join(format!("{}{suffix}.log", self.scenario.name))
    }
}

/// After how many measured cycles the scenario is judged.
fn looks(run: &Run, scenario: &Scenario) -> Vec<u32> {
    let cycles = scenario.cycles;
    if run.quick {
        leakgate_stats::looks(cycles.quick, cycles.measure)
    } else {
        leakgate_stats::looks(cycles.measure, cycles.max)
    }
}

fn started(run: &Run, scenario: &Scenario, looks: Vec<u32>) -> ScenarioStarted {
    let gate = |gate: &crate::scenario::Gate| RecordedGate {
        metric: gate.metric.name().to_owned(),
        limit: gate.limit,
        overridden: gate.overridden,
        file_limit: gate.file_limit,
        known: run.known.of(&scenario.name, gate.metric),
    };
    ScenarioStarted {
        name: scenario.name.clone(),
        sha256: scenario.sha256.clone(),
        question: scenario.question.clone(),
        target: scenario.target.clone(),
        measure: looks.first().copied().unwrap_or(0),
        looks,
        gates: scenario.gates.iter().map(gate).collect(),
    }
}
