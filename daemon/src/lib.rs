//! sessiond: terminal sessions that live on when their clients leave.
//!
//! ```text
//! client bytes -> Frame -> Request -> Core::handle(now, Event) -> Effect -> session task -> PTY
//!                                                        PTY -> screen -> every client's queue
//! ```
//!
//! - [`core`] decides, alone and without waiting; bulk bytes go around it.
//! - [`session`] moves bytes between a PTY, its screen and its clients; [`fanout`] is what waits for one client,
//!   [`pattern`] is text that somebody looks for or waits for.
//! - [`spawn`] is the one place where processes start and are reaped; [`teardown`] the one way a session ends.
//! - [`mcp`] is processes that many clients share, beside the core; [`log_file`] where they and the daemon complain.
//! - [`transcripts`] is what agents write down, followed as it grows; beside the core too.
//! - [`status`] is what agents say of themselves in files, and who is told, beside the core too.
//! - [`wake`] and [`chosen`] are a time that may not come, a value within its bounds.
//! - [`http`] is for programs that speak nothing else: each request is a client of the core.
//! - [`open_files`] is how many descriptors there are for all of that.
//! - [`server`] is the socket, the connections, the signals; [`tasks`] starts and counts every task.
//! - [`cli`] is what a person types.

mod archives;
mod causes;
mod chosen;
mod cli;
mod core;
mod fanout;
mod freed;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod gauges;
mod history_budget;
mod http;
mod inherited;
mod log_file;
mod mcp;
mod open_files;
mod paths;
mod pattern;
mod server;
mod session;
mod spawn;
mod status;
mod tasks;
mod teardown;
mod transcripts;
mod wake;

pub use cli::run;
