//! Where things are: the configuration, the scenarios beside it, and the directory of a run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Failure, output};
use crate::causes::with_causes;
use crate::config::{self, Config};
use crate::scenario::LoadError;

/// The name of the file that names the targets.
pub(crate) const CONFIG: &str = "leakgate.toml";

/// Reads the configuration: the given file, or the nearest `leakgate.toml` from here upwards.
pub(crate) fn config(given: Option<&Path>) -> Result<Config, Failure> {
    let path = match given {
        Some(path) => path.to_owned(),
        None => nearest()
            .ok_or_else(|| Failure::usage("no leakgate.toml here or in any directory above"))?,
    };
    Config::load(&path).map_err(config_failure)
}

/// What is wrong with a file of the configuration, for people.
pub(crate) fn config_failure(error: config::LoadError) -> Failure {
    match error {
        config::LoadError::Wrong(errors) => {
            Failure::usage(errors.render(output::complaint_colour()))
        }
        error @ config::LoadError::Read { .. } => Failure::usage(with_causes(&error)),
    }
}

/// The directory of the nearest `leakgate.toml` from here upwards, or this one.
pub(crate) fn root() -> PathBuf {
    let config = nearest();
    let parent = config.as_deref().and_then(Path::parent);
    parent.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

fn nearest() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors()
        .map(|dir| dir.join(CONFIG))
        .find(|path| path.is_file())
}

/// What is wrong with a scenario, for people.
pub(crate) fn scenario_failure(error: LoadError) -> Failure {
    match error {
        LoadError::Wrong(errors) => Failure::usage(errors.render(output::complaint_colour())),
        error => Failure::usage(with_causes(&error)),
    }
}

/// Runs at the same time: no more than there are CPUs, or they disturb one another.
pub(crate) fn jobs(wanted: usize) -> Result<usize, Failure> {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if wanted == 0 || wanted > cpus {
        return Err(Failure::usage(format!(
            "--jobs {wanted}: allowed are 1 to {cpus}, the CPUs of this machine"
        )));
    }
    Ok(wanted)
}

/// Why a run has no directory.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a directory for the run in {}: {source}", reports.display())]
pub(crate) struct NoDirectory {
    reports: PathBuf,
    source: io::Error,
}

/// Makes the directory of a new run under `reports`, named by the time in UTC,
/// with `subdirectories` in it.
pub(crate) fn run_directory(
    reports: &Path,
    subdirectories: &[&str],
) -> Result<(String, PathBuf), NoDirectory> {
    make_directory(reports, subdirectories).map_err(|source| NoDirectory {
        reports: reports.to_owned(),
        source,
    })
}

fn make_directory(reports: &Path, subdirectories: &[&str]) -> io::Result<(String, PathBuf)> {
    let stamp: String = humantime::format_rfc3339_seconds(SystemTime::now())
        .to_string()
        .chars()
        .filter(|c| !matches!(c, '-' | ':'))
        .collect();
    fs::create_dir_all(reports)?;
    // Two runs within a second are told apart by a number; a hundred of them are a mistake.
    for number in 0..100 {
        let run_id = if number == 0 {
            stamp.clone()
        } else {
            format!("{stamp}-{number}")
        };
        let directory = reports.join(&run_id);
        match fs::create_dir(&directory) {
            Ok(()) => {
                for subdirectory in subdirectories {
                    fs::create_dir(directory.join(subdirectory))?;
                }
                return Ok((run_id, directory));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        "too many runs in one second",
    ))
}

/// Points `reports/latest` at a run.
pub(crate) fn point_latest(reports: &Path, run_id: &str) -> io::Result<()> {
    let link = reports.join("latest");
    let new = reports.join(format!(".latest-{run_id}"));
    std::os::unix::fs::symlink(run_id, &new)?;
    fs::rename(new, link)
}
