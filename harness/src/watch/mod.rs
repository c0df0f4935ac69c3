//! Watching a process that already runs: looks at it at intervals and records what it holds, until it is told to stop.
//!
//! The recording has the form of a run's: an interval is a cycle. So what judges and reports a run does so here too.

mod chart;
mod history;
mod process;
pub mod screen;

use std::io;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

pub use self::history::{History, Point};
pub use self::process::{FindError, Found};
use crate::causes::with_causes;
use crate::judge::{self, Growth};
use crate::record::Recorder;
use crate::record::event::{
    CycleFinished, Event, Load, Outcome, Phase, RecordedGate, RunStarted, Sample, ScenarioFinished,
    ScenarioStarted, TargetExited, TargetStarted,
};
use crate::sample::{SampleError, Sampler};
use crate::scenario::Metric;
use crate::units::milliseconds;

/// Shorter intervals would disturb what is watched: every look walks its page tables.
pub const EVERY_MIN: Duration = Duration::from_millis(250);
/// Longer times are mistyped: the clock itself cannot be set for as long as some that can be written. 1 year as `humantime`
/// has it.
pub const TIME_MAX: Duration = Duration::from_secs(31_557_600);
/// After so many recorded looks every second one is recorded only, and so on: a recording grows with the logarithm of time,
/// and so does the memory that judging it takes. At one look per second this begins after an hour.
const LOOKS_PER_STRIDE: u32 = 4096;
/// Looks before what is judged begins: a process that has just been started is still opening what it will always have.
const WARMUP_LOOKS: u32 = 5;
/// What is judged of a process that leakgate knows nothing about.
const GATES: [Metric; 5] = [
    Metric::RssRate,
    Metric::Fds,
    Metric::Threads,
    Metric::Children,
    Metric::Zombies,
];

/// How a process is watched.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Between two looks; at least [`EVERY_MIN`], at most [`TIME_MAX`].
    pub every: Duration,
    /// For how long, at most [`TIME_MAX`]; without it, until it is told to stop.
    pub duration: Option<Duration>,
}

/// What has been seen so far.
#[derive(Debug)]
pub struct Seen {
    /// The process.
    pub pid: u32,
    /// Its command line.
    pub command: String,
    /// Since the first look, milliseconds.
    pub elapsed_ms: u64,
    /// For how long it will be watched, where that is known, milliseconds.
    pub planned_ms: Option<u64>,
    /// The last look.
    pub sample: Option<Sample>,
    /// Resident memory of the process and its descendants.
    pub history: History,
}

impl Seen {
    /// Resident memory at the last look, bytes.
    pub fn resident(&self) -> u64 {
        self.sample.as_ref().map_or(0, |s| s.memory.tree_rss.0)
    }

    /// How fast resident memory grows, from all that was seen; nothing while that is too little.
    pub fn growth(&self) -> Option<Growth> {
        let points = self.history.points().iter();
        let levels: Vec<_> = points.map(|p| (p.middle_ms(), p.low)).collect();
        judge::growth_over_time(&levels)
    }
}

/// Why something is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// There was a new look.
    Looked,
    /// The terminal has another size.
    Resized,
}

/// Shows what has been seen; an error means that nobody is there to see it, and ends the watching.
pub type Show<'a> = &'a mut dyn FnMut(&Seen, Moment) -> io::Result<()>;

/// Watches a process until the time is over, it ends, or leakgate is told to stop; records it.
///
/// # Errors
/// When the recording cannot be written.
pub async fn watch(
    process: Found,
    plan: Plan,
    started: RunStarted,
    sampler: Sampler,
    recorder: &mut Recorder<'_>,
    show: Show<'_>,
) -> io::Result<()> {
    recorder.record(Event::RunStarted(started))?;
    let began_ms = recorder.elapsed_ms();
    recorder.record(Event::ScenarioStarted(scenario(&process)))?;
    let seen = Seen {
        pid: process.pid,
        command: process.command.clone(),
        elapsed_ms: 0,
        planned_ms: plan.duration.map(milliseconds),
        sample: None,
        history: History::default(),
    };
    #[expect(
        deprecated,
        reason = "its successor is unsafe; a process owns its descriptor and never changes it, which is what that asks for"
    )]
    let process = AsyncFd::with_interest(process, Interest::READABLE)?;
    let mut watching = Watching {
        process,
        sampler,
        recorder,
        seen,
        looks: 0,
        stride: 1,
        recorded: 0,
        remembered: false,
    };
    let finished = watching.until_the_end(plan, show).await?;
    if finished.outcome == Outcome::Complete {
        watching.record_objects()?;
    }
    let duration_ms = recorder.elapsed_ms() - began_ms;
    recorder.record(Event::ScenarioFinished(ScenarioFinished {
        duration_ms,
        ..finished
    }))?;
    recorder.record(Event::RunFinished {
        duration_ms: recorder.elapsed_ms(),
        harness_cpu_ms: crate::drive::cpu_ms(),
    })
}

fn scenario(process: &Found) -> ScenarioStarted {
    let gates = GATES.map(|metric| RecordedGate {
        metric: metric.name().to_owned(),
        limit: 0,
        overridden: false,
        file_limit: None,
        known: None,
    });
    ScenarioStarted {
        name: "watch".to_owned(),
        sha256: String::new(),
        question: format!("Does `{}` grow while it is watched?", process.command),
        target: format!("process {}", process.pid),
        measure: judge::WATCH_SAMPLES_MIN,
        looks: Vec::new(),
        gates: gates.to_vec(),
    }
}

struct Watching<'a, 'r> {
    process: AsyncFd<Found>,
    sampler: Sampler,
    recorder: &'a mut Recorder<'r>,
    seen: Seen,
    looks: u32,
    /// Every so many looks one is recorded.
    stride: u32,
    /// Looks recorded at this stride.
    recorded: u32,
    /// Whether the sampler knows which kernel objects there were at the end of the warm-up.
    remembered: bool,
}

/// What became of a look.
enum Looked {
    /// There is something to show.
    Well,
    /// The process has ended.
    Ended,
    /// It cannot be read any more.
    Failed(String),
}

impl Watching<'_, '_> {
    async fn until_the_end(&mut self, plan: Plan, show: Show<'_>) -> io::Result<ScenarioFinished> {
        let mut interrupts = signal(SignalKind::interrupt())?;
        let mut terminations = signal(SignalKind::terminate())?;
        let mut resizes = signal(SignalKind::window_change())?;
        let hello = self.sampler.probe().map(|probe| probe.hello().clone());
        self.recorder.record(Event::TargetStarted(TargetStarted {
            pid: self.seen.pid,
            binary_sha256: None,
            allocator: hello.as_ref().map(|hello| hello.allocator.clone()),
            dhat: hello.is_some_and(|hello| hello.dhat),
        }))?;
        let began = Instant::now();
        let until = plan.duration.and_then(|time| began.checked_add(time));
        let mut ticks = interval(plan.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => match self.look(began).await? {
                    Looked::Well => {
                        if show(&self.seen, Moment::Looked).is_err() {
                            return Ok(finished(Outcome::Complete, String::new()));
                        }
                    }
                    Looked::Ended => return self.ended(),
                    Looked::Failed(detail) => return Ok(finished(Outcome::TargetFailed, detail)),
                },
                _ = self.process.readable() => return self.ended(),
                _ = interrupts.recv() => return Ok(finished(Outcome::Complete, String::new())),
                _ = terminations.recv() => return Ok(finished(Outcome::Complete, String::new())),
                _ = resizes.recv() => {
                    if show(&self.seen, Moment::Resized).is_err() {
                        return Ok(finished(Outcome::Complete, String::new()));
                    }
                }
                () = sleep_until(until.unwrap_or(began)), if until.is_some() => {
                    return Ok(finished(Outcome::Complete, String::new()));
                }
            }
        }
    }

    /// Looks once, and records it where its turn has come.
    async fn look(&mut self, began: Instant) -> io::Result<Looked> {
        let (phase, cycle) = match self.looks {
            0 => (Phase::Start, 0),
            look @ 1..=WARMUP_LOOKS => (Phase::Warmup, look),
            look => (Phase::Measure, look - WARMUP_LOOKS),
        };
        let sample = self.sampler.look(phase, cycle).await;
        // Only now is it certain that what was read under this id was the process and not one that came after it.
        if self.process.get_ref().has_ended() {
            return Ok(Looked::Ended);
        }
        if self.looks == WARMUP_LOOKS {
            self.remembered = self.sampler.remember_objects().is_ok();
        }
        let sample = match sample {
            Ok(sample) => sample,
            Err(SampleError::Gone) => return Ok(Looked::Ended),
            Err(error) => return Ok(Looked::Failed(with_causes(&error))),
        };
        let elapsed = milliseconds(began.elapsed());
        let duration_ms = elapsed - self.seen.elapsed_ms;
        self.seen.elapsed_ms = elapsed;
        self.seen.history.push(elapsed, sample.memory.tree_rss.0);
        if self.looks.is_multiple_of(self.stride) {
            if phase != Phase::Start {
                self.recorder.record(Event::CycleFinished(CycleFinished {
                    phase,
                    cycle,
                    duration_ms,
                    load: Load::default(),
                }))?;
            }
            self.recorder
                .record(Event::Sample(Box::new(sample.clone())))?;
            self.recorded += 1;
            if self.recorded == LOOKS_PER_STRIDE {
                self.recorded = 0;
                self.stride = self.stride.saturating_mul(2);
            }
        }
        self.seen.sample = Some(sample);
        self.looks = self.looks.saturating_add(1);
        Ok(Looked::Well)
    }

    /// Records what the process has now and did not have when the warm-up was over. Where that cannot be read, because the
    /// process has just gone, say, the counts are judged without names.
    fn record_objects(&mut self) -> io::Result<()> {
        if !self.remembered {
            return Ok(());
        }
        match self.sampler.objects_gained() {
            Ok(gained) if !gained.objects.is_empty() && !self.process.get_ref().has_ended() => {
                self.recorder.record(Event::ObjectsGained(gained))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn ended(&mut self) -> io::Result<ScenarioFinished> {
        // Nobody but its parent is told how it ended.
        self.recorder.record(Event::TargetExited(TargetExited {
            asked: false,
            code: None,
            signal: None,
            took_ms: 0,
            left_processes: Vec::new(),
            more_processes: 0,
            left_files: Vec::new(),
            more_files: 0,
        }))?;
        let (pid, seconds) = (self.seen.pid, self.seen.elapsed_ms / 1000);
        let detail = format!("process {pid} ended by itself, {seconds} s into the watching");
        Ok(finished(Outcome::TargetFailed, detail))
    }
}

fn finished(outcome: Outcome, detail: String) -> ScenarioFinished {
    ScenarioFinished {
        outcome,
        detail,
        duration_ms: 0,
    }
}
