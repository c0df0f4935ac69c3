//! The worktree that commits are checked out in, one after the other: what was built for one is there for the next.

use std::path::{Path, PathBuf};

use crate::git::{Git, GitError};

/// A user's hooks have no business with it.
const NO_HOOKS: [&str; 2] = ["-c", "core.hooksPath=/dev/null"];

/// A worktree of a repository; removed when dropped, with everything that was built in it.
#[derive(Debug)]
pub(super) struct Worktree {
    repository: Git,
    path: PathBuf,
}

impl Worktree {
    /// Makes one at `path`, where nothing is yet, and checks `commit` out.
    ///
    /// # Errors
    /// When git cannot.
    pub(super) fn add(repository: &Git, path: &Path, commit: &str) -> Result<Self, GitError> {
        // From here on whatever there is of it is removed.
        let worktree = Self {
            repository: repository.clone(),
            path: path.to_owned(),
        };
        let place = path.to_string_lossy();
        let add = ["worktree", "add", "--quiet", "--detach", &place, commit];
        repository.run(&[&NO_HOOKS[..], &add].concat())?;
        Ok(worktree)
    }

    /// Makes its files those of `commit`; what git does not know, builds above all, stays.
    ///
    /// # Errors
    /// When git cannot.
    pub(super) fn check_out(&self, commit: &str) -> Result<(), GitError> {
        let check_out = ["checkout", "--quiet", "--force", "--detach", commit];
        let git = Git::at(&self.path);
        git.run(&[&NO_HOOKS[..], &check_out].concat()).map(|_| ())
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        // What cannot be removed now has nobody left to tell; git forgets a worktree whose directory has gone.
        let place = self.path.to_string_lossy();
        let _ = self
            .repository
            .run(&["worktree", "remove", "--force", &place]);
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
