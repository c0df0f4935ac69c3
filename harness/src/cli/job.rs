//! A job: everything that a run needs, prepared once, and carried out as often as is wanted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::signal::unix::{SignalKind, signal};

use super::progress::Progress;
use super::recordings::Judged;
use super::shard::Shard;
use super::{Failure, output, workspace};
use crate::causes::with_causes;
use crate::config::Config;
use crate::drive::{self, ProfileMode, Profiler, Seeding};
use crate::git::Git;
use crate::judge::RunVerdict;
use crate::known::Ledger;
use crate::record::Recorder;
use crate::record::event::{FalseAlarmBudget, Line, RunStarted, SCHEMA};
use crate::report::RunReport;
use crate::scenario::Scenario;
use crate::target::{self, Messages};

/// A run that has been prepared: its targets are built.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) config: Config,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) known: Ledger,
    /// Where the run's directory is made.
    pub(crate) reports: PathBuf,
    pub(crate) profile: ProfileMode,
    pub(crate) profiler: Profiler,
    pub(crate) quick: bool,
    /// Runs that answer together, this one included: they share one false-alarm budget.
    pub(crate) runs: u32,
    /// What a self-test sows.
    pub(crate) seeding: Option<Seeding>,
    pub(crate) shown: Shown,
    /// What random values are drawn with; another one in every run where it is absent.
    pub(crate) seed: Option<u64>,
    /// Which part of the suite it is; all of it otherwise.
    pub(crate) shard: Option<Shard>,
}

/// Whether a run's progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Progress,
    Nothing,
}

/// A run that has been driven, judged and stored.
pub(crate) struct Done {
    pub(crate) verdict: RunVerdict,
    pub(crate) report: RunReport,
    pub(crate) directory: PathBuf,
}

impl Job {
    /// Drives, judges and stores the run.
    pub(crate) fn execute(&self) -> Result<Done, Failure> {
        let made = workspace::run_directory(&self.reports, &["target", "profiles"]);
        let (run_id, directory) = made.map_err(Failure::internal)?;
        // Profiles are written by the target, which has a working directory of its own.
        let directory = directory.canonicalize().map_err(Failure::internal)?;
        let run = drive::Run {
            started: self.started(&run_id),
            config: self.config.clone(),
            scenarios: self.scenarios.clone(),
            known: self.known.clone(),
            profile: self.profile,
            profiler: self.profiler,
            quick: self.quick,
            directory: directory.clone(),
            emit: vec![
                format!("/proc/{}/exe", std::process::id()),
                "emit".to_owned(),
            ],
            seeding: self.seeding,
        };
        let mut progress = Progress::new(run.scenarios.len());
        let mut observer = |line: &Line| match self.shown {
            Shown::Progress => progress.show(line),
            Shown::Nothing => {}
        };
        let mut recorder = Recorder::create(&directory.join("events.jsonl"), &mut observer)
            .map_err(Failure::internal)?;
        runtime()?
            .block_on(drive::run(&run, &mut recorder))
            .map_err(Failure::internal)?;
        let judged = Judged::read(&directory)?;
        judged.store(&directory)?;
        workspace::point_latest(&self.reports, &run_id).map_err(Failure::internal)?;
        Ok(Done {
            verdict: judged.verdict,
            report: judged.report,
            directory,
        })
    }

    fn started(&self, run_id: &str) -> RunStarted {
        let statistical = self
            .scenarios
            .iter()
            .flat_map(|scenario| &scenario.gates)
            .filter(|gate| gate.metric.is_statistical())
            .count();
        RunStarted {
            shard: self.shard.map(|shard| shard.to_string()),
            budget: FalseAlarmBudget {
                gates: u32::try_from(statistical).unwrap_or(u32::MAX),
                runs: self.runs,
                ..FalseAlarmBudget::default()
            },
            ..started(
                run_id,
                &self.config.root,
                self.quick,
                self.seed.unwrap_or_else(seed),
            )
        }
    }
}

/// The first line of a recording: what is run, where and when, the false-alarm budget for a single gate.
pub(crate) fn started(run_id: &str, root: &Path, quick: bool, seed: u64) -> RunStarted {
    RunStarted {
        schema: SCHEMA,
        run_id: run_id.to_owned(),
        leakgate: env!("CARGO_PKG_VERSION").to_owned(),
        commit: commit(root),
        kernel: rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned(),
        cpus: std::thread::available_parallelism()
            .map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
        seed,
        quick,
        date: today(),
        shard: None,
        budget: FalseAlarmBudget::default(),
    }
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::internal)
}

/// Builds every target that the scenarios need and that can run here, and its variant for heap profiles where one is
/// taken of every scenario.
pub(crate) fn build(
    config: &Config,
    scenarios: &[Scenario],
    profiled: Option<Profiler>,
    messages: Messages,
) -> Result<(), Failure> {
    let names: BTreeSet<_> = scenarios.iter().map(|scenario| &scenario.target).collect();
    for name in names {
        let target = &config.targets[name];
        if target::missing_program(&target.requires).is_some() {
            continue;
        }
        let variants = [
            Some(&target.process),
            profiled.and_then(|profiler| profiler.variant(target)),
        ];
        for build in variants
            .into_iter()
            .flatten()
            .filter_map(|process| process.build.as_ref())
        {
            if messages == Messages::Shown {
                output::note(&format!("building {name}: {}", build.join(" ")));
            }
            runtime()?.block_on(unless_interrupted(config, build, messages))?;
        }
    }
    Ok(())
}

/// One build. After a run signals no longer end leakgate by themselves, so they are listened to here too; the build ends
/// with its future.
async fn unless_interrupted(
    config: &Config,
    build: &[String],
    messages: Messages,
) -> Result<(), Failure> {
    let mut interrupts = signal(SignalKind::interrupt()).map_err(Failure::internal)?;
    let mut terminations = signal(SignalKind::terminate()).map_err(Failure::internal)?;
    tokio::select! {
        built = target::build(build, &config.root, &config.build_env, messages) => {
            built.map_err(|error| Failure::target(with_causes(&error)))
        }
        _ = interrupts.recv() => Err(Failure::interrupted()),
        _ = terminations.recv() => Err(Failure::interrupted()),
    }
}

/// The day in UTC, `YYYY-MM-DD`.
fn today() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    now.chars().take("YYYY-MM-DD".len()).collect()
}

/// A seed that differs from run to run; the recording keeps it, so that a run can be repeated.
fn seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| u64::from(now.subsec_nanos()) ^ now.as_secs())
}

/// The commit that is checked out in `root`, with a mark when the tree differs from it.
pub(crate) fn commit(root: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let said = Git::at(root).run(arguments).ok()?;
        Some(said.trim().to_owned())
    };
    let head = git(&["rev-parse", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() {
        head
    } else {
        format!("{head}-dirty")
    })
}
