//! `leakgate selftest`: makes a real target leak on purpose, and counts how often that is seen.
//!
//! A run is a scenario's own load, with a seed sown after each cycle through the target's probe. What is declared in
//! `[target.NAME.selftest]` is what must come of it.

mod baseline;
mod kind;
mod lab;
mod ledger;
mod minimum;
mod movement;
mod room;
mod summary;
#[cfg(test)]
mod tests;
mod text;
mod trial;

use std::path::{Path, PathBuf};

use crate::causes::with_causes;
use crate::cli::job::build;
use crate::cli::workspace::{self, scenario_failure};
use crate::cli::{Failure, SelftestArguments, output};
use crate::config::Config;
use crate::exit_code;
use crate::report;
use crate::scenario::{self, Scenario};
use crate::target::{self, Messages};
use crate::template::{Values, expand};
use baseline::Baseline;
pub use kind::{Dose, Kind};
use lab::Lab;
use ledger::{Ledger, LedgerError};
pub use movement::Movement;
pub use summary::Summary;
use summary::{Outcomes, Subject};
use trial::Planned;
use trial::Programs;
pub use trial::{Outcome, Trial};

/// Makes the trials that were asked for, sums them up, and says whether that is as good as declared.
pub(crate) fn selftest(arguments: &SelftestArguments) -> Result<u8, Failure> {
    let config = workspace::config(arguments.config.as_deref())?;
    let scenario = scenario(arguments, &config)?;
    let jobs = workspace::jobs(arguments.jobs)?;
    let declared = config.targets[&scenario.target].selftest;
    let kinds: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| is_wanted(*kind, &arguments.seed))
        .collect();
    for kind in &kinds {
        room::check(*kind, kind.dose(&declared), &scenario.cycles).map_err(Failure::usage)?;
    }
    build(
        &config,
        std::slice::from_ref(&scenario),
        None,
        Messages::Shown,
    )?;
    let directory = directory(arguments, &config.root)?;
    let mut ledger = Ledger::open(&directory).map_err(LedgerError::told)?;
    let programs = programs(&scenario, &config, &ledger)?;
    ledger.accepts(&programs).map_err(LedgerError::told)?;
    let lab = Lab {
        config,
        scenario,
        runs: directory.join("runs"),
        jobs,
        leakgate_sha256: programs.leakgate_sha256,
    };
    output::note(&format!("trials: {}", directory.display()));
    let of_kind = |kind: Kind| {
        let dose = kind.dose(&declared);
        (1..=arguments.runs).map(move |number| Planned { kind, dose, number })
    };
    let planned: Vec<Planned> = kinds.iter().copied().flat_map(of_kind).collect();
    lab.make(&planned, &mut ledger)?;
    let mut minima = Vec::new();
    for kind in kinds.iter().filter(|_| arguments.minimum) {
        // Without a gate that is quiet by itself, every dose would do.
        if Baseline::of(*kind, ledger.trials()) != Baseline::Quiet {
            continue;
        }
        let found = minimum::find(*kind, &declared, arguments.runs, &lab, &mut ledger)?;
        minima.extend(found);
    }
    let subject = Subject {
        target: &lab.scenario.target,
        scenario: &lab.scenario,
        declared: &declared,
        minima,
    };
    let summary = summary::summary(&kinds, ledger.trials(), subject);
    store(&summary, &directory)?;
    output::text(&text::terminal(&summary))?;
    Ok(match summary.result {
        Outcomes::Pass => exit_code::PASS,
        Outcomes::Fail => exit_code::LEAK,
        Outcomes::Inconclusive => exit_code::INCONCLUSIVE,
    })
}

/// Whether trials of `kind` are made: those that were asked for, and always those without a seed, which the others are
/// held against.
fn is_wanted(kind: Kind, asked: &[Kind]) -> bool {
    kind == Kind::Clean || asked.is_empty() || asked.contains(&kind)
}

/// What the trials will run, as far as it can be told before the first: a target that is not named by its path is as
/// `ledger` has it, and compared once it has run.
fn programs(scenario: &Scenario, config: &Config, ledger: &Ledger) -> Result<Programs, Failure> {
    let root = config.root.display().to_string();
    let command = config.targets[&scenario.target].process.command.first();
    let program = command.map(|program| expand(program, &Values::new().text("root", root)));
    let target_sha256 = program.and_then(|program| target::sha256_of(Path::new(&program)));
    let before = || {
        let first = ledger.trials().first();
        first.and_then(|trial| trial.programs.target_sha256.clone())
    };
    Ok(Programs {
        scenario_sha256: scenario.sha256.clone(),
        target_sha256: target_sha256.or_else(before),
        // The file that runs, even when another one has its name by now.
        leakgate_sha256: target::sha256_of(Path::new("/proc/self/exe"))
            .ok_or_else(|| Failure::internal("cannot read /proc/self/exe"))?,
    })
}

/// The scenario, with its target as the command line has it: one that has a probe.
fn scenario(arguments: &SelftestArguments, config: &Config) -> Result<Scenario, Failure> {
    let directory = config.root.join("scenarios");
    let mut scenario = scenario::find(&arguments.scenario, &directory).map_err(scenario_failure)?;
    if let Some(target) = &arguments.target {
        scenario.target.clone_from(target);
    }
    let name = &scenario.target;
    let Some(target) = config.targets.get(name) else {
        let known: Vec<_> = config.targets.keys().map(String::as_str).collect();
        return Err(Failure::usage(format!(
            "leakgate.toml has no target `{name}`; there are: {}",
            known.join(", ")
        )));
    };
    if !target.probe {
        return Err(Failure::usage(format!(
            "target `{name}` has no probe (`probe = true`): nothing can be seeded into it"
        )));
    }
    Ok(scenario)
}

/// The directory of the self-test: the one that is resumed, or a new one.
fn directory(arguments: &SelftestArguments, root: &Path) -> Result<PathBuf, Failure> {
    let directory = match &arguments.resume {
        Some(directory) => directory.clone(),
        None => {
            let reports = arguments.report_dir.clone();
            let reports = reports.unwrap_or_else(|| root.join("reports/selftest"));
            let made = workspace::run_directory(&reports, &[]);
            made.map_err(Failure::internal)?.1
        }
    };
    directory
        .canonicalize()
        .map_err(|error| Failure::usage(format!("cannot use {}: {error}", directory.display())))
}

fn store(summary: &Summary, directory: &Path) -> Result<(), Failure> {
    let json = report::json(summary).map_err(Failure::internal)?;
    for (name, contents) in [
        ("selftest.json", json),
        ("selftest.md", text::markdown(summary).into_bytes()),
    ] {
        let stored = report::replace(directory, name, &contents);
        stored.map_err(|error| Failure::internal(with_causes(&error)))?;
    }
    Ok(())
}
