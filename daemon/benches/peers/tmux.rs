//! tmux as a peer: a server of its own, without anybody's configuration, ended with this handle.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::Failure;

/// Lines of history that both keep.
pub(crate) const HISTORY_LINES: usize = 10_000;

/// An installed tmux.
#[derive(Debug)]
pub(crate) struct Tmux;

impl Tmux {
    pub(crate) fn find() -> Option<Self> {
        let mut version = Command::new("tmux");
        version
            .arg("-V")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        version
            .status()
            .is_ok_and(|status| status.success())
            .then_some(Self)
    }

    /// Starts a server that has no session yet.
    pub(crate) fn serve(&self) -> Result<Server, Failure> {
        let directory = tempfile::tempdir()?;
        let configuration = directory.path().join("conf");
        std::fs::write(
            &configuration,
            format!("set -g history-limit {HISTORY_LINES}\nset -g exit-empty off\n"),
        )?;
        let server = Server {
            socket: directory.path().join("s"),
            configuration,
            _directory: directory,
        };
        server.run(&["start-server"])?;
        Ok(server)
    }
}

/// A running tmux server.
#[derive(Debug)]
pub(crate) struct Server {
    socket: PathBuf,
    configuration: PathBuf,
    _directory: TempDir,
}

impl Server {
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-f").arg(&self.configuration);
        command.arg("-S").arg(&self.socket).args(arguments);
        command.env_remove("TMUX").env("TERM", "xterm-256color");
        command
    }

    /// Runs a command that has to succeed; returns what it says.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(arguments).stdin(Stdio::null()).output()?;
        if !status.success() {
            let text = String::from_utf8_lossy(&stderr).into_owned();
            return Err(format!("tmux {arguments:?}: {status}: {text}").into());
        }
        Ok(String::from_utf8(stdout)?)
    }

    pub(crate) fn pid(&self) -> Result<u32, Failure> {
        Ok(self
            .run(&["display-message", "-p", "#{pid}"])?
            .trim()
            .parse()?)
    }

    /// A shell command that tells `wait-for NAME`.
    pub(crate) fn signal(&self, name: &str) -> String {
        format!("tmux -S {} wait-for -S {name}", self.socket.display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended; what counts is that it is gone.
        let _ = self.run(&["kill-server"]);
    }
}
