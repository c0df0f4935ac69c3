//! The reports in a run's directory, each written whole or not at all.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::curves::Curves;
use super::model::RunReport;
use super::{flame, junit, markdown, page, sarif};
use crate::whole_file::replaced;

/// Why a report could not be stored.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub struct StoreError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Writes `run.json`, `report.md`, `report.html`, `junit.xml` and `results.sarif` into `directory`, which exists, and a flame
/// graph per scenario with growing sites.
///
/// # Errors
/// When a file cannot be written; then the one that was there before is still whole.
pub fn store(report: &RunReport, curves: &[Curves], directory: &Path) -> Result<(), StoreError> {
    let graphs: Vec<Option<String>> = report.scenarios.iter().map(flame::render).collect();
    let mut text = Vec::new();
    markdown::write(report, &mut text).expect("a Vec takes every write");
    let files = [
        ("run.json", json(report)),
        ("report.md", Ok(text)),
        (
            "report.html",
            Ok(page::render(report, curves, &graphs).into_bytes()),
        ),
        (
            "junit.xml",
            junit::render(report)
                .map(String::into_bytes)
                .map_err(io::Error::other),
        ),
        ("results.sarif", json(&sarif::render(report))),
    ];
    for (name, contents) in files {
        let contents = contents.map_err(|source| StoreError {
            path: directory.join(name),
            source,
        })?;
        replace(directory, name, &contents)?;
    }
    for (scenario, graph) in report.scenarios.iter().zip(graphs) {
        let Some(graph) = graph else {
            continue;
        };
        let profiles = directory.join("profiles");
        std::fs::create_dir_all(&profiles).map_err(|source| StoreError {
            path: profiles.clone(),
            source,
        })?;
        replace(&profiles, &flame::file_name(scenario), graph.as_bytes())?;
    }
    Ok(())
}

/// A document as it is published.
pub(crate) fn json(document: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut json = serde_json::to_vec_pretty(document)?;
    json.push(b'\n');
    Ok(json)
}

/// Writes a file of `directory`: a new one beside the old one takes its name once it is whole.
pub(crate) fn replace(directory: &Path, name: &str, contents: &[u8]) -> Result<(), StoreError> {
    let path = directory.join(name);
    replaced(&path, contents).map_err(|source| StoreError { path, source })
}
