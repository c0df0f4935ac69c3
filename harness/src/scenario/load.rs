//! Scenarios from files: one by name or path, a suite from a directory.

use std::path::{Path, PathBuf};

use super::metric::Metric;
use super::model::{At, Gate, Scenario, Suite};
use super::part::Part;
use super::unroll::{Unroll, Which, unknown_yet};
use crate::source::{SourceErrors, closest, listed, read_text};
use crate::template::Values;

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
        /// `; did you mean ...`, or `; there are: ...`.
        hint: String,
    },
    /// Its text is wrong.
    #[error(transparent)]
    Wrong(SourceErrors),
}

/// The scenario that `wanted` means: a path when it ends in `.toml` or holds a `/`, else a name in `directory`.
///
/// # Errors
/// When there is none, it cannot be read, or anything in it is wrong.
pub fn find(wanted: &str, directory: &Path) -> Result<Scenario, LoadError> {
    if wanted.contains('/') || wanted.ends_with(".toml") {
        return load(Path::new(wanted));
    }
    let path = directory.join(format!("{wanted}.toml"));
    if path.is_file() {
        return load(&path);
    }
    let names = names_in(directory)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let hint = match closest(wanted, &names) {
        Some(meant) => format!("; did you mean `{meant}`?"),
        None => format!("; there are: {}", listed(&names)),
    };
    Err(LoadError::Unknown {
        name: wanted.to_owned(),
        directory: directory.to_owned(),
        hint,
    })
}

/// The scenarios of `suite` in `directory`, sorted by name.
///
/// # Errors
/// For the first file that cannot be read or is wrong.
pub fn load_suite(directory: &Path, suite: Suite) -> Result<Vec<Scenario>, LoadError> {
    let mut scenarios = Vec::new();
    for name in names_in(directory)? {
        let scenario = load(&directory.join(format!("{name}.toml")))?;
        if scenario.suite == suite {
            scenarios.push(scenario);
        }
    }
    Ok(scenarios)
}

fn load(path: &Path) -> Result<Scenario, LoadError> {
    let name = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let text = read_text(path).map_err(|source| read_error(path, source))?;
    Scenario::from_toml(&name, path, &text).map_err(LoadError::Wrong)
}

/// The stems of the `.toml` files in `directory`, sorted.
fn names_in(directory: &Path) -> Result<Vec<String>, LoadError> {
    let entries = std::fs::read_dir(directory).map_err(|source| read_error(directory, source))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|source| read_error(directory, source))?
            .path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
            && let Some(stem) = path.file_stem()
        {
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn read_error(path: &Path, source: std::io::Error) -> LoadError {
    LoadError::Read {
        path: path.to_owned(),
        source,
    }
}

impl Scenario {
    /// What one cycle does. `known` holds what texts may name beside the scenario's own variables: leakgate's
    /// generator and the directories of the target; what it has not stays as it is written.
    ///
    /// # Errors
    /// Never for a scenario that was read, as far as every value it can have was tried then; else what is wrong.
    pub fn cycle(&self, at: At, seed: u64, known: &Values) -> Result<Vec<Part>, SourceErrors> {
        let own = self.variables.of(&self.name, at, seed);
        let globals = unknown_yet().and(known).and(&own);
        let mut unroll = Unroll::new(&self.program, Which::Of(at), globals);
        let parts = unroll.cycle();
        if unroll.problems.none() {
            Ok(parts)
        } else {
            Err(unroll.problems.into_errors(self.program.documents()))
        }
    }

    /// Sets the limit of a gate, adding the gate where the scenario has none, and marks it as overridden.
    pub fn override_gate(&mut self, metric: Metric, limit: u64) {
        let in_file = self.gates.iter().find(|gate| gate.metric == metric);
        let file_limit = in_file.map(|gate| gate.file_limit.unwrap_or(gate.limit));
        self.gates.retain(|gate| gate.metric != metric);
        self.gates.push(Gate {
            metric,
            limit,
            overridden: true,
            file_limit,
        });
        self.gates.sort_by_key(|gate| gate.metric);
    }
}
