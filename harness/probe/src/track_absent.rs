//! Owns the refusal of a build without the feature `track`: in place of the module of that name.

use std::path::Path;

use crate::protocol::track::Mode;

/// Why nothing is tracked.
#[derive(Debug, thiserror::Error)]
#[error("this build has no tracking allocator; allowed in a build with the feature track")]
pub(crate) struct TrackError;

impl TrackError {
    /// The word for programs.
    #[expect(
        clippy::unused_self,
        reason = "one signature with the build that tracks"
    )]
    pub(crate) const fn word(&self) -> &'static str {
        "unsupported"
    }
}

/// What a snapshot would say of itself.
pub(crate) struct Written {
    pub(crate) sites: u64,
    pub(crate) overflowed_blocks: u64,
}

/// Nothing can be tracked in this build.
pub(crate) struct TrackWindow;

#[expect(
    clippy::unused_self,
    reason = "one signature with the build that tracks"
)]
impl TrackWindow {
    pub(crate) const fn new() -> Self {
        Self
    }

    pub(crate) fn start(&mut self, _mode: Mode, _frames_max: usize) -> Result<(), TrackError> {
        Err(TrackError)
    }

    pub(crate) fn snapshot(&self, _path: &Path) -> Result<Written, TrackError> {
        Err(TrackError)
    }

    pub(crate) fn stop(&mut self) -> Result<(), TrackError> {
        Err(TrackError)
    }
}
