//! `wait`: for a session's exit, for text on its screen, or for quiet.

use std::path::Path;

use sessiond_protocol::TextPattern;

use super::args::WaitArgs;
use super::exit_code::{CliError, ExitCode};
use super::launch::connect;
use super::output;

/// Waits for what was asked for. Where that is the session's exit, the code is the session's.
///
/// # Errors
/// When the daemon refuses, the time is over, or the session ends without showing the text.
pub(super) async fn wait(socket: &Path, args: WaitArgs) -> Result<ExitCode, CliError> {
    let client = connect(socket).await?;
    let WaitArgs {
        session,
        text,
        regex,
        idle,
        timeout,
    } = args;
    let pattern = text
        .map(TextPattern::Text)
        .or(regex.map(TextPattern::Regex));
    if let Some(pattern) = pattern {
        output::line(&client.wait_text(session, pattern, timeout).await?);
        return Ok(ExitCode::Success);
    }
    if let Some(quiet) = idle {
        client.wait_idle(session, quiet, timeout).await?;
        return Ok(ExitCode::Success);
    }
    let status = client.wait(session, timeout).await?;
    Ok(ExitCode::Session(status))
}
