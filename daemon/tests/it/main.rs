//! sessiond from outside: the real program in a private directory, through its command line and its socket.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers fail the test that uses them"
)]

mod attach;
mod clients;
mod daemon;
mod endings;
mod http;
mod inheritance;
mod life;
mod lifecycle;
mod mcp;
mod open_files;
mod output;
mod pausing;
mod processes;
mod reading;
mod silence;
mod starting;
mod stats;
mod status;
mod transcripts;
mod waits;
mod wire;
