//! git, as a program: what it says, or why it says nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// git in a directory.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    directory: PathBuf,
}

/// Why git did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    /// It cannot be run.
    #[error("cannot run git")]
    NotRun(#[from] io::Error),
    /// It refused.
    #[error("git {command}: {message}")]
    Refused {
        /// Its subcommand.
        command: String,
        /// What it said.
        message: String,
    },
}

impl Git {
    /// In this directory.
    pub(crate) fn at(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// Runs it; its standard output, whole.
    ///
    /// # Errors
    /// See [`GitError`].
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String, GitError> {
        let mut git = Command::new("git");
        // A hook or an alias that starts leakgate sets these, for a repository that need not be the one that is meant.
        for inherited in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            git.env_remove(inherited);
        }
        git.current_dir(&self.directory)
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        let output = git.output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let message = String::from_utf8_lossy(&output.stderr);
        Err(GitError::Refused {
            command: arguments.first().copied().unwrap_or_default().to_owned(),
            message: message.trim_end().to_owned(),
        })
    }
}
