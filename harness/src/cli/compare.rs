//! `leakgate compare`: drives two binaries by turns, and says in which figures one is worse.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::job::{Job, Shown};
use super::{Failure, RunArguments, WorkspaceArguments, output, run, workspace};
use crate::causes::with_causes;
use crate::compare::{
    self, ComparedScenario, Comparison, Outcome, RunFigures, Runs, Side, intervals, runs_needed,
};
use crate::config::Config;
use crate::drive::{ProfileMode, Profiler};
use crate::judge::ExitClass;
use crate::known::Ledger;
use crate::record::Recording;
use crate::report;
use crate::scenario::Scenario;
use crate::target::sha256_of;
use crate::units::milliseconds;

/// More runs of each than ranks are counted for.
const RUNS_MAX: u32 = 100;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct CompareArguments {
    /// Names in scenarios/, or paths of scenario files [default: the whole suite]
    scenarios: Vec<String>,
    /// The binary to compare with: it stands in place of the first word of the target's command
    #[arg(long, value_name = "BIN")]
    base: PathBuf,
    /// The binary that may be worse
    #[arg(long, value_name = "BIN")]
    head: PathBuf,
    #[command(flatten)]
    workspace: WorkspaceArguments,
    /// Run against this target instead of the one that the scenario names
    #[arg(long)]
    target: Option<String>,
    /// Runs of each binary of each scenario [default: the fewest that can show a difference]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(RUNS_MAX)))]
    runs: Option<u32>,
    /// A difference of up to so many percent of the base is none
    #[arg(long, value_name = "PERCENT", default_value = "1", value_parser = percent)]
    margin: f64,
    /// Fewer cycles in each run
    #[arg(long)]
    quick: bool,
    /// Where the comparison's directory is made [default: reports/compare beside the configuration]
    #[arg(long, value_name = "DIR")]
    report_dir: Option<PathBuf>,
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse::<f64>().ok();
    percent
        .filter(|percent| (0.0..=1000.0).contains(percent))
        .ok_or_else(|| format!("`{text}` is no margin; allowed: 0 to 1000"))
}

/// Runs both by turns, stores and prints what they come to.
pub(super) fn compare(arguments: &CompareArguments) -> Result<u8, Failure> {
    let config = workspace::config(arguments.workspace.config.as_deref())?;
    let scenarios = run::scenarios(&wanted(arguments), &config)?;
    one_program(&scenarios, &config)?;
    let sides = [&arguments.base, &arguments.head].map(|path| side(path));
    let [base, head] = sides;
    let (base, head) = (base?, head?);
    let count = intervals(scenarios.len());
    let runs = enough_runs(arguments.runs, count)?;
    let reports = arguments.report_dir.clone();
    let reports = reports.unwrap_or_else(|| config.root.join("reports/compare"));
    let made = workspace::run_directory(&reports, &["base", "head"]);
    let (id, directory) = made.map_err(Failure::internal)?;
    let mut comparison = Comparison::new(base, head, runs, count, arguments.margin);
    comparison.quick = arguments.quick;
    let began = Instant::now();
    for scenario in &scenarios {
        let turns = Turns {
            config: &config,
            scenario,
            quick: arguments.quick,
            directory: &directory,
        };
        let runs = turns.take(&mut comparison)?;
        comparison.add(unanswered(scenario), &runs);
        if comparison.interrupted {
            break;
        }
    }
    comparison.duration_ms = milliseconds(began.elapsed());
    store(&comparison, &directory)?;
    workspace::point_latest(&reports, &id).map_err(Failure::internal)?;
    output::comparison(&comparison)?;
    let page = directory.join("compare.md");
    output::note(&format!("report: {}", page.display()));
    Ok(comparison.exit_code())
}

/// What `leakgate run` would be told.
fn wanted(arguments: &CompareArguments) -> RunArguments {
    RunArguments {
        scenarios: arguments.scenarios.clone(),
        workspace: arguments.workspace.clone(),
        target: arguments.target.clone(),
        report_dir: None,
        quick: arguments.quick,
        shard: None,
        seed: None,
        profile: ProfileMode::Never,
        profiler: Profiler::default(),
        repeat: None,
        resume: None,
        gate: Vec::new(),
        trend: false,
    }
}

/// One binary stands in for one program: scenarios of several programs cannot be compared by it.
fn one_program(scenarios: &[Scenario], config: &Config) -> Result<(), Failure> {
    let program = |scenario: &Scenario| {
        let command = &config.targets[&scenario.target].process.command;
        command.first().cloned().unwrap_or_default()
    };
    let first = &scenarios[0];
    let other = scenarios
        .iter()
        .find(|other| program(other) != program(first));
    match other {
        None => Ok(()),
        Some(other) => Err(Failure::usage(format!(
            "`{}` runs `{}` and `{}` runs `{}`: name scenarios of one program, or a --target",
            first.name,
            program(first),
            other.name,
            program(other)
        ))),
    }
}

fn side(path: &Path) -> Result<Side, Failure> {
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::usage(format!("{} is no program to run: {why}", path.display()))
    };
    let whole = path.canonicalize().map_err(|error| wrong(&error))?;
    rustix::fs::access(&whole, rustix::fs::Access::EXEC_OK).map_err(|error| wrong(&error))?;
    let sha256 = sha256_of(&whole).ok_or_else(|| wrong(&"it cannot be read"))?;
    Ok(Side {
        path: whole.display().to_string(),
        sha256,
    })
}

/// The runs of each; fewer than can show anything are a mistake.
fn enough_runs(asked: Option<u32>, count: u32) -> Result<u32, Failure> {
    let needed = runs_needed(count).ok_or_else(|| {
        Failure::usage(format!(
            "{count} figures are too many to be compared at once"
        ))
    })?;
    match asked {
        Some(asked) if asked < needed => Err(Failure::usage(format!(
            "--runs {asked}: with {count} figures no difference could be shown; allowed: {needed} to {RUNS_MAX}"
        ))),
        asked => Ok(asked.unwrap_or(needed)),
    }
}

/// The runs of one scenario.
struct Turns<'a> {
    config: &'a Config,
    scenario: &'a Scenario,
    quick: bool,
    directory: &'a Path,
}

impl Turns<'_> {
    /// Base, head, head, base, ...; ends early where a run did not do its load, or is interrupted.
    fn take(&self, comparison: &mut Comparison) -> Result<Runs, Failure> {
        let mut runs = Runs::default();
        for round in 0..comparison.runs {
            let mut turns = [("base", true), ("head", false)];
            if round % 2 == 1 {
                turns.reverse();
            }
            for (name, is_base) in turns {
                let (side, done) = match is_base {
                    true => (&comparison.base, &mut runs.base),
                    false => (&comparison.head, &mut runs.head),
                };
                let (of, number) = (comparison.runs, round + 1);
                output::note(&format!("{}: {name} {number} of {of}", self.scenario.name));
                match self.run(side, name, round)? {
                    Some(figures) => done.push(figures),
                    None => comparison.interrupted = true,
                }
                if comparison.interrupted || compare::failed(&runs).is_some() {
                    return Ok(runs);
                }
            }
        }
        Ok(runs)
    }

    /// One run of one side; none where it was interrupted.
    fn run(&self, side: &Side, name: &str, round: u32) -> Result<Option<RunFigures>, Failure> {
        if sha256_of(Path::new(&side.path)).as_ref() != Some(&side.sha256) {
            return Err(Failure::usage(format!(
                "{} has changed since the comparison began",
                side.path
            )));
        }
        let mut config = self.config.clone();
        if let Some(target) = config.targets.get_mut(&self.scenario.target)
            && let Some(program) = target.process.command.first_mut()
        {
            // A brace in a path is no placeholder.
            *program = side.path.replace('{', "{{").replace('}', "}}");
        }
        let job = Job {
            config,
            scenarios: vec![self.scenario.clone()],
            known: Ledger::default(),
            reports: self.directory.join(name),
            profile: ProfileMode::Never,
            profiler: Profiler::default(),
            quick: self.quick,
            runs: 1,
            seeding: None,
            shown: Shown::Nothing,
            // Both sides of a round draw the same values.
            seed: Some(u64::from(round)),
            shard: None,
        };
        let done = job.execute()?;
        if done.verdict.exit_class() == ExitClass::Interrupted {
            return Ok(None);
        }
        let recording = Recording::read(&done.directory.join("events.jsonl"));
        let recording = recording.map_err(|error| Failure::internal(with_causes(&error)))?;
        let figures = report::figures(&recording.lines).into_iter().next();
        let detail = done.report.scenarios.first().map(|s| s.detail.clone());
        Ok(Some(RunFigures {
            run_id: done.report.run_id,
            verdict: done.report.verdict,
            detail: detail.unwrap_or_default(),
            values: figures.unwrap_or_default().values,
        }))
    }
}

fn unanswered(scenario: &Scenario) -> ComparedScenario {
    ComparedScenario {
        name: scenario.name.clone(),
        sha256: scenario.sha256.clone(),
        question: scenario.question.clone(),
        target: scenario.target.clone(),
        outcome: Outcome::Inconclusive,
        detail: String::new(),
        base: Vec::new(),
        head: Vec::new(),
        figures: Vec::new(),
    }
}

fn store(comparison: &Comparison, directory: &Path) -> Result<(), Failure> {
    let files = [
        (
            "compare.json",
            report::json(comparison).map_err(Failure::internal)?,
        ),
        ("compare.md", compare::markdown(comparison).into_bytes()),
    ];
    for (name, contents) in files {
        let stored = report::replace(directory, name, &contents);
        stored.map_err(|error| Failure::internal(with_causes(&error)))?;
    }
    Ok(())
}
