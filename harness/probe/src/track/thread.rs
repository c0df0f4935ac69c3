//! Owns what each thread knows: where its stack lies, in which lane it counts, and how far it is from its next sample.
//!
//! The thread local has no destructor, so it can be read at any point of a thread's life.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::sampling::Countdown;
use super::site::LANES;
use super::stack::Bounds;
use super::task::Task;
use crate::protocol::track::Mode;

/// How many threads have begun to record; the next one's lane follows from it.
static BEGUN: AtomicUsize = AtomicUsize::new(0);

/// A thread's own.
pub(super) struct Thread {
    state: Cell<State>,
    bounds: Cell<Bounds>,
    lane: Cell<usize>,
    /// The task that it polls.
    task: Cell<Task>,
    countdown: Cell<Countdown>,
    /// The table that the countdown was drawn for: another one may have another interval.
    drawn_for: Cell<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Has not recorded anything yet.
    New,
    /// Records.
    Ready,
    /// Does the tracker's own work.
    Unrecorded,
}

thread_local! {
    static THREAD: Thread = const {
        Thread {
            state: Cell::new(State::New),
            bounds: Cell::new(Bounds::NONE),
            lane: Cell::new(0),
            task: Cell::new(Task::NONE),
            countdown: Cell::new(Countdown::unset()),
            drawn_for: Cell::new(0),
        }
    };
}

/// Where a thread is when it allocates.
pub(super) struct Place {
    pub(super) bounds: Bounds,
    pub(super) lane: usize,
    pub(super) task: Task,
}

impl Thread {
    /// Where to count a block of `bytes` in the table of this epoch, if it is to be recorded.
    #[inline(always)]
    pub(super) fn place(mode: Mode, epoch: u16, bytes: usize) -> Option<Place> {
        THREAD.with(|thread| {
            if thread.state.get() != State::Ready && !thread.prepare() {
                return None;
            }
            if let Mode::Sample { interval_bytes } = mode
                && !thread.hits(epoch, bytes, interval_bytes)
            {
                return None;
            }
            Some(Place {
                bounds: thread.bounds.get(),
                lane: thread.lane.get(),
                task: thread.task.get(),
            })
        })
    }

    #[inline]
    fn hits(&self, epoch: u16, bytes: usize, interval_bytes: u32) -> bool {
        let mut countdown = self.countdown.get();
        if self.drawn_for.get() != epoch {
            self.drawn_for.set(epoch);
            let seed = std::ptr::from_ref(self).addr() as u64 ^ u64::from(epoch).rotate_left(48);
            countdown = Countdown::begin(seed, interval_bytes);
        }
        let hits = countdown.hits(bytes, interval_bytes);
        self.countdown.set(countdown);
        hits
    }

    #[cold]
    fn prepare(&self) -> bool {
        if self.state.get() == State::Unrecorded {
            return false;
        }
        self.bounds.set(Bounds::of_this_thread());
        self.lane.set(BEGUN.fetch_add(1, Ordering::Relaxed) % LANES);
        self.state.set(State::Ready);
        true
    }
}

/// From now on this thread polls `task`; what it polled before.
pub(super) fn polls(task: Task) -> Task {
    THREAD.with(|thread| thread.task.replace(task))
}

/// Runs `work` without recording what it allocates: the tracker must not show in its own profile.
pub(super) fn unrecorded<T>(work: impl FnOnce() -> T) -> T {
    let before = THREAD.with(|thread| thread.state.replace(State::Unrecorded));
    let done = work();
    THREAD.with(|thread| thread.state.set(before));
    done
}
