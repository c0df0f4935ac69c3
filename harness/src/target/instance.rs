//! One running target: its supervisor, its directories, its log.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::time::{Instant, timeout};

use super::build::{find_program, sha256_of};
use super::dirs::PrivateDirs;
use super::environment::{environment, probe_socket};
use super::exit::{Exit, Left, signal_number};
use super::stdio::{self, Stdio as Pipes};
use super::wire::{Command, Launch, Notice};
use crate::config::{self, Target};
use crate::program::printable;
use crate::sample::{files_under, pause, proc};
use crate::template::{Values, expand_all, placeholders};
use crate::units::milliseconds;

/// The supervisor itself needs milliseconds; this is for a machine that is overloaded.
pub(super) const SUPERVISOR_WITHIN: Duration = Duration::from_secs(20);
/// A process whose sockets have closed is gone soon after, when it is going at all.
const ENDING_WITHIN: Duration = Duration::from_secs(1);
/// A notice that has been sent is there at once: the socket is local.
const NOTICE_AT_HAND: Duration = Duration::from_millis(2);
/// Between two looks at whether a target is ready.
pub(super) const READY_EVERY: Duration = Duration::from_millis(5);
/// What is shown of a log when its target failed.
const LOG_TAIL_LINES: usize = 12;
/// The same in bytes; a log may be as long as the disk has room.
const LOG_TAIL_BYTES: u64 = 8192;

/// What to start: a target's build or its dhat variant.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The target.
    pub target: &'a Target,
    /// Its command: that of the shipped build or of the dhat variant.
    pub command: &'a [String],
    /// The root of the workspace: `{root}`, and the working directory.
    pub root: &'a Path,
    /// Where its output goes.
    pub log: &'a Path,
    /// Whether its probe is armed for the seeds of a self-test.
    pub armed: bool,
}

/// A running target.
#[derive(Debug)]
pub struct Instance {
    /// Process id of the target.
    pub pid: u32,
    /// Process id of its supervisor, under which its whole tree is.
    pub supervisor: u32,
    /// The placeholders of its directories.
    pub values: Values,
    /// Its environment, which the commands that drive it share.
    pub env: BTreeMap<String, String>,
    pub(super) program: String,
    dirs: PrivateDirs,
    child: Child,
    /// leakgate's ends of its standard input and output, where it is driven over them.
    pipes: Option<Pipes>,
    control: BufReader<UnixStream>,
    log: PathBuf,
    /// The part of a notice that has been read.
    partial: String,
    exited: Option<Exit>,
}

/// Why a target could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The private directories or the supervisor could not be made.
    #[error("cannot prepare the target: {0}")]
    Prepare(#[from] io::Error),
    /// The program could not be run.
    #[error("cannot start `{program}`: {reason}")]
    Program {
        /// The program.
        program: String,
        /// Why.
        reason: String,
    },
    /// It ended before it was ready.
    #[error("the target ended before it was ready ({how}); its last output:\n{tail}")]
    Died {
        /// How.
        how: String,
        /// The end of its log.
        tail: String,
    },
    /// It never became ready.
    #[error("the target was not ready within {within:?} ({what}); its last output:\n{tail}")]
    NotReady {
        /// How long it had.
        within: Duration,
        /// What was waited for.
        what: String,
        /// The end of its log.
        tail: String,
    },
}

impl Instance {
    /// Orders a target to be started; [`Instance::wait_ready`] waits until it can be used.
    ///
    /// Nothing is waited for here, so no cut-short start can leave a target that nobody owns.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running then.
    pub fn start(plan: Plan<'_>) -> Result<Self, StartError> {
        let mut dirs = PrivateDirs::choose()?;
        let values = match plan.takes_a_port() {
            true => dirs
                .values(plan.root)
                .text("port", free_port()?.to_string()),
            false => dirs.values(plan.root),
        };
        let argv = expand_all(plan.command, &values);
        let program = argv.first().cloned().unwrap_or_default();
        let env = environment(plan.target, &dirs, &values, plan.armed);
        let launch = Launch {
            env: env.clone(),
            argv,
            cwd: plan.root.to_owned(),
            log: plan.log.to_owned(),
        };
        let (pipes, ends) = match plan.target.driver {
            config::Driver::Stdio(_) => {
                Pipes::new().map(|(pipes, ends)| (Some(pipes), Some(ends)))?
            }
            _ => (None, None),
        };
        let (mut child, mut control) = spawn_supervisor(dirs.root())?;
        if let Err(error) = dirs.make() {
            // It would remove what may be somebody else's; nothing else is left for it to do.
            child.kill()?;
            child.wait()?;
            return Err(error.into());
        }
        stdio::hand_over(&control, ends.as_ref())?;
        // Far shorter than the socket's buffer: this does not wait.
        let mut line = serde_json::to_vec(&launch).map_err(io::Error::from)?;
        line.push(b'\n');
        control.write_all(&line)?;
        control.set_nonblocking(true)?;
        let control = BufReader::new(UnixStream::from_std(control)?);
        Ok(Self {
            pid: 0,
            supervisor: child.id(),
            values,
            env,
            program,
            dirs,
            child,
            pipes,
            control,
            log: plan.log.to_owned(),
            partial: String::new(),
            exited: None,
        })
    }

    /// SHA-256 of its program, hexadecimal; nothing when it cannot be read.
    pub fn binary_sha256(&self) -> Option<String> {
        sha256_of(&find_program(&self.program)?)
    }

    /// The socket of its probe.
    pub fn probe_socket(&self) -> PathBuf {
        probe_socket(&self.dirs)
    }

    /// What it says on its standard output, and its standard input; one reader at a time makes sense of it.
    ///
    /// # Errors
    /// When it is not driven over them, or descriptors run out.
    pub fn stdio(&self) -> io::Result<(pipe::Receiver, pipe::Sender)> {
        match &self.pipes {
            Some(pipes) => pipes.streams(),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// What holds all its private directories.
    pub fn private(&self) -> &Path {
        self.dirs.root()
    }

    /// The last lines that the target wrote, for people.
    pub fn log_tail(&self) -> String {
        tail(&self.log)
    }

    /// Whether the target has ended by itself, and how.
    ///
    /// The supervisor tells it only after what the target left behind has been looked at and ended; that is waited for
    /// when the process is not there any more.
    pub async fn has_exited(&mut self) -> Option<Exit> {
        if self.exited.is_none() {
            let within = match proc::is_alive(self.pid) {
                true => NOTICE_AT_HAND,
                false => SUPERVISOR_WITHIN,
            };
            let notice = timeout(within, self.read_notice()).await;
            self.exited = notice.ok()?.ok().and_then(|notice| self.exit(notice));
        }
        self.exited.clone()
    }

    /// Like [`Instance::has_exited`], for a target that has shown signs of ending: it is given a moment to do so.
    pub async fn has_exited_by_now(&mut self) -> Option<Exit> {
        let deadline = Instant::now() + ENDING_WITHIN;
        while proc::is_alive(self.pid) && Instant::now() < deadline {
            pause(READY_EVERY).await;
        }
        self.has_exited().await
    }

    /// Asks a target that runs to end, waits, and tells how it did and what it left.
    ///
    /// # Errors
    /// When the supervisor fails.
    pub async fn stop(&mut self, stop: crate::config::Stop) -> io::Result<Exit> {
        let within_ms = milliseconds(stop.within);
        self.tell(&Command::Stop {
            signal: stop.signal.map(signal_number),
            within_ms,
        })
        .await?;
        // Only now: the supervisor knows that the end which this brings about was asked for.
        if let (None, Some(pipes)) = (stop.signal, &mut self.pipes) {
            pipes.end_input();
        }
        let notice = self.notice(stop.within + SUPERVISOR_WITHIN).await?;
        let exit = self.exit(notice).ok_or(io::ErrorKind::InvalidData)?;
        self.exited = Some(exit.clone());
        Ok(exit)
    }

    /// Ends what is still running of the target and of all that it started, and waits until it has gone.
    pub async fn end(mut self) {
        // Its end of the socket closes: that is the supervisor's order to end everything.
        drop(self.control);
        let deadline = Instant::now() + SUPERVISOR_WITHIN;
        while Instant::now() < deadline && !matches!(self.child.try_wait(), Ok(Some(_))) {
            pause(Duration::from_millis(2)).await;
        }
    }

    fn exit(&self, notice: Notice) -> Option<Exit> {
        let Notice::Exited {
            code,
            signal,
            overdue,
            took_ms,
            left,
        } = notice
        else {
            return None;
        };
        Some(Exit {
            code,
            signal,
            overdue,
            took_ms,
            left_processes: left,
            left_files: self.left_files(),
        })
    }

    /// What lies in the private directories now, beside the directories that leakgate itself made.
    fn left_files(&self) -> Left {
        let own = [
            self.dirs.run(),
            self.dirs.state(),
            self.dirs.tmp(),
            self.dirs.home(),
        ];
        let found = files_under(self.dirs.root()).unwrap_or_default();
        let left = found
            .iter()
            .filter(|path| !own.contains(path) && **path != self.probe_socket());
        let relative = left.map(|path| path.strip_prefix(self.dirs.root()).unwrap_or(path));
        let mut left: Vec<_> = relative.map(|path| path.display().to_string()).collect();
        left.sort();
        Left::new(&left, String::clone)
    }

    async fn tell(&mut self, message: &impl serde::Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.control.write_all(&line).await
    }

    pub(super) async fn notice(&mut self, within: Duration) -> io::Result<Notice> {
        timeout(within, self.read_notice())
            .await
            .map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// Dropping the call loses nothing: what was read of a notice is kept.
    async fn read_notice(&mut self) -> io::Result<Notice> {
        if self.control.read_line(&mut self.partial).await? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the supervisor has gone",
            ));
        }
        Ok(serde_json::from_str(&std::mem::take(&mut self.partial))?)
    }
}

impl Plan<'_> {
    /// Whether the target is told a port.
    fn takes_a_port(&self) -> bool {
        let texts = self.command.iter().chain(self.target.env.values());
        texts
            .into_iter()
            .any(|text| placeholders(text).contains(&"port"))
    }
}

/// A TCP port that nobody on the loopback device uses now. Somebody may take it before the target does: then the target
/// says so and ends.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// leakgate again, as a supervisor, in a process group that the terminal's Ctrl-C does not reach.
///
/// It knows from its first moment which directory to remove should leakgate go away.
fn spawn_supervisor(private: &Path) -> io::Result<(Child, std::os::unix::net::UnixStream)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    // Not by its path: there may be another program by now, or none, when leakgate is built anew during a run.
    let child = Process::new("/proc/self/exe")
        .arg0("leakgate")
        .arg(super::SUPERVISE)
        .arg(private)
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .process_group(0)
        .spawn()?;
    Ok((child, ours))
}

fn tail(log: &Path) -> String {
    let end = || {
        let mut file = File::open(log)?;
        let begin = file.metadata()?.len().saturating_sub(LOG_TAIL_BYTES);
        file.seek(SeekFrom::Start(begin))?;
        let mut end = Vec::new();
        file.take(LOG_TAIL_BYTES).read_to_end(&mut end)?;
        Ok::<_, io::Error>(end)
    };
    let text = printable(&end().unwrap_or_default());
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_log_the_end_is_shown_and_nothing_that_a_terminal_obeys() {
        let log = tempfile::NamedTempFile::new().unwrap();
        // Takes no room on the disk, and all of it in memory when it is read.
        log.as_file().set_len(1 << 40).unwrap();
        let mut appended = File::options().append(true).open(log.path()).unwrap();
        appended.write_all(b"\n\x1b[2Jlast\n").unwrap();
        let shown = tail(log.path());
        assert!(shown.ends_with("\n\\u{1b}[2Jlast"), "{shown}");
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'));
    }
}
