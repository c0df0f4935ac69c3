//! The task group: the one place that starts tasks. Every task has a name, is counted, and is waited for at the end.

use std::sync::Arc;

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
        let body = Box::pin(body);
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
