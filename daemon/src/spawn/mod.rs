//! The one place where processes are started and reaped: a thread that lives as long as the daemon.
//!
//! It waits for every child of the daemon, adopted orphans included, so nothing else in the daemon may start a process.

mod adopted;
mod exec;
mod launch;
mod mark;
mod orders;
mod orphans;
mod owner;
mod pipes;
mod proc_fs;
mod refusal;
mod table;
mod terminal;
mod thread;
mod tree;

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::process::Signal;
use sessiond_protocol::{ErrorCode, ExitStatus, Failure, SessionId, SignalName, Success};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit, oneshot};
use tokio_util::sync::WaitForCancellationFuture;

use crate::core::{Leaving, StartOrder};
use crate::open_files::OpenFiles;
pub(crate) use exec::Pipes;
use exec::Standard;
use launch::Launch;
use mark::Mark;
use orders::{End, Orders, Start};
use orphans::Orphans;
pub(crate) use owner::Owner;
pub(crate) use refusal::SpawnError;
use thread::Thread;

/// Held by every unit test with a child: a spawn thread reaps, and at its end kills, every child of its process.
#[cfg(test)]
pub(crate) fn only_test_with_children() -> std::sync::MutexGuard<'static, ()> {
    static CHILDREN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    CHILDREN
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Spawns that wait at a time; whoever else starts something waits in a task of its own.
const SPAWNS_WAITING_MAX: usize = 16;

/// Signals that wait at a time. The thread takes all of them at its next turn; more come only from a client that floods.
const SIGNALS_WAITING_MAX: usize = 256;

/// The handle to the spawn thread. Dropping it ends the thread once its orders are done.
#[derive(Debug)]
pub(crate) struct Spawner {
    orders: Arc<Orders>,
    question: Arc<Notify>,
    turns: Semaphore,
    /// One for each session whose terminal can be kept open.
    carried: Arc<Semaphore>,
    files: OpenFiles,
    mark: Mark,
}

/// A process that was started, and the master side of its terminal.
#[derive(Debug)]
pub(crate) struct Spawned {
    pub(crate) child: Child,
    /// Does not block, is not inherited.
    pub(crate) master: OwnedFd,
}

/// A process that was started, and our ends of its three pipes.
#[derive(Debug)]
pub(crate) struct Piped {
    pub(crate) child: Child,
    /// They do not block and are not inherited.
    pub(crate) pipes: Pipes<OwnedFd>,
}

/// An owner's first process.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) owner: Owner,
    pub(crate) pid: u32,
    /// Gets the status when the process has been reaped.
    exit: oneshot::Receiver<ExitStatus>,
    /// What came of that, kept: whoever ends a session whose task has panicked has to know it too.
    status: Option<ExitStatus>,
    orders: Arc<Orders>,
    /// A session's share in the open files.
    carried: Option<OwnedSemaphorePermit>,
}

/// What it took to end a session's processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Toll {
    /// How those that are gone have left.
    pub(crate) leaving: Leaving,
    /// Those that survive even SIGKILL.
    pub(crate) survivors: usize,
}

impl Spawner {
    /// Starts the thread. `instance` tells this daemon's sessions from any other's; `files` says how many of
    /// them there can be.
    ///
    /// # Errors
    /// When the kernel refuses the thread, or a look at its processes, or to make this process adopt orphans.
    pub(crate) fn start(instance: &str, files: OpenFiles) -> io::Result<(Self, JoinHandle<()>)> {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        let spawner = Self {
            orders: Arc::new(Orders::new()),
            question: Arc::new(Notify::new()),
            turns: Semaphore::new(SPAWNS_WAITING_MAX),
            carried: Arc::new(Semaphore::new(files.sessions())),
            files,
            mark: Mark::new(instance),
        };
        let thread = Thread {
            orders: Arc::clone(&spawner.orders),
            question: Arc::clone(&spawner.question),
            mark: spawner.mark.clone(),
            files: files.original,
        };
        Ok((spawner, thread.start()?))
    }

    /// Starts a session's process in a new terminal.
    pub(crate) async fn spawn(
        &self,
        session: SessionId,
        order: &StartOrder,
    ) -> Result<Spawned, SpawnError> {
        let carried = Arc::clone(&self.carried).try_acquire_owned();
        let carried = carried.map_err(|_| SpawnError::OpenFiles {
            sessions: self.files.sessions(),
            limit: self.files.limit(),
        })?;
        let turn = self.turn().await?;
        let terminal::Pair { master, slave } =
            terminal::open(order.size).map_err(SpawnError::Terminal)?;
        let owner = Owner::Session(session);
        let launch = Launch::of_session(&order.recipe, self.mark.of(owner));
        let started = self.start_process(owner, launch, Standard::Terminal(slave), turn);
        let mut child = started.await?;
        child.carried = Some(carried);
        Ok(Spawned { child, master })
    }

    /// Starts a process with three pipes and these variables on top of the daemon's own.
    pub(crate) async fn spawn_piped(
        &self,
        owner: Owner,
        command: Vec<String>,
        cwd: Option<PathBuf>,
        environment: Vec<(String, String)>,
    ) -> Result<Piped, SpawnError> {
        let turn = self.turn().await?;
        let (ours, theirs) = pipes::open().map_err(SpawnError::Pipes)?;
        let launch = Launch::new(command, cwd, environment, self.mark.of(owner));
        let started = self.start_process(owner, launch, Standard::Pipes(theirs), turn);
        Ok(Piped {
            child: started.await?,
            pipes: ours,
        })
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, SpawnError> {
        self.turns.acquire().await.map_err(|_| SpawnError::Ending)
    }

    /// Has the thread start it, in this turn.
    async fn start_process(
        &self,
        owner: Owner,
        launch: Launch,
        standard: Standard,
        _turn: SemaphorePermit<'_>,
    ) -> Result<Child, SpawnError> {
        let (exit_sender, exit) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        let start = Start {
            owner,
            launch,
            standard,
            exit: exit_sender,
            answer,
        };
        self.orders.add(|batch| batch.starts.push(start));
        Ok(Child {
            owner,
            pid: answered.await.unwrap_or(Err(SpawnError::Ending))?,
            exit,
            status: None,
            orders: Arc::clone(&self.orders),
            carried: None,
        })
    }

    /// Sends a signal to a running session's process group, in its turn.
    pub(crate) fn signal(
        &self,
        session: SessionId,
        signal: SignalName,
    ) -> Result<Success, Failure> {
        let signal = number_of(signal);
        let mut result = Ok(Success::Signalled {});
        self.orders.add(|batch| {
            if batch.signals.len() < SIGNALS_WAITING_MAX {
                batch.signals.push((Owner::Session(session), signal));
            } else {
                let message = format!("{SIGNALS_WAITING_MAX} signals wait to be sent already");
                result = Err(Failure::new(ErrorCode::Busy, message));
            }
        });
        result
    }

    /// The session in whose environment this mark is.
    pub(crate) fn session_of(&self, mark: &str) -> Option<SessionId> {
        match self.mark.owner_of(mark)? {
            Owner::Session(session) => Some(session),
            Owner::McpServer(_) | Owner::Hook(_) => None,
        }
    }

    /// Tells the thread that some child has changed: the kernel said so.
    pub(crate) fn reap(&self) {
        self.orders.add(|batch| batch.reap = true);
    }

    /// Answers the thread when it asks for orphans; never resolves. To be awaited on the process's main thread, the only
    /// one that can say.
    pub(crate) async fn answer_questions(&self) {
        loop {
            self.question.notified().await;
            let orphans = Orphans::ask();
            self.orders.add(|batch| batch.orphans = Some(orphans));
        }
    }

    /// Resolves when the thread is gone, by itself too: then nothing is left of what it has started, and nothing can be
    /// started any more.
    pub(crate) fn ended(&self) -> WaitForCancellationFuture<'_> {
        self.orders.ended()
    }

    /// Ends whatever is still below this process; resolves when that is done and the thread has ended its work.
    pub(crate) async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        self.orders.add(|batch| batch.stop = Some(done));
        // A thread that is gone has nothing left to stop.
        let _ = stopped.await;
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        self.orders.close();
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
    /// reaped, or survive even that.
    pub(crate) async fn end(&self) -> Toll {
        let (done, ended) = oneshot::channel();
        let owner = self.owner;
        self.orders
            .add(|batch| batch.ends.push(End { owner, done }));
        // The thread is gone: it has killed whatever there was.
        ended.await.unwrap_or_default()
    }
}

const fn number_of(signal: SignalName) -> Signal {
    match signal {
        SignalName::Hup => Signal::HUP,
        SignalName::Int => Signal::INT,
        SignalName::Quit => Signal::QUIT,
        SignalName::Kill => Signal::KILL,
        SignalName::Usr1 => Signal::USR1,
        SignalName::Usr2 => Signal::USR2,
        SignalName::Term => Signal::TERM,
        SignalName::Cont => Signal::CONT,
        SignalName::Stop => Signal::STOP,
        SignalName::Tstp => Signal::TSTP,
        SignalName::Winch => Signal::WINCH,
    }
}

#[cfg(test)]
mod tests;
