//! The private directories of one target instance.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::template::Values;

/// A Unix socket's path, its end mark included, fits 108 bytes; this much is left for the name in a directory.
const SOCKET_NAME_ROOM: usize = 40;

/// A directory tree that only this instance uses: run, state, temp and home. Removed when dropped.
#[derive(Debug)]
pub struct PrivateDirs {
    root: PathBuf,
    /// Whether it was this instance that made it: nothing else is removed.
    made: bool,
}

impl PrivateDirs {
    /// Chooses a place under the system's directory for temporary files, and makes nothing yet: the supervisor, which
    /// removes it when leakgate cannot, is told of it first.
    ///
    /// # Errors
    /// When its path is too long for a socket to live in.
    pub fn choose() -> io::Result<Self> {
        // Another state, and so another number, with every call: a clock gives two instances the same now and then.
        let random = RandomState::new().build_hasher().finish();
        let name = format!("leakgate-{}-{random:016x}", std::process::id());
        let root = std::env::temp_dir().join(name);
        let longest = root.as_os_str().len() + "/run/".len() + SOCKET_NAME_ROOM;
        if longest >= 108 {
            let text = format!(
                "the path of the directory for temporary files is too long for Unix sockets: {}; set TMPDIR to a shorter one",
                root.display()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(Self { root, made: false })
    }

    /// Makes the directories, mode 0700.
    ///
    /// # Errors
    /// When they cannot be made, or somebody has been there before.
    pub fn make(&mut self) -> io::Result<()> {
        let mut private = fs::DirBuilder::new();
        private.mode(0o700).create(&self.root)?;
        self.made = true;
        [self.run(), self.state(), self.tmp(), self.home()]
            .iter()
            .try_for_each(|dir| private.create(dir))
    }

    /// What holds them all.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Sockets: `XDG_RUNTIME_DIR`, `{run}`.
    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// Durable state: `XDG_STATE_HOME`, `{state}`.
    pub fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// `TMPDIR`, `{tmp}`.
    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// `HOME`.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// The placeholders that stand for them.
    pub fn values(&self, workspace: &Path) -> Values {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        Values::new()
            .text("run", text(self.run()))
            .text("state", text(self.state()))
            .text("tmp", text(self.tmp()))
            .text("root", workspace.to_string_lossy())
    }
}

impl Drop for PrivateDirs {
    fn drop(&mut self) {
        if self.made {
            // What cannot be removed now has nobody left to tell; the supervisor tries again when it ends.
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_somebody_else_has_made_is_refused_and_stays() {
        let mut first = PrivateDirs::choose().unwrap();
        first.make().unwrap();
        let mut second = PrivateDirs {
            root: first.root.clone(),
            made: false,
        };
        let refused = second.make().unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        drop(second);
        assert!(first.run().is_dir());
        let root = first.root.clone();
        drop(first);
        assert!(!root.exists());
    }

    #[test]
    fn instances_of_one_moment_have_directories_of_their_own() {
        let mut names: Vec<_> = (0..1000)
            .map(|_| PrivateDirs::choose().unwrap().root.clone())
            .collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 1000);
    }
}
