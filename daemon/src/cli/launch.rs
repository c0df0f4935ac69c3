//! Finding the daemon, and starting one where none runs.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use sessiond_client::{Client, ClientError};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::exit_code::CliError;
use crate::paths;

/// What a daemon in the background says on its standard output when clients can connect.
pub(super) const READY: &[u8] = b"ready\n";

/// How long a daemon may take until it is ready. It takes milliseconds; a machine that swaps takes seconds.
const START_MAX: Duration = Duration::from_secs(10);

/// How much of the log of a daemon that died is shown.
const LOG_TAIL_BYTES: u64 = 2048;

/// Connects to the daemon that runs.
///
/// # Errors
/// [`CliError::NoDaemon`] when none does.
pub(super) async fn connect(socket: &Path) -> Result<Client, CliError> {
    match Client::connect(socket).await {
        Err(ClientError::Connect { source, .. }) if means_nobody(&source) => {
            Err(CliError::NoDaemon(socket.to_owned()))
        }
        other => Ok(other?),
    }
}

fn means_nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

/// Connects to the daemon; starts one first where none runs.
///
/// # Errors
/// When it cannot be started; the message has the end of its log.
pub(super) async fn connect_or_start(socket: &Path) -> Result<Client, CliError> {
    match connect(socket).await {
        Err(CliError::NoDaemon(_)) => {}
        other => return other,
    }
    let _turn = take_turn(paths::directory_of(socket)?)
        .map_err(|source| CliError::system("lock the socket's directory", source))?;
    match connect(socket).await {
        Err(CliError::NoDaemon(_)) => {}
        other => return other, // another command has started it meanwhile
    }
    start(socket).await?;
    connect(socket).await
}

/// Commands that find no daemon start it one after the other: only the first has to.
fn take_turn(directory: &Path) -> io::Result<File> {
    let directory = File::open(directory)?;
    flock(&directory, FlockOperation::LockExclusive)?;
    Ok(directory)
}

async fn start(socket: &Path) -> Result<(), CliError> {
    let log_path = paths::log_file(socket)?;
    let system = |what| move |source| CliError::system(what, source);
    // It writes its log itself; what it says before it can, or where it cannot, goes to the same file.
    let log = File::options().create(true).append(true).open(&log_path);
    let log = log.map_err(system("write the daemon's log"))?;
    let begins_at = log.metadata().map_or(0, |metadata| metadata.len());
    let program = std::env::current_exe().map_err(system("find this program"))?;
    let (ready, daemon_side) = StdUnixStream::pair().map_err(system("make a socket pair"))?;
    let mut command = Command::new(program);
    command
        .arg("--socket")
        .arg(std::path::absolute(socket).map_err(system("find the working directory"))?);
    command.args(["serve", "--background", "--log-file"]);
    command.arg(&log_path);
    command
        .stdin(Stdio::null())
        .stdout(OwnedFd::from(daemon_side))
        .stderr(log);
    let mut child = command.spawn().map_err(system("start the daemon"))?;
    drop(command); // and with it this side's copy of the daemon's end
    let reason = match timeout(START_MAX, read_ready(ready)).await {
        Ok(Ok(true)) => return Ok(()),
        Ok(Ok(false)) => child
            .wait()
            .map_or_else(|error| error.to_string(), |status| status.to_string()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => {
            // Not ready and not gone: it must not come up later, unseen. It may have ended just now.
            let _ = child.kill();
            let _ = child.wait();
            format!("not ready after {} s", START_MAX.as_secs())
        }
    };
    Err(CliError::DaemonDied {
        reason,
        tail: tail(&log_path, begins_at),
        log: log_path,
    })
}

/// Waits for the daemon's word; false when it ends without one.
async fn read_ready(stream: StdUnixStream) -> io::Result<bool> {
    stream.set_nonblocking(true)?;
    let mut word = [0; READY.len()];
    match UnixStream::from_std(stream)?.read_exact(&mut word).await {
        Ok(_) => Ok(word == READY),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The end of what a log has since it had `begins_at` bytes, or why there is none.
fn tail(log: &Path, begins_at: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = fs::metadata(log)?.len();
        // Shorter than before: it is full and was put aside.
        let begins_at = if length < begins_at { 0 } else { begins_at };
        let start = length.saturating_sub(LOG_TAIL_BYTES);
        file.seek(SeekFrom::Start(start.max(begins_at)))?;
        let mut bytes = Vec::new();
        file.take(LOG_TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => String::from_utf8_lossy(&bytes).trim_end().to_owned(),
        Err(error) => format!("(unreadable: {error})"),
    }
}
