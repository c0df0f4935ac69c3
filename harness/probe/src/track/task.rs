//! Owns the names of asynchronous tasks: those that are known, and which of them a thread polls at this moment.
//!
//! No lock is taken: a place in the list is one thread's alone until its name stands there, and a reader takes a place
//! without a name for an empty one. So the child of a fork never finds one that it would have to wait for.

use std::pin::pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::thread;

/// Names that are told apart: a daemon has a dozen. What comes after stands together.
const NAMES_MAX: u16 = 255;

/// Every name, at its number less one. Two threads that bring the same new name at once may give it two numbers: whoever
/// reads goes by the names.
static NAMES: [OnceLock<&'static str>; NAMES_MAX as usize] =
    [const { OnceLock::new() }; NAMES_MAX as usize];

/// Places of [`NAMES`] that are given out; may run past its end.
static USED: AtomicUsize = AtomicUsize::new(0);

/// A task's name, as a site keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Task(u16);

impl Task {
    /// No task is polled.
    pub(super) const NONE: Self = Self(0);
    /// One of those that found no place.
    const OTHER: Self = Self(NAMES_MAX + 1);

    /// The task of this name, which is listed if it is new.
    fn named(name: &'static str) -> Self {
        // Looked at first, so that the count does not run away once the list is full.
        let used = USED.load(Ordering::Relaxed).min(NAMES.len());
        let known = NAMES[..used]
            .iter()
            .position(|listed| listed.get() == Some(&name));
        if let Some(place) = known {
            return Self::at(place);
        }
        if used == NAMES.len() {
            return Self::OTHER;
        }
        let place = USED.fetch_add(1, Ordering::Relaxed);
        let Some(free) = NAMES.get(place) else {
            return Self::OTHER;
        };
        // The place is this thread's own, so nobody was faster.
        let _ = free.set(name);
        Self::at(place)
    }

    fn at(place: usize) -> Self {
        u16::try_from(place + 1).map_or(Self::OTHER, Self)
    }

    /// What a site keeps of it.
    pub(super) const fn number(self) -> u16 {
        self.0
    }

    /// The name behind a number; none for no task.
    pub(super) fn name_of(number: u16) -> Option<&'static str> {
        let place = usize::from(number.checked_sub(1)?);
        match NAMES.get(place) {
            Some(listed) => listed.get().copied(),
            None => Some("(another one)"),
        }
    }
}

/// Runs `future` as the task `name`.
pub(crate) fn polled_as<F: Future>(
    name: &'static str,
    future: F,
) -> impl Future<Output = F::Output> {
    let task = Task::named(name);
    async move {
        let mut future = pin!(future);
        std::future::poll_fn(|context| {
            let _polled = Polled::begin(task);
            future.as_mut().poll(context)
        })
        .await
    }
}

/// The time in which this thread polls a task; what it polled before it polls again afterwards, also after a panic.
struct Polled {
    before: Task,
}

impl Polled {
    fn begin(task: Task) -> Self {
        Self {
            before: thread::polls(task),
        }
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        thread::polls(self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number_and_the_list_has_an_end() {
        let first = Task::named("listed first");
        assert_eq!(Task::named("listed first"), first);
        assert_eq!(Task::name_of(first.number()), Some("listed first"));
        assert_eq!(Task::name_of(Task::NONE.number()), None);
        for number in 0..300 {
            let name: &'static str = match number % 2 {
                0 => "even",
                _ => "odd",
            };
            Task::named(name);
        }
        assert!(USED.load(Ordering::Relaxed) <= 8, "names are listed once");
        assert_eq!(Task::at(usize::from(NAMES_MAX)), Task::OTHER);
        assert_eq!(Task::name_of(Task::OTHER.number()), Some("(another one)"));
    }
}
