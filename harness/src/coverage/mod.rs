//! `leakgate coverage`: what of the targets no scenario exercises.
//!
//! Every scenario's load runs once, as briefly as can be, and the targets' own gauges and counts tell what it reached. A
//! gauge that no load ever fills cannot show a leak, however many gates watch it.

mod survey;
mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::causes::with_causes;
use crate::cli::job::{Job, Shown, build};
use crate::cli::workspace::{self, scenario_failure};
use crate::cli::{Failure, output};
use crate::config::Config;
use crate::drive::{ProfileMode, Profiler};
use crate::exit_code;
use crate::known::Ledger;
use crate::record::Recording;
use crate::report;
use crate::scenario::{self, Scenario, Suite};
use crate::target::Messages;
pub(crate) use survey::Survey;

/// The survey, in the run's directory.
const FILE: &str = "coverage.json";

/// What `leakgate coverage` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CoverageArguments {
    /// Names in scenarios/, or paths of scenario files [default: suites gate and full]
    scenarios: Vec<String>,
    /// The file that names the targets [default: leakgate.toml here or in a directory above]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the directory is made [default: reports/coverage beside the configuration]
    #[arg(long, value_name = "DIR")]
    report_dir: Option<PathBuf>,
}

/// Runs every load once and says what none of them exercised; the exit code is 1 when there is such a thing.
pub(crate) fn coverage(arguments: &CoverageArguments) -> Result<u8, Failure> {
    let config = workspace::config(arguments.config.as_deref())?;
    let scenarios = scenarios(arguments, &config)?;
    build(&config, &scenarios, None, Messages::Shown)?;
    let except = config.coverage.except.clone();
    let reports = arguments.report_dir.clone();
    let job = Job {
        reports: reports.unwrap_or_else(|| config.root.join("reports").join("coverage")),
        config,
        scenarios: scenarios.into_iter().map(Scenario::briefly).collect(),
        known: Ledger::default(),
        profile: ProfileMode::Never,
        profiler: Profiler::default(),
        quick: true,
        runs: 1,
        seeding: None,
        shown: Shown::Progress,
        seed: None,
        shard: None,
    };
    let done = job.execute()?;
    let recording = Recording::read(&done.directory.join("events.jsonl"));
    let survey = Survey::of(&recording.map_err(Failure::internal)?.lines, &except);
    all_are_there(&except, &survey)?;
    let json = report::json(&survey).map_err(Failure::internal)?;
    report::replace(&done.directory, FILE, &json)
        .map_err(|error| Failure::internal(with_causes(&error)))?;
    output::text(&text::terminal(&survey))?;
    Ok(if !survey.failed().is_empty() {
        exit_code::TARGET_FAILED
    } else if survey.is_complete() {
        exit_code::PASS
    } else {
        exit_code::LEAK
    })
}

/// An exception for something that no target has is a mistake, or of yesterday.
fn all_are_there(except: &BTreeMap<String, String>, survey: &Survey) -> Result<(), Failure> {
    let is_there = |name: &&String| survey.rows.iter().any(|row| row.name == **name);
    match except.keys().find(|name| !is_there(name)) {
        Some(name) => Err(Failure::usage(format!(
            "leakgate.toml: coverage.except names `{name}`, which is no gauge and no count of the targets that ran"
        ))),
        None => Ok(()),
    }
}

fn scenarios(arguments: &CoverageArguments, config: &Config) -> Result<Vec<Scenario>, Failure> {
    let directory = config.root.join("scenarios");
    if !arguments.scenarios.is_empty() {
        let named = arguments.scenarios.iter();
        let found = named.map(|wanted| scenario::find(wanted, &directory));
        return found.collect::<Result<_, _>>().map_err(scenario_failure);
    }
    let mut all = Vec::new();
    for suite in [Suite::Gate, Suite::Full] {
        all.extend(scenario::load_suite(&directory, suite).map_err(scenario_failure)?);
    }
    match all.is_empty() {
        true => Err(Failure::usage(format!(
            "no scenario of the suites gate and full in {}",
            directory.display()
        ))),
        false => Ok(all),
    }
}
