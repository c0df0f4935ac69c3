//! The spawn thread: starts processes, reaps every child there is, and ends what its owner leaves behind.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Rlimit, Signal, WaitOptions, WaitStatus, wait};
use sessiond_protocol::ExitStatus;
use tokio::sync::{Notify, oneshot};

use super::mark::Mark;
use super::orders::{Orders, Start, Taker};
use super::proc_fs::ProcFs;
use super::table::Table;
use crate::gauges::BUSY;

/// What the look at /proc needs: no recursion, no large buffers.
const STACK_BYTES: usize = 256 << 10;

/// How often the last orphans are killed and waited for before the daemon ends without them.
const STOP_ROUNDS_MAX: u32 = 20;
/// How long one such round waits for the kernel to report an end.
const STOP_ROUND: Duration = Duration::from_millis(50);

/// The thread's own.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) orders: Arc<Orders>,
    /// Wakes whoever answers the question for orphans.
    pub(super) question: Arc<Notify>,
    pub(super) mark: Mark,
    /// The limit of open files that every program is to have.
    pub(super) files: Rlimit,
}

impl Thread {
    /// Starts it. It ends after an order to stop, or when nobody gives orders any more; if it panics, everything below the
    /// daemon is killed first.
    pub(super) fn start(self) -> io::Result<JoinHandle<()>> {
        let mut proc = ProcFs::open()?;
        let body = move || {
            let _taker = Taker::new(Arc::clone(&self.orders));
            // What waits for a status or an end is in there, and hears that none comes only when nothing is left.
            let mut table = Table::new(self.mark.clone());
            let work = AssertUnwindSafe(|| self.run(&mut table, &mut proc));
            if let Err(panic) = catch_unwind(work) {
                end_orphans(&self.orders, &mut proc);
                resume_unwind(panic);
            }
        };
        std::thread::Builder::new()
            .name("spawner".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(body)
    }

    fn run(&self, table: &mut Table, proc: &mut ProcFs) {
        while let Some(batch) = self.orders.take(table.next_deadline()) {
            let _busy = BUSY.enter();
            if let Some(done) = batch.stop {
                end_orphans(&self.orders, proc);
                let _ = done.send(()); // whoever asked may be gone
                return;
            }
            if let Some(orphans) = batch.orphans {
                table.learn(orphans, Instant::now());
            }
            for (owner, signal) in batch.signals {
                table.signal(owner, signal);
            }
            for end in batch.ends {
                table.end(end.owner, end.done, Instant::now());
            }
            for start in batch.starts {
                start_one(start, table, self.files);
            }
            reap(|pid, status| {
                if !table.exited(pid, status) {
                    tracing::debug!(pid, %status, "reaped an orphan");
                }
            });
            if table.wants_to_know() {
                self.question.notify_one();
            }
            table.advance(proc);
        }
    }
}

fn start_one(start: Start, table: &mut Table, files: Rlimit) {
    let spawned = start.launch.spawn(&start.standard, files);
    drop(start.standard); // only the program holds them, so that the last process to close them is seen
    if let Ok(pid) = &spawned {
        table.insert(start.owner, *pid, start.exit);
    }
    if start.answer.send(spawned).is_err() {
        // The owner's task is gone, so nobody will ask for this end.
        let (done, _) = oneshot::channel();
        table.end(start.owner, done, Instant::now());
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

/// Kills and reaps what escaped from every owner and is still below the daemon.
fn end_orphans(orders: &Orders, proc: &mut ProcFs) {
    let me = std::process::id();
    for _ in 0..STOP_ROUNDS_MAX {
        reap(|_, _| {});
        if let Ok(tree) = proc.look() {
            let left = tree.with_descendants(tree.children_of(me).to_vec());
            if left.is_empty() {
                return;
            }
            for process in &left {
                proc.signal(process, Signal::KILL);
            }
        }
        // Woken by the next report of an end, or by the round's own.
        let _ = orders.take(Some(Instant::now() + STOP_ROUND));
    }
}
