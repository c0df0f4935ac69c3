//! The supervisor: a process of its own between leakgate and a target.
//!
//! It is the subreaper, so whatever escapes from the target is attributed to the target, and
//! leakgate's own children keep their statuses. When leakgate goes away for any reason, its end of
//! the control socket closes, and the supervisor ends everything it had started.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};
use tokio::time::{Instant, timeout_at};

use super::exit::Left;
use super::stdio::{Ends, take_over};
use super::wire::{Command, Launch, Notice};
use crate::sample::{pause, proc};
use crate::units::milliseconds;

/// What a target leaves behind may need a moment to notice; then it counts as left, and is ended.
const LEFT_BEHIND_GRACE: Duration = Duration::from_millis(500);
/// Killing and reaping everything: the kernel needs milliseconds, an overloaded machine more.
const KILL_BOUND: Duration = Duration::from_secs(5);

/// Runs the supervisor on the control socket that is its standard input, until the target has gone; when leakgate
/// goes first, the directory `private` is removed too.
///
/// # Errors
/// When the control socket or the signals cannot be used.
pub fn run(private: &Path) -> io::Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let socket = std::os::unix::net::UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let piped = take_over(&socket)?;
    socket.set_nonblocking(true)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let children = signal(SignalKind::child())?;
            let control = BufReader::new(UnixStream::from_std(socket)?);
            let supervisor = Supervisor {
                control,
                children,
                piped,
            };
            let ended = supervisor.supervise().await;
            if let Ok(true) = ended {
                return Ok(());
            }
            // leakgate has gone: nobody else removes what it had made.
            match fs::remove_dir_all(private) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => ended.map(|_| ()),
            }
        })
}

struct Supervisor {
    control: BufReader<UnixStream>,
    children: SignalStream,
    /// Standard input and output of a target that is driven over them.
    piped: Option<Ends>,
}

/// How the target ended.
#[derive(Clone, Copy)]
struct Ended {
    code: Option<i32>,
    signal: Option<i32>,
}

impl Supervisor {
    /// Whether leakgate was there to the end.
    async fn supervise(mut self) -> io::Result<bool> {
        let Some(launch) = next_line(&mut self.control).await else {
            return Ok(false);
        };
        let piped = self.piped.take();
        let pid = match start(&serde_json::from_str(&launch)?, piped) {
            Ok(pid) => pid,
            Err(error) => {
                let reason = error.to_string();
                return Ok(self.tell(&Notice::NotStarted { reason }).await.is_ok());
            }
        };
        let pid_number = pid.as_raw_pid().cast_unsigned();
        let told = self.tell(&Notice::Started { pid: pid_number }).await;
        let outcome = match told {
            Ok(()) => self.watch(pid).await,
            Err(_) => Ok(None),
        };
        // Whatever became of the watching, everything that was started is ended.
        kill_all().await?;
        match outcome? {
            Some(notice) => Ok(self.tell(&notice).await.is_ok()),
            None => Ok(false),
        }
    }

    /// Until the target has ended; `None` when leakgate has gone first.
    async fn watch(&mut self, target: Pid) -> io::Result<Option<Notice>> {
        loop {
            tokio::select! {
                _ = self.children.recv() => {
                    if let Some(ended) = reap(Some(target))? {
                        return Ok(Some(self.exited(ended, false, 0).await?));
                    }
                }
                line = next_line(&mut self.control) => {
                    let Some(line) = line else { return Ok(None) };
                    let Command::Stop { signal, within_ms } = serde_json::from_str(&line)?;
                    return self.stop(target, signal, within_ms).await.map(Some);
                }
            }
        }
    }

    async fn stop(
        &mut self,
        target: Pid,
        signal: Option<i32>,
        within_ms: u64,
    ) -> io::Result<Notice> {
        let began = Instant::now();
        let deadline = began + Duration::from_millis(within_ms);
        if let Some(signal) = signal.and_then(Signal::from_named_raw) {
            // It may have gone between the question and the signal; the loop below notices.
            let _ = rustix::process::kill_process(target, signal);
        }
        loop {
            if let Some(ended) = reap(Some(target))? {
                let took_ms = milliseconds(began.elapsed());
                return self.exited(ended, false, took_ms).await;
            }
            let overdue = tokio::select! {
                waited = timeout_at(deadline, self.children.recv()) => waited.is_err(),
                // Nothing more is asked for: this is leakgate's end, and there is nobody left to wait for.
                _ = next_line(&mut self.control) => true,
            };
            if overdue {
                rustix::process::kill_process(target, Signal::KILL)?;
                let took_ms = milliseconds(began.elapsed());
                let ended = Ended {
                    code: None,
                    signal: Some(Signal::KILL.as_raw()),
                };
                return self.exited(ended, true, took_ms).await;
            }
        }
    }

    /// The last notice: lists what the target left running, after a bounded grace.
    async fn exited(&mut self, ended: Ended, overdue: bool, took_ms: u64) -> io::Result<Notice> {
        let deadline = Instant::now() + LEFT_BEHIND_GRACE;
        let left = loop {
            reap(None)?;
            let left = proc::descendants(std::process::id())?;
            if left.is_empty() || Instant::now() >= deadline {
                break left;
            }
            pause(Duration::from_millis(5)).await;
        };
        let left: Vec<_> = left.iter().filter(|process| !process.zombie).collect();
        Ok(Notice::Exited {
            code: ended.code,
            signal: ended.signal,
            overdue,
            took_ms,
            left: Left::new(&left, |process| proc::command_line(process.pid)),
        })
    }

    async fn tell(&mut self, notice: &Notice) -> io::Result<()> {
        let mut line = serde_json::to_vec(notice)?;
        line.push(b'\n');
        self.control.write_all(&line).await
    }
}

/// The next line from leakgate; `None` when it has gone.
///
/// Lines come from leakgate itself, which writes each in one piece and of bounded size. A socket that fails is one whose
/// other end has gone: with our last notice unread there, the kernel reports a reset instead of an end.
async fn next_line(control: &mut BufReader<UnixStream>) -> Option<String> {
    let mut line = String::new();
    let read = control.read_line(&mut line).await;
    read.is_ok_and(|read| read > 0).then_some(line)
}

fn start(launch: &Launch, piped: Option<Ends>) -> io::Result<Pid> {
    let log = File::create(&launch.log)?;
    let (program, arguments) = launch
        .argv
        .split_first()
        .ok_or(io::ErrorKind::InvalidInput)?;
    let (input, output) = match piped {
        Some(ends) => (Stdio::from(ends.input), Stdio::from(ends.output)),
        None => (Stdio::null(), log.try_clone()?.into()),
    };
    let child = Process::new(program)
        .args(arguments)
        .env_clear()
        .envs(&launch.env)
        .current_dir(&launch.cwd)
        .stdin(input)
        .stdout(output)
        .stderr(log)
        .process_group(0)
        .spawn()?;
    // Not waited for through std: whatever ends under the subreaper is reaped in one place, `reap`.
    Ok(Pid::from_child(&child))
}

/// Reaps everything that has ended; tells how `target` did, when it is among them.
fn reap(target: Option<Pid>) -> io::Result<Option<Ended>> {
    let mut found = None;
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if Some(pid) == target => {
                found = Some(Ended {
                    code: status.exit_status(),
                    signal: status.terminating_signal(),
                });
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(found),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Ends and reaps every descendant; those that fork meanwhile are met in the next round.
async fn kill_all() -> io::Result<()> {
    let deadline = Instant::now() + KILL_BOUND;
    loop {
        reap(None)?;
        let left = proc::descendants(std::process::id())?;
        if left.is_empty() || Instant::now() >= deadline {
            return Ok(());
        }
        for process in left {
            if let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) {
                // It may have gone since it was listed.
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
        pause(Duration::from_millis(2)).await;
    }
}
