//! What a daemon has counted since it was started.

use serde::{Deserialize, Serialize};

/// Ends of sessions that somebody who runs a daemon wants to know of, counted since it was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stats {
    /// Sessions that ended because nobody had used them for their time to live.
    pub sessions_expired: u64,
    /// Ends at which something did not heed the hang-up and was killed when its time was over.
    pub sessions_killed: u64,
    /// Sessions that were not respawned any more because that had happened too often.
    pub breakers_opened: u64,
}
