//! The private directories of one target instance.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::template::Values;

/// A Unix socket's path, its end mark included, fits 108 bytes; this much is left for the name in a directory.
const SOCKET_NAME_ROOM: usize = 40;

/// A directory tree that only this instance uses: run, state, temp and home. Removed when dropped.
#[derive(Debug)]
pub struct PrivateDirs {
    root: PathBuf,
}

impl PrivateDirs {
    /// Chooses a place under the system's directory for temporary files, and makes nothing yet: the supervisor, which
    /// removes it when leakgate cannot, is told of it first.
    ///
    /// # Errors
    /// When its path is too long for a socket to live in.
    pub fn choose() -> io::Result<Self> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let name = format!("leakgate-{}-{:x}", std::process::id(), now.as_micros());
        let root = std::env::temp_dir().join(name);
        let longest = root.as_os_str().len() + "/run/".len() + SOCKET_NAME_ROOM;
        if longest >= 108 {
            let text = format!(
                "the path of the directory for temporary files is too long for Unix sockets: {}; set TMPDIR to a shorter one",
                root.display()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(Self { root })
    }

    /// Makes the directories, mode 0700.
    ///
    /// # Errors
    /// When they cannot be made, or somebody has been there before.
    pub fn make(&self) -> io::Result<()> {
        let dirs = [
            self.root.clone(),
            self.run(),
            self.state(),
            self.tmp(),
            self.home(),
        ];
        for dir in dirs {
            fs::DirBuilder::new().mode(0o700).create(dir)?;
        }
        Ok(())
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
        // What cannot be removed now has nobody left to tell; the supervisor tries again when it ends.
        let _ = fs::remove_dir_all(&self.root);
    }
}
