//! `leakgate run --repeat N`: the same run again and again, as evidence for one answer, resumable at any time.
//!
//! Every run is kept whole under `runs/`; `repeat.jsonl` gets a line when one is over, so that what was interrupted is done
//! again and nothing else is. The runs share one false-alarm budget: more of them never buy a second chance.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::job::Job;
use super::recordings::Judged;
use super::workspace::{self, CONFIG};
use super::{Failure, RunArguments, output};
use crate::causes::with_causes;
use crate::exit_code;
use crate::judge::{ExitClass, Verdict};
use crate::known;
use crate::report::repeat::{RepeatReport, RepeatedRun};
use crate::report::{self, RunReport};
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
            same_texts(&job, arguments, directory)?;
            directory.to_owned()
        }
        None => begin(&job, arguments)?,
    };
    let directory = directory.canonicalize().map_err(Failure::internal)?;
    job.reports = directory.join("runs");
    let mut log = Log::open(&directory)?;
    log.recover(&job.reports)?;
    while log.runs.len() < job.runs as usize {
        output::note(&format!("run {} of {}", log.runs.len() + 1, job.runs));
        let one = job.execute()?;
        let interrupted = one.verdict.exit_class() == ExitClass::Interrupted;
        // A leak that has been seen stays seen, however the run ended.
        if !interrupted || leaks(&one.report) {
            log.add(RepeatedRun::of(&one.report))?;
        }
        if interrupted {
            output::note(&format!(
                "interrupted; to go on: leakgate run --resume {}",
                directory.display()
            ));
            break;
        }
    }
    let done = log.runs;
    let finished = done.len() == job.runs as usize;
    let report = RepeatReport::of(job.runs, done);
    store(&report, &directory, REPORT)?;
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
    let mut arguments = arguments.clone();
    // Paths mean the same from wherever it is gone on with.
    if let Some(config) = &mut arguments.workspace.config {
        *config = config.canonicalize().map_err(Failure::usage)?;
    }
    for scenario in &mut arguments.scenarios {
        if let Ok(path) = Path::new(&scenario).canonicalize() {
            *scenario = path.display().to_string();
        }
    }
    let plan = Plan {
        texts: fingerprints(job, &arguments),
        arguments,
    };
    store(&plan, &directory, PLAN)?;
    Ok(directory)
}

fn fingerprints(job: &Job, arguments: &RunArguments) -> BTreeMap<String, String> {
    let scenarios = job.scenarios.iter();
    let root = &job.config.root;
    let config = arguments.workspace.config.clone();
    // A file that is not there has no fingerprint, and one that appears is a change.
    let files = [
        (known::FILE, root.join(known::FILE)),
        (CONFIG, config.unwrap_or_else(|| root.join(CONFIG))),
    ];
    scenarios
        .map(|scenario| (scenario.name.clone(), scenario.sha256.clone()))
        .chain(
            files
                .into_iter()
                .filter_map(|(name, path)| Some((name.to_owned(), sha256_of(&path)?))),
        )
        .collect()
}

/// Evidence about one scenario is none about another.
fn same_texts(job: &Job, arguments: &RunArguments, directory: &Path) -> Result<(), Failure> {
    let (then, now) = (plan(directory)?.texts, fingerprints(job, arguments));
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

/// The runs that count, in memory and on disk.
struct Log {
    directory: PathBuf,
    file: File,
    runs: Vec<RepeatedRun>,
}

impl Log {
    /// Reads the log of a directory. A last line without its end is of a run that was cut off while it was written down: it
    /// is taken away.
    fn open(directory: &Path) -> Result<Log, Failure> {
        let path = directory.join(RUNS);
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("cannot read {}: {error}", path.display()))
        };
        let open = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(&path);
        let mut file = open.map_err(|error| wrong(&error))?;
        let mut text = String::new();
        file.read_to_string(&mut text)
            .map_err(|error| wrong(&error))?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64).map_err(|error| wrong(&error))?;
        let runs: Result<_, Failure> = text[..whole]
            .lines()
            .enumerate()
            .map(|(number, line)| {
                serde_json::from_str(line)
                    .map_err(|error| wrong(&format!("line {}: {error}", number + 1)))
            })
            .collect();
        Ok(Log {
            directory: directory.to_owned(),
            file,
            runs: runs?,
        })
    }

    /// Adds runs that were cut off after they had seen a leak: doing them again would be a second chance.
    fn recover(&mut self, reports: &Path) -> Result<(), Failure> {
        let entries = fs::read_dir(reports).map_err(Failure::internal)?;
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        for name in names {
            let known = |run: &RepeatedRun| name == run.run_id.as_str();
            let directory = reports.join(&name);
            if self.runs.iter().any(known) || directory.is_symlink() {
                continue;
            }
            // One without a recording had not begun.
            let Ok(Judged { report, .. }) = Judged::read(&directory) else {
                continue;
            };
            if leaks(&report) {
                self.add(RepeatedRun::of(&report))?;
            }
        }
        Ok(())
    }

    fn add(&mut self, run: RepeatedRun) -> Result<(), Failure> {
        self.same_binaries(&run)?;
        let mut line = serde_json::to_vec(&run).map_err(Failure::internal)?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(Failure::internal)?;
        self.runs.push(run);
        Ok(())
    }

    /// Evidence about one build of a target is none about another. A target that did not start has no build to compare.
    fn same_binaries(&self, run: &RepeatedRun) -> Result<(), Failure> {
        for (scenario, binary) in &run.binaries {
            let earlier = self
                .runs
                .iter()
                .filter_map(|run| run.binaries.get(scenario));
            let first = earlier.flatten().next();
            if let (Some(first), Some(binary)) = (first, binary)
                && first != binary
            {
                return Err(Failure::usage(format!(
                    "the target of `{scenario}` was built anew since the runs in {} began: they are evidence about another binary",
                    self.directory.display()
                )));
            }
        }
        Ok(())
    }
}

/// Whether any gate of the run called a leak.
fn leaks(report: &RunReport) -> bool {
    let mut scenarios = report.scenarios.iter();
    scenarios.any(|scenario| scenario.verdict == Verdict::Leak)
}

fn store(document: &impl Serialize, directory: &Path, name: &str) -> Result<(), Failure> {
    let text = report::json(document).map_err(Failure::internal)?;
    let stored = report::replace(directory, name, &text);
    stored.map_err(|error| Failure::internal(with_causes(&error)))
}
