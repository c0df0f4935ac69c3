//! `leakgate run`: finds, builds, drives, judges, reports.

use super::job::{Job, Shown, build};
use super::workspace::{self, scenario_failure};
use super::{Failure, RunArguments, output, repeat, trend};
use crate::config::Config;
use crate::drive::{self, ProfileMode};
use crate::exit_code;
use crate::judge::Verdict;
use crate::known::Ledger;
use crate::scenario::{self, GateOverride, Scenario};
use crate::target::Messages;
use crate::trend::FILE;

/// Runs what was asked for and prints its report.
pub(super) fn run(given: &RunArguments) -> Result<u8, Failure> {
    let resumed = given.resume.as_deref();
    let arguments = &match resumed {
        Some(directory) => repeat::arguments(directory)?,
        None => given.clone(),
    };
    let config = workspace::config(arguments.workspace.config.as_deref())?;
    let scenarios = scenarios(arguments, &config)?;
    let known = known(&config)?;
    let reports = arguments
        .report_dir
        .clone()
        .unwrap_or_else(|| config.root.join("reports"));
    let always = arguments.profile == ProfileMode::Always;
    build(
        &config,
        &scenarios,
        always.then_some(arguments.profiler),
        Messages::Shown,
    )?;
    let job = Job {
        config,
        scenarios,
        known,
        reports,
        profile: arguments.profile,
        profiler: arguments.profiler,
        quick: arguments.quick,
        runs: arguments.repeat.unwrap_or(1),
        seeding: None,
        shown: Shown::Progress,
        seed: arguments.seed,
        shard: arguments.shard,
    };
    if arguments.repeat.is_some() {
        return repeat::repeat(job, arguments, resumed);
    }
    let done = job.execute()?;
    output::report(&done.report)?;
    output::note(&format!(
        "report: {}",
        done.directory.join("report.html").display()
    ));
    if arguments.trend {
        trend::add(&done.directory, &job.reports.join(FILE))?;
    }
    if done.report.verdict == Verdict::Leak {
        let directory = done.directory.display();
        output::note(&format!(
            "more about the leaks: leakgate triage {directory}"
        ));
    }
    Ok(exit_code::of(done.verdict.exit_class()))
}

/// The ledger of known leaks; what it says of scenarios that do not exist would never be missed.
fn known(config: &Config) -> Result<Ledger, Failure> {
    let known = Ledger::load(&config.root).map_err(workspace::config_failure)?;
    let directory = config.root.join("scenarios");
    for name in known.scenarios() {
        scenario::find(name, &directory).map_err(|error| {
            let failure = scenario_failure(error);
            Failure::usage(format!("{}: {}", crate::known::FILE, failure.message))
        })?;
    }
    Ok(known)
}

/// The scenarios that were asked for, their targets and gates as the command line has them.
pub(super) fn scenarios(
    arguments: &RunArguments,
    config: &Config,
) -> Result<Vec<Scenario>, Failure> {
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
    if let Some(shard) = arguments.shard {
        scenarios = shard.of(scenarios);
    }
    if scenarios.is_empty() {
        return Err(Failure::usage(format!(
            "no scenario of that suite (or part of it) in {}",
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
