//! The spawn thread: starts processes, reaps every child there is, and ends what a session leaves behind.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Signal, WaitOptions, WaitStatus, wait};
use sessiond_protocol::{ExitStatus, SessionId};
use tokio::sync::oneshot;

use super::command::{Launch, Mark, SpawnError};
use super::table::Table;
use super::tree::Tree;
use crate::gauges::BUSY;

/// What portable-pty and the look at /proc need: no recursion, no large buffers.
const STACK_BYTES: usize = 256 << 10;

/// How often the last orphans are killed and waited for before the daemon ends without them.
const STOP_ROUNDS_MAX: u32 = 20;
/// How long one such round waits for the kernel to report an end.
const STOP_ROUND: Duration = Duration::from_millis(50);

/// What the thread is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    Spawn {
        session: SessionId,
        launch: Box<Launch>,
        exit: oneshot::Sender<ExitStatus>,
        answer: oneshot::Sender<Result<(u32, OwnedFd), SpawnError>>,
    },
    End {
        session: SessionId,
        done: oneshot::Sender<usize>,
    },
    /// Some child has changed.
    Reap,
    Stop {
        done: oneshot::Sender<()>,
    },
}

/// Starts the thread. It ends after [`Command::Stop`], or when nobody can send commands any more.
pub(crate) fn start(commands: Receiver<Command>, mark: Mark) -> io::Result<JoinHandle<()>> {
    let body = move || run(&commands, Table::new(mark));
    std::thread::Builder::new()
        .name("spawner".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(body)
}

fn run(commands: &Receiver<Command>, mut table: Table) {
    loop {
        let command = match table.next_deadline() {
            Some(deadline) => {
                commands.recv_timeout(deadline.saturating_duration_since(Instant::now()))
            }
            None => commands.recv().map_err(RecvTimeoutError::from),
        };
        let _busy = BUSY.enter();
        match command {
            Ok(Command::Spawn {
                session,
                launch,
                exit,
                answer,
            }) => {
                let spawned = launch.spawn();
                if let Ok((pid, _)) = &spawned {
                    table.insert(session, *pid, exit);
                }
                if answer.send(spawned).is_err() {
                    // The session's task is gone, so nobody will ask for this end.
                    let (done, _) = oneshot::channel();
                    table.end(session, done);
                }
            }
            Ok(Command::End { session, done }) => table.end(session, done),
            Ok(Command::Reap) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Command::Stop { done }) => {
                end_orphans(commands);
                let _ = done.send(()); // whoever asked may be gone
                return;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
        reap(|pid, status| {
            if !table.exited(pid, status) {
                tracing::debug!(pid, %status, "reaped an orphan");
            }
        });
        table.advance(Instant::now());
    }
}

/// Takes the status of every child that has ended. Nothing else in the daemon waits for children.
fn reap(mut tell: impl FnMut(u32, ExitStatus)) {
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if let Some(status) = exit_status(status) {
            tell(pid.as_raw_nonzero().get().cast_unsigned(), status);
        }
    }
}

fn exit_status(status: WaitStatus) -> Option<ExitStatus> {
    let code = status.exit_status().map(ExitStatus::Code);
    code.or_else(|| status.terminating_signal().map(ExitStatus::Signal))
}

/// Kills and reaps what escaped from every session and is still below the daemon.
fn end_orphans(commands: &Receiver<Command>) {
    let me = std::process::id();
    for _ in 0..STOP_ROUNDS_MAX {
        reap(|_, _| {});
        let Ok(tree) = Tree::look() else { return };
        let left = tree.with_descendants(tree.children_of(me).copied().collect());
        if left.is_empty() {
            return;
        }
        for process in left {
            process.signal(Signal::KILL);
        }
        // Woken by the next report of an end, or by the round's own.
        let _ = commands.recv_timeout(STOP_ROUND);
    }
}
