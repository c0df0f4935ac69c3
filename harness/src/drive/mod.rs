//! Driving: the only part of leakgate that touches a target.
//!
//! A scenario is driven from its baseline through warm-up and measured cycles to the target's end;
//! everything that happens becomes an event of the recording, and nothing is decided here but
//! whether to go on. What the events mean is the judge's business.

mod cycle;
mod driver;
mod ending;
mod exec;
mod profile;
mod program;
mod quiet;
mod scenario;
mod seeding;
mod sessiond;
mod tally;
mod warmup;
mod wire;
mod within;

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, Process, Target};
use crate::known::Ledger;
use crate::record::Recorder;
use crate::record::event::{Event, Outcome, RunStarted};
use crate::scenario::Scenario;

pub(crate) use driver::unsupported;
pub use seeding::{Seeding, Sowing};

/// When a build for heap profiles is run beside the shipped one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum ProfileMode {
    /// Never.
    Never,
    /// When a scenario leaks.
    OnLeak,
    /// For every scenario whose target has such a build.
    Always,
}

/// What takes the heap profiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum Profiler {
    /// dhat, in two windows of the target's variant `profile`.
    #[default]
    Dhat,
    /// The probe's tracker, in two snapshots of the target's variant `track`.
    Track,
}

impl Profiler {
    /// What the variant's table is called in `leakgate.toml`, below the target's.
    fn table(self) -> &'static str {
        match self {
            Self::Dhat => "profile",
            Self::Track => "track",
        }
    }

    /// Its value of `--profiler`.
    fn name(self) -> &'static str {
        match self {
            Self::Dhat => "dhat",
            Self::Track => "track",
        }
    }

    /// The variant of `target` that is run under it.
    pub fn variant(self, target: &Target) -> Option<&Process> {
        match self {
            Self::Dhat => target.profile.as_ref(),
            Self::Track => target.track.as_ref(),
        }
    }

    /// Why a target without that variant is not profiled, and what would do.
    fn missing(self, name: &str, target: &Target) -> String {
        let other = match self {
            Self::Dhat => Self::Track,
            Self::Track => Self::Dhat,
        };
        let table = |profiler: Self| format!("[target.{name}.{}]", profiler.table());
        let instead = match other.variant(target) {
            Some(_) => format!(", but {}: --profiler {}", table(other), other.name()),
            None => String::new(),
        };
        format!("leakgate.toml has no {}{instead}", table(self))
    }
}

/// Everything that a run needs to know.
#[derive(Debug)]
pub struct Run {
    /// The targets.
    pub config: Config,
    /// What is run, in order; each scenario's target is in `config`.
    pub scenarios: Vec<Scenario>,
    /// When to profile.
    pub profile: ProfileMode,
    /// With what.
    pub profiler: Profiler,
    /// Whether the scenarios' short form is run.
    pub quick: bool,
    /// The run's directory, which exists.
    pub directory: PathBuf,
    /// What the recording begins with.
    pub started: RunStarted,
    /// The leaks that are known.
    pub known: Ledger,
    /// Program and arguments that stand for `{emit}`.
    pub emit: Vec<String>,
    /// What a self-test sows in the targets, whose probes are armed for it.
    pub seeding: Option<Seeding>,
}

/// Drives every scenario of a run, one after the other, and records it.
///
/// # Errors
/// When the recording cannot be written; everything else is an event.
pub async fn run(run: &Run, recorder: &mut Recorder<'_>) -> io::Result<()> {
    recorder.record(Event::RunStarted(run.started.clone()))?;
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    for scenario in &run.scenarios {
        let stop = async {
            tokio::select! {
                _ = interrupts.recv() => {}
                _ = terminations.recv() => {}
            }
        };
        if scenario::drive(run, scenario, recorder, stop).await? == Outcome::Interrupted {
            break;
        }
    }
    let harness_cpu_ms = cpu_ms();
    recorder.record(Event::RunFinished {
        duration_ms: recorder.elapsed_ms(),
        harness_cpu_ms,
    })
}

/// CPU time of leakgate's own process so far, milliseconds.
pub(crate) fn cpu_ms() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    u64::try_from(time.tv_sec * 1000 + time.tv_nsec / 1_000_000).unwrap_or(0)
}
