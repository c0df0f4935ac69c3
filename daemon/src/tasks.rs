//! The task group: the one place that starts tasks. Every task has a name, is counted, and is waited for at the end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerWaitFuture;
use tracing::Instrument;

use crate::gauges::TASKS;

/// A handle to the group; clones start tasks in the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct TaskGroup {
    tracker: Arc<TaskTracker>,
}

impl TaskGroup {
    /// Starts a task. Its name and number are in every line that it logs.
    ///
    /// The group keeps nothing of a task that has ended. A task that panics is logged by the panic hook and ends alone.
    pub(crate) fn spawn<F>(&self, name: &'static str, number: u64, body: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let span = tracing::info_span!("task", name, number);
        let counted = TASKS.hold(1);
        // Boxed, because the wrapper around it would hold it twice: once as it came, once as it is awaited.
        let body = leakgate_probe::task::named(name, Box::pin(body));
        self.tracker.spawn(
            async move {
                let _counted = counted;
                body.await;
            }
            .instrument(span),
        );
    }

    /// Waits until every task has ended. No task may be started afterwards.
    pub(crate) fn join(&self) -> TaskTrackerWaitFuture<'_> {
        self.tracker.close();
        self.tracker.wait()
    }
}

/// What `body` comes to; nothing where it panics, which the panic hook has logged. For tasks that others count on: a panic
/// must not leave a session's processes running, or a client in the core, for ever.
///
/// By reference: a future that is handed over is held twice, in every task.
pub(crate) async fn unless_it_panics<T>(mut body: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    // A body that has panicked is not polled again. What it shared is behind locks that say what they do about it.
    std::future::poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(context)))
            .map_or(Poll::Ready(None), |polled| polled.map(Some))
    })
    .await
}
