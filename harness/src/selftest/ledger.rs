//! The ledger: every trial that has been made, a line each, so that a self-test that was cut short can go on.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use crate::causes::with_causes;
use crate::cli::Failure;

use super::trial::{Planned, Programs, Trial};

/// Its name in the directory of a self-test.
const FILE: &str = "trials.jsonl";

/// The trials of one self-test.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    file: File,
    trials: Vec<Trial>,
}

/// Why a ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum LedgerError {
    #[error("cannot use {}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("line {line} of {} is no trial", path.display())]
    Line {
        path: PathBuf,
        line: usize,
        source: serde_json::Error,
    },
    #[error("{} was begun with another {what}: its trials are evidence about that one; begin anew", path.display())]
    Other { path: PathBuf, what: &'static str },
}

impl LedgerError {
    /// As the user is told it.
    pub(super) fn told(self) -> Failure {
        Failure::usage(with_causes(&self))
    }
}

impl Ledger {
    /// Opens the ledger in `directory`, or begins one. A last line that was cut short is dropped: its trial is made again.
    pub(super) fn open(directory: &Path) -> Result<Self, LedgerError> {
        let path = directory.join(FILE);
        let failed = |source| LedgerError::Io {
            path: path.clone(),
            source,
        };
        let open = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path);
        let file = open.map_err(failed)?;
        let mut trials: Vec<Trial> = Vec::new();
        let mut whole: u64 = 0;
        let mut reader = BufReader::new(&file);
        let mut text = Vec::new();
        for line in 1.. {
            text.clear();
            let read = reader.read_until(b'\n', &mut text).map_err(failed)?;
            if !text.ends_with(b"\n") {
                break;
            }
            whole += read as u64;
            let trial = serde_json::from_slice(&text).map_err(|source| LedgerError::Line {
                path: path.clone(),
                line,
                source,
            })?;
            trials.push(trial);
        }
        file.set_len(whole).map_err(failed)?;
        Ok(Self { path, file, trials })
    }

    /// Whether trials of `programs` may be added to those that are there.
    pub(super) fn accepts(&self, programs: &Programs) -> Result<(), LedgerError> {
        let Some(first) = self.trials.first() else {
            return Ok(());
        };
        let then = &first.programs;
        let what = if then.scenario_sha256 != programs.scenario_sha256 {
            "text of the scenario"
        } else if then.leakgate_sha256 != programs.leakgate_sha256 {
            "leakgate"
        } else if then.target_sha256 != programs.target_sha256 {
            "build of the target"
        } else {
            return Ok(());
        };
        let path = self.path.clone();
        Err(LedgerError::Other { path, what })
    }

    /// The trial that was planned, when it has been made.
    pub(super) fn find(&self, planned: &Planned) -> Option<&Trial> {
        self.trials.iter().find(|trial| {
            (trial.kind, trial.dose, trial.number) == (planned.kind, planned.dose, planned.number)
        })
    }

    /// Adds a trial; on return its line has been handed to the kernel, whole.
    ///
    /// # Errors
    /// When it is of other programs than those that are there, or cannot be written.
    pub(super) fn add(&mut self, trial: Trial) -> Result<(), LedgerError> {
        self.accepts(&trial.programs)?;
        let line = serde_json::to_vec(&trial).map_err(io::Error::from);
        let written = line.and_then(|mut line| {
            line.push(b'\n');
            self.file.write_all(&line)
        });
        written.map_err(|source| LedgerError::Io {
            path: self.path.clone(),
            source,
        })?;
        self.trials.push(trial);
        Ok(())
    }

    /// Every trial, in the order in which they were made.
    pub(super) fn trials(&self) -> &[Trial] {
        &self.trials
    }
}
