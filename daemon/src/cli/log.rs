//! The daemon's log: where it goes.

use std::io;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use super::args::ServeArgs;
use super::exit_code::CliError;
use crate::log_file::{LOG_BYTES_MAX, LogFile, StandardError};

/// Starts writing the log that the arguments ask for.
///
/// # Errors
/// When the file cannot be written, or the level is none.
pub(super) fn start(options: &ServeArgs) -> Result<(), CliError> {
    let filter = EnvFilter::try_new(&options.log_level)
        .map_err(|_| CliError::LogLevel(options.log_level.clone()))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false);
    let Some(path) = &options.log_file else {
        log.with_writer(io::stderr).init();
        return Ok(());
    };
    let stderr = if options.background {
        StandardError::IsTheLog
    } else {
        StandardError::IsSomethingElse
    };
    let file = LogFile::open(path, LOG_BYTES_MAX, stderr);
    let file = file.map_err(|source| CliError::system("write the log", source))?;
    log.with_writer(Mutex::new(file)).init();
    Ok(())
}
