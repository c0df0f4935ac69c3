//! `run.json` and `report.md` in a run's directory, each written whole or not at all.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::model::RunReport;

/// Why a report could not be stored.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub struct StoreError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Writes `run.json` and `report.md` into `directory`, which exists.
///
/// # Errors
/// When a file cannot be written; then the one that was there before is still whole.
pub fn store(report: &RunReport, directory: &Path) -> Result<(), StoreError> {
    let mut json = serde_json::to_vec_pretty(report).map_err(|error| StoreError {
        path: directory.join("run.json"),
        source: error.into(),
    })?;
    json.push(b'\n');
    let mut markdown = Vec::new();
    super::markdown::write(report, &mut markdown).expect("a Vec takes every write");
    for (name, contents) in [("run.json", json), ("report.md", markdown)] {
        let path = directory.join(name);
        replace(directory, &path, &contents).map_err(|source| StoreError { path, source })?;
    }
    Ok(())
}

/// A new file beside the old one takes its name once it is whole.
fn replace(directory: &Path, path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(directory)?;
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
