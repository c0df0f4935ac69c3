//! The limit of open files: raised as far as the system allows, shared out, and given back to the sessions' programs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::core::{CLIENTS_MAX, SESSIONS_MAX};

/// Descriptors for everything that is no session and no connection: the event loop, the log, socket and lock, both
/// sides of terminals that are being opened, the spawn thread's reserve, for statuses the watcher, the journals and the
/// pipes of hooks, and for HTTP its socket and lock: 24; and 16 recordings.
const OWN: usize = 64;

/// Connections beyond the clients that the core takes: those that have not said hello, are being told that there are
/// too many, or speak HTTP and ask nothing. More are told so at once and closed.
const CONNECTIONS_BEYOND: usize = 64;

/// Shared MCP servers get at least this part of what there is to share: one in so many.
const POOL_SHARE: usize = 8;

/// No more descriptors than this for them: 64 servers with 100 clients each.
const POOL_MAX: usize = 8192;

/// What the daemon may keep open, and what it found when it started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenFiles {
    /// The limit as it was: what the sessions' programs get.
    pub(crate) original: Rlimit,
    /// The limit now; none means that there is none.
    limit: Option<u64>,
}

impl OpenFiles {
    /// What holds at the moment.
    pub(crate) fn now() -> Self {
        let original = getrlimit(Resource::Nofile);
        Self {
            original,
            limit: original.current,
        }
    }

    /// Raises the limit as far as this user may.
    pub(crate) fn raised() -> Self {
        let before = Self::now();
        let highest = Rlimit {
            current: before.original.maximum,
            maximum: before.original.maximum,
        };
        // Where that is refused, it stays what it is.
        let _ = setrlimit(Resource::Nofile, highest);
        Self {
            original: before.original,
            ..Self::now()
        }
    }

    /// The limit as a number.
    pub(crate) fn limit(&self) -> u64 {
        self.limit.unwrap_or(u64::MAX)
    }

    /// Sessions that can hold their terminal open at a time: half of what there is.
    pub(crate) fn sessions(&self) -> usize {
        SESSIONS_MAX.min(self.shared() / 2).max(1)
    }

    /// Connections at a time: what the sessions leave, but for what shared MCP servers need at the least.
    pub(crate) fn connections(&self) -> usize {
        let left = self.shared().saturating_sub(self.sessions());
        let left = left.saturating_sub(self.shared() / POOL_SHARE);
        (CLIENTS_MAX + CONNECTIONS_BEYOND).min(left).max(1)
    }

    /// Descriptors of shared MCP servers, their clients' connections included: what sessions and connections leave.
    pub(crate) fn pool(&self) -> usize {
        let taken = self.sessions() + self.connections();
        self.shared().saturating_sub(taken).min(POOL_MAX)
    }

    fn shared(&self) -> usize {
        usize::try_from(self.limit())
            .unwrap_or(usize::MAX)
            .saturating_sub(OWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(limit: Option<u64>) -> OpenFiles {
        OpenFiles {
            original: Rlimit {
                current: Some(1024),
                maximum: limit,
            },
            limit,
        }
    }

    #[test]
    fn what_is_shared_out_fits_the_limit() {
        for limit in [None, Some(1 << 20), Some(4096)] {
            assert_eq!(of(limit).sessions(), SESSIONS_MAX);
            assert_eq!(of(limit).connections(), CLIENTS_MAX + CONNECTIONS_BEYOND);
        }
        for limit in [100, 256, 1024, 2000] {
            let files = of(Some(limit as u64));
            assert!(files.sessions() + files.connections() + files.pool() + OWN <= limit);
            assert!(files.pool() >= (limit - OWN) / POOL_SHARE);
            assert!(files.sessions() >= (limit - OWN) / 2);
        }
        assert_eq!((of(Some(8)).sessions(), of(Some(8)).connections()), (1, 1));
    }
}
