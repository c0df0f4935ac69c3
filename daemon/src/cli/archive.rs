//! Commands about archives.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use clap::Subcommand;
use sessiond_protocol::{ArchiveId, ArchiveInfo, SessionRef};

use super::exit_code::CliError;
use super::launch::{connect, connect_or_start};
use super::output;

/// What can be done about archives.
#[derive(Debug, Subcommand)]
pub(super) enum ArchiveCommand {
    /// End a session and keep its text on the disk; print the archive's number
    Archive {
        /// By number or name
        session: SessionRef,
    },
    /// List the archives
    Archives,
    /// Start an archive's command again, with the archived text as its scrollback; print the session's number
    Restore {
        /// Its number
        archive: ArchiveId,
    },
    /// Remove an archive
    Forget {
        /// Its number
        archive: ArchiveId,
    },
}

/// Does it.
pub(super) async fn execute(socket: &Path, command: ArchiveCommand) -> Result<(), CliError> {
    match command {
        ArchiveCommand::Archive { session } => {
            let archive = connect(socket).await?.archive(session).await?;
            output::line(&archive.id.to_string());
        }
        ArchiveCommand::Archives => show(&connect_or_start(socket).await?.archives().await?),
        ArchiveCommand::Restore { archive } => {
            let session = connect_or_start(socket).await?.restore(archive).await?;
            output::line(&session.id.to_string());
        }
        ArchiveCommand::Forget { archive } => {
            connect_or_start(socket).await?.forget(archive).await?;
        }
    }
    Ok(())
}

fn show(archives: &[ArchiveInfo]) {
    if archives.is_empty() {
        return output::line("no archives");
    }
    let heading = ["ID", "NAME", "ARCHIVED", "BYTES", "COMMAND"];
    let rows = archives.iter().map(cells);
    output::table(std::iter::once(heading.map(str::to_owned)).chain(rows));
}

fn cells(archive: &ArchiveInfo) -> [String; 5] {
    let archived = UNIX_EPOCH + Duration::from_millis(archive.archived_unix_ms);
    let name = archive.name.as_ref();
    [
        archive.id.to_string(),
        name.map_or_else(|| "-".to_owned(), ToString::to_string),
        humantime::format_rfc3339_seconds(archived).to_string(),
        archive.text_bytes.to_string(),
        archive.command.join(" ").escape_debug().to_string(),
    ]
}
