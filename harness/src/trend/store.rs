//! The store: a line of JSON for each run, in the order in which they were added.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::{SCHEMA, TrendRun};

/// Its name under `reports/`.
pub(crate) const FILE: &str = "trend.jsonl";

/// A store that is open: nobody else adds to it meanwhile.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    file: File,
    runs: Vec<TrendRun>,
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("cannot use the store {}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("line {line} of {} is no run of schema {SCHEMA}", path.display())]
    Line {
        path: PathBuf,
        line: usize,
        source: serde_json::Error,
    },
    #[error("line {line} of {} is of schema {found}; allowed: {SCHEMA}", path.display())]
    Schema {
        path: PathBuf,
        line: usize,
        found: u32,
    },
}

/// Whether a store is made where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// It is made.
    Made,
    /// It is an error.
    Refused,
}

impl Store {
    /// Opens the store at `path`. A last line that was cut short is taken away: its run was not added.
    pub(crate) fn open(path: &Path, absent: Absent) -> Result<Store, StoreError> {
        let failed = |source| StoreError::Io {
            path: path.to_owned(),
            source,
        };
        if let (Absent::Made, Some(parent)) = (absent, path.parent()) {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        let open = OpenOptions::new()
            .read(true)
            .append(true)
            .create(absent == Absent::Made)
            .open(path);
        let mut file = open.map_err(failed)?;
        flock(&file, FlockOperation::LockExclusive).map_err(|errno| failed(errno.into()))?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(failed)?;
        }
        let mut runs = Vec::new();
        for (number, line) in (1..).zip(text[..whole].lines()) {
            let path = path.to_owned();
            let run: TrendRun = serde_json::from_str(line).map_err(|source| StoreError::Line {
                path: path.clone(),
                line: number,
                source,
            })?;
            if run.schema != SCHEMA {
                return Err(StoreError::Schema {
                    path,
                    line: number,
                    found: run.schema,
                });
            }
            runs.push(run);
        }
        let path = path.to_owned();
        Ok(Store { path, file, runs })
    }

    /// Its runs, the first that was added first.
    pub(crate) fn runs(&self) -> &[TrendRun] {
        &self.runs
    }

    /// Adds a run, and says whether it was not there yet.
    pub(crate) fn add(&mut self, run: TrendRun) -> Result<bool, StoreError> {
        if self.runs.iter().any(|known| known.run_id == run.run_id) {
            return Ok(false);
        }
        let line = serde_json::to_vec(&run).map_err(io::Error::from);
        let written = line.and_then(|mut line| {
            line.push(b'\n');
            self.file.write_all(&line)
        });
        written.map_err(|source| StoreError::Io {
            path: self.path.clone(),
            source,
        })?;
        self.runs.push(run);
        Ok(true)
    }
}
