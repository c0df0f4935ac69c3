//! The command line: what a person types, and what it prints.

mod archive;
mod args;
mod attach;
mod commands;
mod display;
mod exit_code;
mod http;
mod keys;
mod launch;
mod life;
mod log;
mod mcp;
mod mcp_bridge;
mod output;
mod profile;
mod raw_terminal;
mod reading;
mod schedule;
mod settings;
mod stats;
mod status;
mod suspend;
mod transcript_settings;
mod transcripts;
mod waiting;

use std::process::ExitCode as ProcessExitCode;

use clap::Parser;

use args::Args;
use exit_code::{CliError, ExitCode};

/// Runs the command that the process's arguments name. The meaning of the exit code is in the help and in `exit_code.rs`.
#[must_use]
pub fn run() -> ProcessExitCode {
    let code = match commands::execute(Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            ExitCode::from(&error)
        }
    };
    code.into()
}

/// A runtime for a command that talks to the daemon.
fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder
        .enable_all()
        .build()
        .map_err(|source| CliError::system("start an event loop", source))
}
