//! What the spawn thread is asked to do, and what it is told.
//!
//! Bounded by what there is: starts by the turns that [`Spawner`](super::Spawner) gives, ends by the owners, signals by
//! a number, and of everything else there is one at a time. So no start and no end is ever refused for lack of room.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::process::Signal;
use sessiond_protocol::ExitStatus;
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::Toll;
use super::exec::Standard;
use super::launch::Launch;
use super::orphans::Orphans;
use super::owner::Owner;
use super::refusal::SpawnError;

/// A first process to be started.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) owner: Owner,
    pub(super) launch: Launch,
    pub(super) standard: Standard,
    pub(super) exit: oneshot::Sender<ExitStatus>,
    pub(super) answer: oneshot::Sender<Result<u32, SpawnError>>,
}

/// All processes of one owner to be ended; answered with what came of that.
#[derive(Debug)]
pub(super) struct End {
    pub(super) owner: Owner,
    pub(super) done: oneshot::Sender<Toll>,
}

/// Everything that has come in since the thread last looked.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) starts: Vec<Start>,
    pub(super) ends: Vec<End>,
    /// To the process groups of these owners' first processes.
    pub(super) signals: Vec<(Owner, Signal)>,
    /// Some child has changed: the kernel said so.
    pub(super) reap: bool,
    /// The answer to the last question for orphans.
    pub(super) orphans: Option<Orphans>,
    pub(super) stop: Option<oneshot::Sender<()>>,
}

impl Batch {
    const fn is_empty(&self) -> bool {
        self.starts.is_empty()
            && self.ends.is_empty()
            && self.signals.is_empty()
            && !self.reap
            && self.orphans.is_none()
            && self.stop.is_none()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nobody gives orders any more.
    Closed,
    /// Nobody takes them any more.
    Ended,
}

#[derive(Debug)]
struct State {
    batch: Batch,
    phase: Phase,
}

/// The orders of one thread.
#[derive(Debug)]
pub(super) struct Orders {
    state: Mutex<State>,
    came: Condvar,
    ended: CancellationToken,
}

impl Orders {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                batch: Batch::default(),
                phase: Phase::Open,
            }),
            came: Condvar::new(),
            ended: CancellationToken::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds this lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to what the thread finds next. After the thread has ended it is dropped, and whoever waits for an answer sees
    /// that none comes.
    pub(super) fn add(&self, change: impl FnOnce(&mut Batch)) {
        let mut state = self.lock();
        if state.phase != Phase::Ended {
            change(&mut state.batch);
            self.came.notify_one();
        }
    }

    /// Says that no more orders come.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closed;
        }
        self.came.notify_one();
    }

    /// Resolves when nobody takes orders any more.
    pub(super) fn ended(&self) -> WaitForCancellationFuture<'_> {
        self.ended.cancelled()
    }

    /// Says that no more orders are taken, and drops those that wait.
    fn end(&self) {
        let mut state = self.lock();
        state.phase = Phase::Ended;
        let left = std::mem::take(&mut state.batch);
        drop(state);
        drop(left);
        self.ended.cancel();
    }

    /// Waits for orders until `deadline`; returns what came, which may be nothing. `None` when no more will come.
    pub(super) fn take(&self, deadline: Option<Instant>) -> Option<Batch> {
        let mut state = self.lock();
        loop {
            if !state.batch.is_empty() {
                return Some(std::mem::take(&mut state.batch));
            }
            if state.phase != Phase::Open {
                return None;
            }
            state = match deadline {
                None => self
                    .came
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Some(Batch::default());
                    }
                    let waited = self.came.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// What the thread that takes orders holds. When it is gone, by a panic too, nobody waits for an answer any longer.
#[derive(Debug)]
pub(super) struct Taker(Arc<Orders>);

impl Taker {
    pub(super) const fn new(orders: Arc<Orders>) -> Self {
        Self(orders)
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        self.0.end();
    }
}
