//! `leakgate merge`: one report of several runs, such as the parts of a suite that ran side by side.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::recordings::Judged;
use super::{Failure, output, workspace};
use crate::causes::with_causes;
use crate::exit_code;
use crate::record::event::Line;
use crate::record::{Recording, merge};

/// What a run keeps beside its recording, by scenario.
const KEPT: [&str; 2] = ["target", "profiles"];

#[derive(Clone, Debug, clap::Args)]
pub(super) struct MergeArguments {
    /// The runs' directories
    #[arg(required = true, num_args = 2..)]
    runs: Vec<PathBuf>,
    /// Where the directory of the whole is made [default: beside the first run]
    #[arg(long, value_name = "DIR")]
    report_dir: Option<PathBuf>,
}

/// Puts recordings together, judges the whole and writes its reports; the runs stay as they are.
pub(super) fn merge_runs(arguments: &MergeArguments) -> Result<u8, Failure> {
    let mut parts = Vec::new();
    for run in &arguments.runs {
        let recording = Recording::read(&run.join("events.jsonl"));
        let recording = recording.map_err(|error| Failure::usage(with_causes(&error)))?;
        parts.push((run.display().to_string(), recording));
    }
    // What cannot be put together leaves no directory.
    let merged = merge(&parts).map_err(Failure::usage)?;
    let reports = match &arguments.report_dir {
        Some(directory) => directory.clone(),
        None => beside(&arguments.runs[0])?,
    };
    let made = workspace::run_directory(&reports, &KEPT).map_err(Failure::internal)?;
    let (run_id, directory) = made;
    write(&merged.named(&run_id), &directory.join("events.jsonl")).map_err(Failure::internal)?;
    for run in &arguments.runs {
        for kept in KEPT {
            copy_files(&run.join(kept), &directory.join(kept)).map_err(Failure::internal)?;
        }
    }
    let judged = Judged::read(&directory)?;
    judged.store(&directory)?;
    workspace::point_latest(&reports, &run_id).map_err(Failure::internal)?;
    output::report(&judged.report)?;
    let page = directory.join("report.html");
    output::note(&format!("report: {}", page.display()));
    Ok(exit_code::of(judged.verdict.exit_class()))
}

/// The directory that a run lies in.
fn beside(run: &Path) -> Result<PathBuf, Failure> {
    let run = run.canonicalize().map_err(Failure::internal)?;
    let parent = run.parent().unwrap_or(&run);
    Ok(parent.to_owned())
}

fn write(lines: &[Line], path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create_new(path)?);
    for line in lines {
        serde_json::to_writer(&mut file, line)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}

/// Copies the files of a directory; scenarios have names of their own, so that none meets another.
fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
