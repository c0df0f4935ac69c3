//! What the benches of the daemon share: the output that a session writes, the session that writes it, and the daemon.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sessiond_client::Client;
use sessiond_protocol::{CreateParams, ExitStatus, SessionId};

pub(crate) type Failure = Box<dyn Error>;

/// One line as a terminal of 80 columns shows it, without wrapping.
const LINE_BYTES: usize = 80;

/// Fills the file at `path` with about `bytes` bytes of such lines.
pub(crate) fn write_lines(path: &Path, bytes: usize) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for number in 0..bytes / LINE_BYTES {
        let text = "The quick brown fox jumps over the lazy dog; 0123456789 abcdefghijklm";
        writeln!(file, "{number:>10} {text:<width$}", width = LINE_BYTES - 12)?;
    }
    file.flush()
}

/// Writes the file to a detached session's terminal and waits until the daemon says that it ended. Returns the session.
pub(crate) async fn through_session(client: &Client, input: &Path) -> Result<SessionId, Failure> {
    let command = vec!["cat".to_owned(), input.to_string_lossy().into_owned()];
    let session = client
        .create(CreateParams {
            command,
            ..CreateParams::default()
        })
        .await?;
    let status = client.wait(session.id, None).await?;
    assert_eq!(status, ExitStatus::Code(0));
    Ok(session.id)
}

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
        let mut child = command.stdout(Stdio::piped()).spawn()?;
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
