//! Targets: built, started in private directories under a supervisor, waited for, stopped.
//!
//! An [`Instance`] owns everything that was started for it. However it ends, its processes and its
//! private directories are gone afterwards; what it logged stays in the run's directory.

mod build;
mod dirs;
mod environment;
mod exit;
mod instance;
mod listener;
mod ready;
mod stdio;
mod supervise;
mod wire;

pub use build::{BuildError, Messages, build, missing_program};
pub(crate) use build::{find_program, sha256_of};
pub use dirs::PrivateDirs;
pub use exit::Exit;
pub use instance::{Instance, Plan, StartError};
pub use supervise::run as supervise;

/// The hidden subcommand under which leakgate starts itself as a supervisor.
pub const SUPERVISE: &str = "__supervise";
