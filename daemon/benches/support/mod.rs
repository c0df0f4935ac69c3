//! What the benches of the daemon share: the daemon.

use std::error::Error;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub(crate) type Failure = Box<dyn Error>;

/// A daemon in the background. Ended when it is dropped.
pub(crate) struct Daemon {
    pub(crate) socket: PathBuf,
    pub(crate) child: Child,
}

impl Daemon {
    /// Starts `command`, which is a `sessiond` or runs one, and waits until it says that clients can connect.
    pub(crate) fn start(mut command: Command, socket: &Path) -> Result<Self, Failure> {
        command
            .args(["serve", "--background", "--socket"])
            .arg(socket);
        let mut child = command
            .env("SESSIOND_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()?;
        // It says one word when it is ready.
        let mut word = [0; 6];
        child
            .stdout
            .take()
            .ok_or("no standard output")?
            .read_exact(&mut word)?;
        Ok(Self {
            socket: socket.to_owned(),
            child,
        })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let mut shutdown = Command::new(env!("CARGO_BIN_EXE_sessiond"));
        let ended = shutdown
            .arg("--socket")
            .arg(&self.socket)
            .arg("shutdown")
            .stdout(Stdio::null())
            .status();
        if !ended.is_ok_and(|status| status.success()) {
            // It may have died already; what counts is that it is gone.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
