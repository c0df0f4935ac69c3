//! How long a step waits, and what it says when that was too short.

use std::time::Duration;

use tokio::time::Instant;

use super::super::driver::StepError;

/// The time that a step has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    within: Duration,
    deadline: Instant,
}

impl Patience {
    /// So long, from now on.
    pub(super) fn of(within: Duration) -> Self {
        Self {
            within,
            deadline: Instant::now() + within,
        }
    }

    /// When it is over.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Waits for something; the target is stuck when it does not happen in time.
    pub(super) async fn wait<T>(&self, happens: impl Future<Output = T>) -> Result<T, StepError> {
        let waited = tokio::time::timeout_at(self.deadline, happens).await;
        waited.map_err(|_| self.stuck())
    }

    /// Nothing came at all.
    pub(super) fn stuck(&self) -> StepError {
        StepError::Stuck(self.within)
    }

    /// Something came, but not what was waited for.
    pub(super) fn instead(&self, wanted: &str, instead: &str) -> StepError {
        StepError::Load(format!(
            "{wanted} did not come within {:?}; what came instead: {instead}",
            self.within
        ))
    }
}
