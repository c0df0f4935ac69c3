//! `run.json` and `report.md` in a run's directory, each written whole or not at all.

use std::path::{Path, PathBuf};

use super::RunReport;

/// Why a report could not be stored.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub struct StoreError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

/// Writes `run.json` and `report.md` into `directory`, which exists.
///
/// # Errors
/// When a file cannot be written; then the one that was there before is still whole.
pub fn store(report: &RunReport, directory: &Path) -> Result<(), StoreError> {
    let _ = (report, directory);
    unimplemented!("follows")
}
