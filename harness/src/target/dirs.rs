//! The private directories of one target instance.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::template::Values;

/// A Unix socket's path, its end mark included, fits 108 bytes; this much is left for the name in a directory.
const SOCKET_NAME_ROOM: usize = 40;

/// A directory tree that only this instance uses: run, state, temp and home. Removed when dropped.
#[derive(Debug)]
pub struct PrivateDirs {
    root: TempDir,
}

impl PrivateDirs {
    /// Makes them under the system's directory for temporary files, mode 0700.
    ///
    /// # Errors
    /// When they cannot be made, or their path is too long for a socket to live in.
    pub fn create() -> io::Result<Self> {
        let root = tempfile::Builder::new().prefix("leakgate-").tempdir()?;
        let longest = root.path().as_os_str().len() + "/run/".len() + SOCKET_NAME_ROOM;
        if longest >= 108 {
            let text = format!(
                "the path of the directory for temporary files is too long for Unix sockets: {}; set TMPDIR to a shorter one",
                root.path().display()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let dirs = Self { root };
        for dir in [dirs.run(), dirs.state(), dirs.tmp(), dirs.home()] {
            std::fs::DirBuilder::new().mode(0o700).create(dir)?;
        }
        Ok(dirs)
    }

    /// What holds them all.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Sockets: `XDG_RUNTIME_DIR`, `{run}`.
    pub fn run(&self) -> PathBuf {
        self.root.path().join("run")
    }

    /// Durable state: `XDG_STATE_HOME`, `{state}`.
    pub fn state(&self) -> PathBuf {
        self.root.path().join("state")
    }

    /// `TMPDIR`, `{tmp}`.
    pub fn tmp(&self) -> PathBuf {
        self.root.path().join("tmp")
    }

    /// `HOME`.
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
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
