//! `leakgate triage`: what leaks, since when, and where to look first.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::recordings::Judged;
use super::{Failure, output};
use crate::exit_code;
use crate::judge::Verdict;
use crate::report::RunReport;
use crate::report::triage::{Green, Triage};

/// Earlier runs that are looked at for a green one, newest first.
const RUNS_SEARCHED: usize = 100;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct TriageArguments {
    /// The run's directory
    #[arg(default_value = "reports/latest")]
    run: PathBuf,
    /// Write sentences instead, in Markdown: for an issue, or for whoever repairs it
    #[arg(long)]
    explain: bool,
}

pub(super) fn triage(arguments: &TriageArguments) -> Result<u8, Failure> {
    let judged = Judged::read(&arguments.run)?;
    let green = green(&arguments.run, &judged.report);
    let directory = arguments.run.display().to_string();
    let triage = Triage {
        report: &judged.report,
        curves: &judged.curves,
        green: &green,
        directory: &directory,
    };
    output::triage(&triage, arguments.explain)?;
    Ok(exit_code::PASS)
}

/// For each leaking scenario, the last run beside this one in which it passed and was profiled.
fn green(run: &Path, report: &RunReport) -> BTreeMap<String, Green> {
    let mut wanted: Vec<&str> = report
        .scenarios
        .iter()
        .filter(|scenario| scenario.verdict == Verdict::Leak)
        .map(|scenario| scenario.name.as_str())
        .collect();
    let mut found = BTreeMap::new();
    for earlier in earlier(run, &report.run_id) {
        let on_disk = fs::read(earlier.join("run.json")).ok();
        let Some(earlier) = on_disk.and_then(|text| serde_json::from_slice(&text).ok()) else {
            continue; // not a run, or one of another version
        };
        let earlier: RunReport = earlier;
        wanted.retain(|name| {
            let green = earlier.scenarios.iter().find(|scenario| {
                scenario.name == *name
                    && scenario.verdict == Verdict::Pass
                    && !scenario.profiles.is_empty()
            });
            let Some(scenario) = green else { return true };
            let green = Green {
                run_id: earlier.run_id.clone(),
                held: scenario.held.clone(),
            };
            found.insert((*name).to_owned(), green);
            false
        });
        if wanted.is_empty() {
            break;
        }
    }
    found
}

/// The directories of earlier runs, newest first: their names begin with the time.
fn earlier(run: &Path, run_id: &str) -> Vec<PathBuf> {
    let Some(reports) = run
        .canonicalize()
        .ok()
        .and_then(|run| Some(run.parent()?.to_owned()))
    else {
        return Vec::new();
    };
    let entries = fs::read_dir(&reports).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name())
        .filter(|name| name.to_str().is_some_and(|name| name < run_id))
        .collect();
    names.sort();
    names
        .into_iter()
        .rev()
        .take(RUNS_SEARCHED)
        .map(|name| reports.join(name))
        .collect()
}
