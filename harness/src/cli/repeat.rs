//! `leakgate run --repeat N`: the same run again and again, as evidence for one answer, resumable at any time.
//!
//! Every run is kept whole under `runs/`; `repeat.jsonl` gets a line when one is over, so that what was interrupted is done
//! again and nothing else is. The runs share one false-alarm budget: more of them never buy a second chance.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::job::Job;
use super::{Failure, RunArguments, output, workspace};
use crate::exit_code;
use crate::judge::ExitClass;
use crate::known;
use crate::report::repeat::{RepeatReport, RepeatedRun};
use crate::target::sha256_of;

/// What was asked for when the runs began.
const PLAN: &str = "plan.json";
/// A line for each run that is over.
const RUNS: &str = "repeat.jsonl";
/// What they come to together.
const REPORT: &str = "repeat.json";

/// What a repetition was begun with: what is resumed is the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Plan {
    arguments: RunArguments,
    /// SHA-256 of everything that a verdict depends on, by name: each scenario, and the ledger of known leaks.
    texts: BTreeMap<String, String>,
}

/// The arguments that the repetition in `directory` was begun with.
pub(super) fn arguments(directory: &Path) -> Result<RunArguments, Failure> {
    Ok(plan(directory)?.arguments)
}

fn plan(directory: &Path) -> Result<Plan, Failure> {
    let path = directory.join(PLAN);
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::usage(format!(
            "{} holds no repeated runs: {}: {error}",
            directory.display(),
            path.display()
        ))
    };
    let text = fs::read_to_string(&path).map_err(|error| wrong(&error))?;
    serde_json::from_str(&text).map_err(|error| wrong(&error))
}

/// Carries out the runs that are still to be done, in a new directory or in the one to be resumed.
pub(super) fn repeat(
    mut job: Job,
    arguments: &RunArguments,
    resumed: Option<&Path>,
) -> Result<u8, Failure> {
    let directory = match resumed {
        Some(directory) => {
            same_texts(&job, directory)?;
            directory.to_owned()
        }
        None => begin(&job, arguments)?,
    };
    let directory = directory.canonicalize().map_err(Failure::internal)?;
    job.reports = directory.join("runs");
    let mut done = runs_so_far(&directory)?;
    let log_path = directory.join(RUNS);
    let log = OpenOptions::new().create(true).append(true).open(&log_path);
    let mut log = log.map_err(Failure::internal)?;
    while done.len() < job.runs as usize {
        output::note(&format!("run {} of {}", done.len() + 1, job.runs));
        let one = job.execute()?;
        if one.verdict.exit_class() == ExitClass::Interrupted {
            output::note(&format!(
                "interrupted; to go on: leakgate run --resume {}",
                directory.display()
            ));
            break;
        }
        let run = RepeatedRun::of(&one.report);
        same_binary(done.first(), &run, &directory)?;
        let mut line = serde_json::to_vec(&run).map_err(Failure::internal)?;
        line.push(b'\n');
        log.write_all(&line).map_err(Failure::internal)?;
        done.push(run);
    }
    let finished = done.len() == job.runs as usize;
    let report = RepeatReport::of(job.runs, done);
    store(&report, &directory).map_err(Failure::internal)?;
    output::repeat_report(&report)?;
    Ok(match finished {
        true => report.exit_code(),
        false => exit_code::INTERRUPTED,
    })
}

/// Makes the directory of a new repetition, and writes down what was asked for.
fn begin(job: &Job, arguments: &RunArguments) -> Result<PathBuf, Failure> {
    let made = workspace::run_directory(&job.reports, &["runs"]);
    let (_, directory) = made.map_err(Failure::internal)?;
    let plan = Plan {
        arguments: arguments.clone(),
        texts: fingerprints(job),
    };
    let text = serde_json::to_vec_pretty(&plan).map_err(Failure::internal)?;
    fs::write(directory.join(PLAN), text).map_err(Failure::internal)?;
    Ok(directory)
}

fn fingerprints(job: &Job) -> BTreeMap<String, String> {
    let scenarios = job.scenarios.iter();
    // A ledger that is not there has no fingerprint, and one that appears is a change.
    let known = sha256_of(&job.config.root.join(known::FILE));
    scenarios
        .map(|scenario| (scenario.name.clone(), scenario.sha256.clone()))
        .chain(known.map(|sha256| (known::FILE.to_owned(), sha256)))
        .collect()
}

/// Evidence about one scenario is none about another.
fn same_texts(job: &Job, directory: &Path) -> Result<(), Failure> {
    let (then, now) = (plan(directory)?.texts, fingerprints(job));
    let changed: Vec<&str> = now
        .iter()
        .filter(|(name, sha256)| then.get(*name) != Some(*sha256))
        .map(|(name, _)| name.as_str())
        .chain(
            then.keys()
                .map(String::as_str)
                .filter(|name| !now.contains_key(*name)),
        )
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "the runs in {} cannot be gone on with: changed since they began: {}",
        directory.display(),
        changed.join(", ")
    )))
}

/// Nor is evidence about one build of the target.
fn same_binary(
    first: Option<&RepeatedRun>,
    run: &RepeatedRun,
    directory: &Path,
) -> Result<(), Failure> {
    match first {
        Some(first) if first.binaries != run.binaries => Err(Failure::usage(format!(
            "the target was built anew since the runs in {} began: they are evidence about another binary",
            directory.display()
        ))),
        _ => Ok(()),
    }
}

/// The runs that are over. A last line without its end is of a run that was cut off while it was written down: it is taken
/// away, and the run done again.
fn runs_so_far(directory: &Path) -> Result<Vec<RepeatedRun>, Failure> {
    let path = directory.join(RUNS);
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::usage(format!("cannot read {}: {error}", path.display()))
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(wrong(&error)),
    };
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        let file = OpenOptions::new().write(true).open(&path);
        let cut = file.and_then(|file| file.set_len(whole as u64));
        cut.map_err(|error| wrong(&error))?;
    }
    text[..whole]
        .lines()
        .enumerate()
        .map(|(number, line)| {
            serde_json::from_str(line)
                .map_err(|error| wrong(&format!("line {}: {error}", number + 1)))
        })
        .collect()
}

fn store(report: &RepeatReport, directory: &Path) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(report)?;
    text.push(b'\n');
    fs::write(directory.join(REPORT), text)
}
