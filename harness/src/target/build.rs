//! Building a target, and finding the programs that it needs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::program::{Keep, Program, printable};

/// What is shown of the end of what a build said when it failed.
const SHOWN_BYTES_MAX: usize = 4096;

/// Why a target could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The build program cannot be run.
    #[error("cannot run the build `{command}`")]
    NotRun {
        /// The command line.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// The build failed.
    #[error("the build `{command}` failed\n{messages}")]
    Failed {
        /// The command line.
        command: String,
        /// The end of what it said, when that was not shown as it came.
        messages: String,
    },
}

/// What happens to the messages of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Messages {
    /// They go to standard error as they come.
    Shown,
    /// They are kept, and told only when the build fails.
    Kept,
}

/// Runs a build in `root`, with `env` beside leakgate's own environment; it ends with the caller, when the caller is dropped.
///
/// # Errors
/// See [`BuildError`].
pub async fn build(
    argv: &[String],
    root: &Path,
    env: &BTreeMap<String, String>,
    messages: Messages,
) -> Result<(), BuildError> {
    let command = argv.join(" ");
    let Some((program, arguments)) = argv.split_first() else {
        return Ok(());
    };
    let mut process = Command::new(program);
    process
        .args(arguments)
        .current_dir(root)
        .envs(env)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let ended = async {
        Ok(match messages {
            // In leakgate's own process group: what a terminal sends to leakgate reaches the build too.
            Messages::Shown => (process.kill_on_drop(true).status().await?, Vec::new()),
            Messages::Kept => {
                let process = Program::start(process.stderr(Stdio::piped()))?;
                let ended = process.output(Keep::Last).await?;
                (ended.status, ended.stderr.bytes)
            }
        })
    };
    let (status, said) = ended.await.map_err(|source| BuildError::NotRun {
        command: command.clone(),
        source,
    })?;
    if status.success() {
        return Ok(());
    }
    let messages = printable(&said[said.len().saturating_sub(SHOWN_BYTES_MAX)..]);
    Err(BuildError::Failed { command, messages })
}

/// The first of `programs` that is neither on `PATH` nor an executable path.
pub fn missing_program(programs: &[String]) -> Option<&String> {
    programs
        .iter()
        .find(|program| find_program(program).is_none())
}

/// Where `program` is: a path of its own, or the first hit on `PATH`.
pub(crate) fn find_program(program: &str) -> Option<PathBuf> {
    let executable = |path: &Path| {
        path.metadata()
            .is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| executable(path));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|path| executable(path))
}

/// SHA-256 of a file, hexadecimal; nothing when it cannot be read.
pub(crate) fn sha256_of(path: &Path) -> Option<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path).ok()?, &mut hasher).ok()?;
    Some(
        hasher
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    )
}
