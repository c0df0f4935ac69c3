//! The one place where processes are started and reaped: a thread that lives as long as the daemon.
//!
//! One thread, because a terminal's descriptors are marked close-on-exec only after they are opened: two spawns at a time
//! could hand one session's terminal to another's child. It waits for every child of the daemon, adopted orphans
//! included, so nothing else in the daemon may start a process.

mod command;
mod table;
mod thread;
mod tree;

use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use sessiond_protocol::{ExitStatus, SessionId};
use tokio::sync::{Semaphore, oneshot};

use crate::core::StartOrder;
pub(crate) use command::SpawnError;
use command::{Launch, Mark};
use thread::Command;

/// Spawns that wait at a time; the other sessions that start wait in their own tasks.
const SPAWNS_WAITING_MAX: usize = 16;

/// Commands that wait for the thread: the spawns, an end per session of a full daemon, and a wake-up. Beyond that only
/// wake-ups could come, and they may be lost: the thread looks for exits after every command.
const COMMANDS_MAX: usize = SPAWNS_WAITING_MAX + crate::core::SESSIONS_MAX + 1;

/// The handle to the spawn thread. Dropping it ends the thread once its commands are done.
#[derive(Debug)]
pub(crate) struct Spawner {
    commands: SyncSender<Command>,
    turns: Semaphore,
    mark: Mark,
}

/// A process that was started, and the master side of its terminal.
#[derive(Debug)]
pub(crate) struct Spawned {
    pub(crate) child: Child,
    /// Does not block, is not inherited.
    pub(crate) master: OwnedFd,
}

/// A session's first process.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) session: SessionId,
    pub(crate) pid: u32,
    /// Gets the status when the process has been reaped.
    exit: oneshot::Receiver<ExitStatus>,
    /// What came of that, kept: whoever ends a session whose task has panicked has to know it too.
    status: Option<ExitStatus>,
    commands: SyncSender<Command>,
}

impl Spawner {
    /// Starts the thread. `instance` tells this daemon's sessions from any other's.
    ///
    /// # Errors
    /// When the kernel refuses the thread, or refuses to make this process adopt orphans.
    pub(crate) fn start(instance: &str) -> io::Result<(Self, JoinHandle<()>)> {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        let (commands, queue) = sync_channel(COMMANDS_MAX);
        let mark = Mark::new(instance);
        let thread = thread::start(queue, mark.clone())?;
        Ok((
            Self {
                commands,
                turns: Semaphore::new(SPAWNS_WAITING_MAX),
                mark,
            },
            thread,
        ))
    }

    /// Starts a session's process in a new terminal.
    pub(crate) async fn spawn(
        &self,
        session: SessionId,
        order: &StartOrder,
    ) -> Result<Spawned, SpawnError> {
        let _turn = self.turns.acquire().await.map_err(|_| SpawnError::Ending)?;
        let (exit_sender, exit) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        let launch = Launch::new(order, self.mark.of(session));
        let command = Command::Spawn {
            session,
            launch: Box::new(launch),
            exit: exit_sender,
            answer,
        };
        self.commands
            .try_send(command)
            .map_err(|_| SpawnError::Ending)?;
        let (pid, master) = answered.await.unwrap_or(Err(SpawnError::Ending))?;
        Ok(Spawned {
            child: Child {
                session,
                pid,
                exit,
                status: None,
                commands: self.commands.clone(),
            },
            master,
        })
    }

    /// Tells the thread that some child has changed: the kernel said so.
    pub(crate) fn reap(&self) {
        // A full queue is as good: the thread looks for exits after every command.
        let _ = self.commands.try_send(Command::Reap);
    }

    /// Ends whatever is still below this process; resolves when that is done and the thread has ended its work.
    pub(crate) async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        if self.commands.try_send(Command::Stop { done }).is_ok() {
            // A thread that is gone has nothing left to stop.
            let _ = stopped.await;
        }
    }
}

impl Child {
    /// Resolves with the status when the process has been reaped; with none when the spawn thread is gone. Dropping the
    /// call loses nothing.
    pub(crate) async fn exited(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = (&mut self.exit).await.ok();
        }
        self.status
    }

    /// The status of a process that is known to have ended.
    pub(crate) fn status(&mut self) -> Option<ExitStatus> {
        self.status = self.status.or_else(|| self.exit.try_recv().ok());
        self.status
    }

    /// Ends this process and everything it started: hang-up first, SIGKILL after a grace. Resolves when all of them are
    /// reaped, with the number of those that survived even that.
    pub(crate) async fn end(&self) -> usize {
        let (done, ended) = oneshot::channel();
        if self
            .commands
            .try_send(Command::End {
                session: self.session,
                done,
            })
            .is_err()
        {
            return 0;
        }
        ended.await.unwrap_or(0)
    }
}
