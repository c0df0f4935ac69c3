//! Scenarios from files: one by name or path, a suite from a directory; and limits from the command line.

use std::path::{Path, PathBuf};

use super::model::{Metric, Scenario, Suite};
use crate::source::SourceErrors;

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or directory cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is none of that name.
    #[error("no scenario `{name}` in {}{hint}", directory.display())]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// Where it was looked for.
        directory: PathBuf,
        /// `; did you mean ...`, `; there are: ...`.
        hint: String,
    },
    /// Its text is wrong.
    #[error(transparent)]
    Wrong(SourceErrors),
}

/// `SCENARIO.METRIC=LIMIT` of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateOverride {
    /// The scenario's name.
    pub scenario: String,
    /// The metric.
    pub metric: Metric,
    /// The most that passes, in the metric's unit.
    pub limit: u64,
}

/// Why a `--gate` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OverrideError(pub String);

/// The scenario that `wanted` means: a path when it ends in `.toml` or holds a `/`, else a name in `directory`.
///
/// # Errors
/// When there is none, it cannot be read, or anything in it is wrong.
pub fn find(wanted: &str, directory: &Path) -> Result<Scenario, LoadError> {
    let _ = (wanted, directory);
    unimplemented!("follows")
}

/// The scenarios of `suite` in `directory`, sorted by name.
///
/// # Errors
/// For the first file that cannot be read or is wrong.
pub fn load_suite(directory: &Path, suite: Suite) -> Result<Vec<Scenario>, LoadError> {
    let _ = (directory, suite);
    unimplemented!("follows")
}

impl GateOverride {
    /// Reads `SCENARIO.METRIC=LIMIT`.
    ///
    /// # Errors
    /// When a part is missing, the metric is unknown, or the limit has the wrong unit.
    pub fn parse(text: &str) -> Result<GateOverride, OverrideError> {
        Err(OverrideError(format!("`{text}`: not read yet")))
    }
}

impl Scenario {
    /// Sets the limit of a gate, adding the gate where the scenario has none, and marks it as overridden.
    pub fn override_gate(&mut self, metric: Metric, limit: u64) {
        let _ = (metric, limit);
        unimplemented!("follows")
    }
}
