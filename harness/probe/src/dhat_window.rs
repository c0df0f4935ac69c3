//! Owns the dhat window: the stretch of a daemon's life whose allocations are profiled.
//!
//! A window is a `dhat::Profiler`: building it starts one, dropping it writes the file. Blocks from before the window
//! are unknown to it. Without the feature `dhat-heap` there is no window, and asking for one is refused.

use std::path::Path;

/// Why a window did not start or stop.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DhatError {
    #[cfg(not(feature = "dhat-heap"))]
    #[error("this build has no dhat; allowed in a build with the feature dhat-heap")]
    Unsupported,
    #[cfg(feature = "dhat-heap")]
    #[error("a dhat window is open; allowed: dhat stop")]
    Open,
    #[cfg(feature = "dhat-heap")]
    #[error("no dhat window is open; allowed: dhat start <frames> <path>")]
    Closed,
    #[cfg(feature = "dhat-heap")]
    #[error("cannot write the profile: {0}")]
    Write(std::io::Error),
}

impl DhatError {
    /// The word for programs.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            #[cfg(not(feature = "dhat-heap"))]
            Self::Unsupported => "unsupported",
            #[cfg(feature = "dhat-heap")]
            Self::Open | Self::Closed => "wrong_state",
            #[cfg(feature = "dhat-heap")]
            Self::Write(_) => "io",
        }
    }
}

#[cfg(not(feature = "dhat-heap"))]
pub(crate) use absent::DhatWindow;
#[cfg(feature = "dhat-heap")]
pub(crate) use present::DhatWindow;

#[cfg(not(feature = "dhat-heap"))]
mod absent {
    use super::{DhatError, Path};

    /// No window can be opened in this build.
    pub(crate) struct DhatWindow;

    #[expect(
        clippy::unused_self,
        reason = "one signature with the build that has windows"
    )]
    impl DhatWindow {
        pub(crate) const fn new() -> Self {
            Self
        }

        pub(crate) fn start(&mut self, _frames: usize, _path: &Path) -> Result<(), DhatError> {
            Err(DhatError::Unsupported)
        }

        pub(crate) fn stop(&mut self) -> Result<(), DhatError> {
            Err(DhatError::Unsupported)
        }
    }
}

#[cfg(feature = "dhat-heap")]
mod present {
    use super::{DhatError, Path};
    use std::fs::File;
    use std::io;
    use std::path::PathBuf;

    /// The window that is open, if any. dhat allows one at a time in a process, and the probe is its only user.
    pub(crate) struct DhatWindow {
        open: Option<Open>,
    }

    struct Open {
        profiler: dhat::Profiler,
        path: PathBuf,
    }

    impl DhatWindow {
        pub(crate) const fn new() -> Self {
            Self { open: None }
        }

        /// Profiles from now on, keeping `frames` frames of each stack.
        pub(crate) fn start(&mut self, frames: usize, path: &Path) -> Result<(), DhatError> {
            if self.open.is_some() {
                return Err(DhatError::Open);
            }
            // Now, while somebody can still choose another file: dhat itself writes only at the end, and tells a
            // failure to stderr alone.
            File::create(path).map_err(DhatError::Write)?;
            let path = path.to_owned();
            let profiler = dhat::Profiler::builder()
                .file_name(&path)
                .trim_backtraces(Some(frames))
                .build();
            self.open = Some(Open { profiler, path });
            Ok(())
        }

        /// Ends the window and writes its file.
        pub(crate) fn stop(&mut self) -> Result<(), DhatError> {
            let Open { profiler, path } = self.open.take().ok_or(DhatError::Closed)?;
            drop(profiler);
            let written = std::fs::metadata(&path).map_err(DhatError::Write)?.len();
            if written == 0 {
                return Err(DhatError::Write(io::ErrorKind::WriteZero.into()));
            }
            Ok(())
        }
    }
}
