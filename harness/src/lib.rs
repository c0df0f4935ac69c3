//! leakgate: a leak-regression test and benchmark harness for long-lived processes.

pub mod bisect;
mod causes;
pub mod cli;
pub mod config;
pub mod drive;
pub mod emit;
pub mod exit_code;
mod git;
pub mod judge;
pub mod known;
pub mod profile;
mod program;
mod prove;
mod rate;
pub mod record;
pub mod report;
pub mod sample;
pub mod scenario;
pub mod schema;
pub mod selftest;
pub mod source;
pub mod style;
pub mod target;
pub mod template;
pub mod units;
pub mod watch;
