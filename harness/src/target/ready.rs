//! Readiness: when a target that was started can be used.

use std::io;
use std::process::Stdio;

use tokio::net::{TcpStream, UnixStream};
use tokio::time::Instant;

use super::instance::{Instance, READY_EVERY, SUPERVISOR_WITHIN, StartError};
use super::listener;
use super::wire::Notice;
use crate::config::Ready;
use crate::program::Program;
use crate::sample::{pause, proc};
use crate::template::{expand, expand_all};

impl Instance {
    /// Waits until the target can be used.
    ///
    /// # Errors
    /// See [`StartError`]; the instance is still to be ended then.
    pub async fn wait_ready(&mut self, ready: &Ready) -> Result<(), StartError> {
        match self.notice(SUPERVISOR_WITHIN).await? {
            Notice::Started { pid } => self.pid = pid,
            Notice::NotStarted { reason } => {
                let program = self.program.clone();
                return Err(StartError::Program { program, reason });
            }
            Notice::Exited { .. } => return Err(io::Error::from(io::ErrorKind::InvalidData).into()),
        }
        let (what, within) = match ready {
            Ready::Socket { path, within } => (expand(path, &self.values), *within),
            Ready::Tcp { address, within } => (expand(address, &self.values), *within),
            Ready::Command { command, within } => {
                (expand_all(command, &self.values).join(" "), *within)
            }
            // The driver asks, once it is connected.
            Ready::Request { .. } | Ready::AtOnce => return Ok(()),
        };
        let deadline = Instant::now() + within;
        loop {
            let is_ready = match ready {
                Ready::Socket { .. } => self.serves(&what).await,
                Ready::Tcp { .. } => self.serves_tcp(&what).await,
                Ready::Command { command, .. } => {
                    let answer = tokio::time::timeout_at(deadline, self.succeeds(command));
                    answer.await.unwrap_or(false)
                }
                Ready::Request { .. } | Ready::AtOnce => true,
            };
            if is_ready {
                return Ok(());
            }
            if let Some(exit) = self.has_exited().await {
                return Err(StartError::Died {
                    how: exit.how(),
                    tail: self.log_tail(),
                });
            }
            if Instant::now() >= deadline {
                return Err(StartError::NotReady {
                    within,
                    what,
                    tail: self.log_tail(),
                });
            }
            pause(READY_EVERY).await;
        }
    }

    /// Whether the target, or what it has started, listens there: a socket may be somebody else's.
    async fn serves(&self, socket: &str) -> bool {
        let Ok(stream) = UnixStream::connect(socket).await else {
            return false;
        };
        let listener = stream.peer_cred().ok().and_then(|peer| peer.pid());
        let listener = listener.and_then(|pid| u32::try_from(pid).ok());
        let tree = proc::descendants(self.supervisor).unwrap_or_default();
        listener.is_some_and(|pid| tree.iter().any(|process| process.pid == pid))
    }

    /// The same of a TCP address.
    async fn serves_tcp(&self, address: &str) -> bool {
        let Ok(address) = address.parse() else {
            return false;
        };
        TcpStream::connect(address).await.is_ok() && listener::is_under(self.supervisor, address)
    }

    async fn succeeds(&self, command: &[String]) -> bool {
        let argv = expand_all(command, &self.values);
        let Some((program, arguments)) = argv.split_first() else {
            return false;
        };
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).env_clear().envs(&self.env);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let ended = async { Program::start(&mut command)?.wait().await };
        ended.await.is_ok_and(|status| status.success())
    }
}
