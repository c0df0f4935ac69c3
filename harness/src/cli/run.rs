//! `leakgate run`: finds, builds, drives, judges, reports.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::progress::Progress;
use super::workspace::{self, scenario_failure};
use super::{Failure, RunArguments, output, recordings};
use crate::causes::with_causes;
use crate::config::Config;
use crate::drive::{self, ProfileMode, Seeding};
use crate::exit_code;
use crate::judge::RunVerdict;
use crate::record::Recorder;
use crate::record::event::{Line, RunStarted, SCHEMA};
use crate::report::{self, RunReport};
use crate::scenario::{self, GateOverride, Scenario};
use crate::target::{self, Messages};

/// Runs what was asked for and prints its report.
pub(super) fn run(arguments: &RunArguments) -> Result<u8, Failure> {
    let config = workspace::config(arguments.workspace.config.as_deref())?;
    let scenarios = scenarios(arguments, &config)?;
    let reports = arguments
        .report_dir
        .clone()
        .unwrap_or_else(|| config.root.join("reports"));
    build(&config, &scenarios, arguments.profile)?;
    let job = Job {
        config,
        scenarios,
        reports,
        profile: arguments.profile,
        quick: arguments.quick,
        seeding: None,
        shown: Shown::Progress,
    };
    let done = job.execute()?;
    output::report(&done.report)?;
    output::note(&format!(
        "report: {}",
        done.directory.join("report.md").display()
    ));
    Ok(exit_code::of(done.verdict.exit_class()))
}

/// A run that has been prepared: its targets are built.
pub(crate) struct Job {
    pub(crate) config: Config,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) reports: PathBuf,
    pub(crate) profile: ProfileMode,
    pub(crate) quick: bool,
    /// What a self-test sows.
    pub(crate) seeding: Option<Seeding>,
    pub(crate) shown: Shown,
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
    pub(crate) fn execute(self) -> Result<Done, Failure> {
        let (run_id, directory) = workspace::run_directory(&self.reports).map_err(|error| {
            Failure::internal(format!(
                "cannot make a directory for the run in {}: {error}",
                self.reports.display()
            ))
        })?;
        // Profiles are written by the target, which has a working directory of its own.
        let directory = directory.canonicalize().map_err(Failure::internal)?;
        let executable = std::env::current_exe().map_err(Failure::internal)?;
        let started = started(&run_id, &self.config.root, self.quick);
        let run = drive::Run {
            config: self.config,
            scenarios: self.scenarios,
            profile: self.profile,
            quick: self.quick,
            directory: directory.clone(),
            emit: vec![executable.display().to_string(), "emit".to_owned()],
            seeding: self.seeding,
        };
        let mut progress = Progress::new(run.scenarios.len());
        let shown = self.shown;
        let mut observer = |line: &Line| match shown {
            Shown::Progress => progress.show(line),
            Shown::Nothing => {}
        };
        let mut recorder = Recorder::create(&directory.join("events.jsonl"), &mut observer)
            .map_err(Failure::internal)?;
        runtime()?
            .block_on(drive::run(&run, started, &mut recorder))
            .map_err(Failure::internal)?;
        let (verdict, report) = recordings::read(&directory)?;
        report::store(&report, &directory)
            .map_err(|error| Failure::internal(with_causes(&error)))?;
        workspace::point_latest(&self.reports, &run_id).map_err(Failure::internal)?;
        Ok(Done {
            verdict,
            report,
            directory,
        })
    }
}

/// The scenarios that were asked for, their targets and gates as the command line has them.
fn scenarios(arguments: &RunArguments, config: &Config) -> Result<Vec<Scenario>, Failure> {
    let directory = config.root.join("scenarios");
    let mut scenarios = match arguments.scenarios.as_slice() {
        [] => {
            scenario::load_suite(&directory, arguments.workspace.suite).map_err(scenario_failure)?
        }
        named => {
            let found = named
                .iter()
                .map(|wanted| scenario::find(wanted, &directory));
            found.collect::<Result<_, _>>().map_err(scenario_failure)?
        }
    };
    if scenarios.is_empty() {
        return Err(Failure::usage(format!(
            "no scenario of that suite in {}",
            directory.display()
        )));
    }
    for scenario in &mut scenarios {
        // A target of another kind is skipped with the reason; for its own, the scenario is wrong.
        let own = config.targets.get(&scenario.target);
        if let Some(why) = own.and_then(|own| drive::unsupported(own, &scenario.steps)) {
            return Err(Failure::usage(format!(
                "scenario `{}`: {why}",
                scenario.name
            )));
        }
        if let Some(target) = &arguments.target {
            scenario.target.clone_from(target);
        }
        if !config.targets.contains_key(&scenario.target) {
            let known: Vec<_> = config.targets.keys().map(String::as_str).collect();
            let (name, target) = (&scenario.name, &scenario.target);
            return Err(Failure::usage(format!(
                "scenario `{name}`: leakgate.toml has no target `{target}`; there are: {}",
                known.join(", ")
            )));
        }
    }
    for text in &arguments.gate {
        let change = GateOverride::parse(text).map_err(Failure::usage)?;
        let Some(scenario) = scenarios
            .iter_mut()
            .find(|scenario| scenario.name == change.scenario)
        else {
            return Err(Failure::usage(format!(
                "--gate {text}: no scenario `{}` in this run",
                change.scenario
            )));
        };
        scenario.override_gate(change.metric, change.limit);
    }
    Ok(scenarios)
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::internal)
}

/// Builds every target that the scenarios need and that can run here.
pub(crate) fn build(
    config: &Config,
    scenarios: &[Scenario],
    profile: ProfileMode,
) -> Result<(), Failure> {
    let names: BTreeSet<_> = scenarios.iter().map(|scenario| &scenario.target).collect();
    for name in names {
        let target = &config.targets[name];
        if target::missing_program(&target.requires).is_some() {
            continue;
        }
        let variants = [
            Some(&target.process),
            target
                .profile
                .as_ref()
                .filter(|_| profile == ProfileMode::Always),
        ];
        for build in variants
            .into_iter()
            .flatten()
            .filter_map(|process| process.build.as_ref())
        {
            output::note(&format!("building {name}: {}", build.join(" ")));
            let built = runtime()?.block_on(target::build(build, &config.root, Messages::Shown));
            built.map_err(|error| Failure::target(with_causes(&error)))?;
        }
    }
    Ok(())
}

pub(crate) fn started(run_id: &str, root: &Path, quick: bool) -> RunStarted {
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
        seed: seed(),
        quick,
    }
}

/// A seed that differs from run to run; the recording keeps it, so that a run can be repeated.
fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| u64::from(now.subsec_nanos()) ^ now.as_secs())
}

/// The commit that is checked out in `root`, with a mark when the tree differs from it.
fn commit(root: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(root)
            .args(arguments)
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let head = git(&["rev-parse", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() {
        head
    } else {
        format!("{head}-dirty")
    })
}
