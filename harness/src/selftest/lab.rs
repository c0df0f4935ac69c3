//! The lab: makes trials, several at a time where that is wanted, and tells how far it is.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use super::ledger::{Ledger, LedgerError};
use super::movement::Movement;
use super::trial::{Outcome, Planned, Programs, Trial, red};
use crate::causes::with_causes;
use crate::cli::job::{Done, Job, Shown};
use crate::cli::{Failure, output};
use crate::config::Config;
use crate::drive::{ProfileMode, Profiler};
use crate::exit_code;
use crate::judge::ExitClass;
use crate::record::Recording;
use crate::scenario::Scenario;

/// Everything that trials have in common.
pub(super) struct Lab {
    pub(super) config: Config,
    pub(super) scenario: Scenario,
    /// Where the runs' directories are made.
    pub(super) runs: PathBuf,
    /// Trials made at the same time.
    pub(super) jobs: usize,
    /// SHA-256 of the leakgate that runs, hexadecimal.
    pub(super) leakgate_sha256: String,
}

impl Lab {
    /// Makes those of the planned trials that the ledger does not have yet. Ends at the first that cannot be made.
    pub(super) fn make(&self, planned: &[Planned], ledger: &mut Ledger) -> Result<(), Failure> {
        let missing = planned.iter().filter(|trial| ledger.find(trial).is_none());
        let queue: VecDeque<Planned> = missing.copied().collect();
        let mut progress = Progress::new(queue.len());
        let queue = Mutex::new(queue);
        // One result per worker may wait: the ledger is faster than any run.
        let (results, made) = sync_channel::<Result<Trial, Failure>>(self.jobs);
        std::thread::scope(|scope| {
            for _ in 0..self.jobs {
                let (results, queue) = (results.clone(), &queue);
                scope.spawn(move || {
                    while let Some(planned) = next(queue) {
                        // Nobody listens any more when another trial has failed.
                        if results.send(self.trial(planned)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(results);
            let all = made.iter().try_for_each(|trial| {
                let trial = trial?;
                progress.made(&trial);
                ledger.add(trial).map_err(LedgerError::told)
            });
            // Before the workers are waited for: they end at their next result.
            drop(made);
            all
        })
    }

    fn trial(&self, planned: Planned) -> Result<Trial, Failure> {
        let Planned { kind, dose, number } = planned;
        let job = Job {
            config: self.config.clone(),
            scenarios: vec![self.scenario.clone()],
            known: crate::known::Ledger::default(),
            reports: self.runs.clone(),
            profile: ProfileMode::Never,
            profiler: Profiler::default(),
            quick: false,
            runs: 1,
            seeding: kind.seeding(dose, self.scenario.cycles.measure),
            shown: Shown::Nothing,
            seed: None,
            shard: None,
        };
        let done = job.execute()?;
        let class = done.verdict.exit_class();
        let verdict = done.verdict.scenarios.first();
        let movement = movement(&planned, &done)?;
        let outcome = verdict.and_then(|verdict| Outcome::of(kind, verdict, movement));
        let (Some(verdict), Some(outcome)) = (verdict, outcome) else {
            let detail = verdict.map_or(&done.verdict.detail, |verdict| &verdict.detail);
            let message = match class {
                ExitClass::Interrupted => "interrupted".to_owned(),
                _ => format!("{kind}, run {number}: {detail}"),
            };
            let code = exit_code::of(class);
            return Err(Failure { code, message });
        };
        let recording = kept(outcome, &done)?;
        let target = done.report.scenarios.first();
        Ok(Trial {
            kind,
            dose,
            number,
            programs: Programs {
                scenario_sha256: self.scenario.sha256.clone(),
                target_sha256: target.and_then(|target| target.binary_sha256.clone()),
                leakgate_sha256: self.leakgate_sha256.clone(),
            },
            outcome,
            red: red(verdict),
            movement,
            detail: verdict.detail.clone(),
            duration_ms: verdict.duration_ms,
            recording,
        })
    }
}

/// What the recording of a trial says about the metric that watches for its seed.
fn movement(planned: &Planned, done: &Done) -> Result<Option<Movement>, Failure> {
    let recording = Recording::read(&done.directory.join("events.jsonl"));
    let recording = recording.map_err(|error| Failure::internal(with_causes(&error)))?;
    Ok(Movement::of(planned.kind, planned.dose, &recording.lines))
}

/// The name of the run's directory, which stays only where the outcome is not the one that is wanted.
fn kept(outcome: Outcome, done: &Done) -> Result<Option<String>, Failure> {
    if outcome.is_right() {
        fs::remove_dir_all(&done.directory).map_err(Failure::internal)?;
        return Ok(None);
    }
    let name = done.directory.file_name();
    Ok(name.map(|name| name.to_string_lossy().into_owned()))
}

fn next(queue: &Mutex<VecDeque<Planned>>) -> Option<Planned> {
    let mut queue = queue.lock().expect("no worker panics while it holds it");
    queue.pop_front()
}

/// Tells each trial as it is made, and the time that is left.
struct Progress {
    began: Instant,
    made: u32,
    planned: usize,
}

impl Progress {
    fn new(planned: usize) -> Self {
        Self {
            began: Instant::now(),
            made: 0,
            planned,
        }
    }

    fn made(&mut self, trial: &Trial) {
        self.made += 1;
        let left = self.planned.saturating_sub(self.made as usize);
        let each = self.began.elapsed() / self.made;
        let left = each * u32::try_from(left).unwrap_or(u32::MAX);
        let dose = trial.kind.describe(trial.dose);
        output::note(&format!(
            "[{}/{}] {}, {dose}: {} after {:.1} s; {} left",
            self.made,
            self.planned,
            trial.kind,
            trial.outcome.words(),
            Duration::from_millis(trial.duration_ms).as_secs_f64(),
            humantime::format_duration(Duration::from_secs(left.as_secs())),
        ));
    }
}
