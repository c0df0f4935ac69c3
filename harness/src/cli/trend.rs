//! `leakgate trend`: keeps the figures of runs, and shows where they changed.

use std::path::{Path, PathBuf};

use super::recordings::Judged;
use super::{Failure, output, workspace};
use crate::causes::with_causes;
use crate::exit_code;
use crate::record::Recording;
use crate::report;
use crate::trend::{self, Absent, FILE, RUNS_MAX, Store, TrendRun};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct TrendArguments {
    #[command(subcommand)]
    command: TrendCommand,
    /// The store [default: reports/trend.jsonl beside leakgate.toml]
    #[arg(long, value_name = "FILE", global = true)]
    store: Option<PathBuf>,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum TrendCommand {
    /// Add runs to the store, in this order; those that are in it already stay as they are
    Add {
        /// The runs' directories
        #[arg(required = true)]
        runs: Vec<PathBuf>,
    },
    /// Show the figures of the last runs, and where they stepped
    Show {
        /// Names of scenarios [default: all]
        scenarios: Vec<String>,
        /// Runs that are looked at, the last ones
        #[arg(long, value_name = "N", default_value_t = RUNS_MAX, value_parser = runs)]
        last: usize,
        /// Write the picture as a page to this file, too
        #[arg(long, value_name = "FILE")]
        page: Option<PathBuf>,
        /// Print it as JSON instead
        #[arg(long)]
        json: bool,
    },
    /// Print the last run in Bencher Metric Format
    Export,
}

fn runs(text: &str) -> Result<usize, String> {
    let runs = text.parse().ok();
    runs.filter(|runs| (1..=RUNS_MAX).contains(runs))
        .ok_or_else(|| format!("`{text}` is no number of runs; allowed: 1 to {RUNS_MAX}"))
}

/// Adds to the store, or shows what is in it.
pub(super) fn trend(arguments: &TrendArguments) -> Result<u8, Failure> {
    let path = match &arguments.store {
        Some(path) => path.clone(),
        None => workspace::root().join("reports").join(FILE),
    };
    match &arguments.command {
        TrendCommand::Add { runs } => {
            for run in runs {
                add(run, &path)?;
            }
            Ok(exit_code::PASS)
        }
        TrendCommand::Show {
            scenarios,
            last,
            page,
            json,
        } => {
            let store = open(&path)?;
            let runs = store.runs();
            let trend = trend::trend(&runs[runs.len().saturating_sub(*last)..], scenarios);
            if let Some(wanted) = scenarios
                .iter()
                .find(|wanted| trend.scenarios.iter().all(|found| found.name != **wanted))
            {
                return Err(Failure::usage(format!(
                    "no run of scenario `{wanted}` among the last {last} in {}",
                    path.display()
                )));
            }
            if let Some(page) = page {
                write_page(page, &trend::page(&trend))?;
            }
            match json {
                true => output::json(&serde_json::to_value(&trend).map_err(Failure::internal)?),
                false => output::trend(&trend).map(|()| exit_code::PASS),
            }
        }
        TrendCommand::Export => {
            let store = open(&path)?;
            let empty = || Failure::usage(format!("{} has no run", path.display()));
            let last = store.runs().last().ok_or_else(empty)?;
            output::json(&trend::export(last))
        }
    }
}

/// Adds the run in a directory to the store, which is made where there is none.
pub(super) fn add(run: &Path, store: &Path) -> Result<(), Failure> {
    let recording = Recording::read(&run.join("events.jsonl"));
    let recording = recording.map_err(|error| Failure::usage(with_causes(&error)))?;
    let judged = Judged::of(&recording.lines);
    let added = TrendRun::of(&judged.report, &recording.lines);
    let name = added.run_id.clone();
    let opened = Store::open(store, Absent::Made);
    let is_new = opened.and_then(|mut store| store.add(added));
    let is_new = is_new.map_err(|error| Failure::usage(with_causes(&error)))?;
    output::note(&match is_new {
        true => format!("{name} added to {}", store.display()),
        false => format!("{name} is in {} already", store.display()),
    });
    Ok(())
}

fn open(path: &Path) -> Result<Store, Failure> {
    Store::open(path, Absent::Refused).map_err(|error| Failure::usage(with_causes(&error)))
}

fn write_page(path: &Path, page: &str) -> Result<(), Failure> {
    let whole = std::path::absolute(path).map_err(Failure::usage)?;
    let (Some(directory), Some(name)) = (whole.parent(), whole.file_name()) else {
        return Err(Failure::usage(format!("{} is no file", path.display())));
    };
    let name = name.to_string_lossy();
    let stored = report::replace(directory, &name, page.as_bytes());
    stored.map_err(|error| Failure::usage(with_causes(&error)))?;
    output::note(&format!("page: {}", path.display()));
    Ok(())
}
