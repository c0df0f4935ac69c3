//! The command about what a daemon has counted.

use std::path::Path;

use sessiond_protocol::Stats;

use super::exit_code::CliError;
use super::launch::connect;
use super::output;

/// Prints what was counted, a line each.
pub(super) async fn show(socket: &Path) -> Result<(), CliError> {
    let Stats {
        sessions_expired,
        sessions_killed,
        breakers_opened,
    } = connect(socket).await?.stats().await?;
    let counts = [
        ("sessions_expired", sessions_expired),
        ("sessions_killed", sessions_killed),
        ("breakers_opened", breakers_opened),
    ];
    for (name, count) in counts {
        output::line(&format!("{name} {count}"));
    }
    Ok(())
}
