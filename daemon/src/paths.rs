//! Where the daemon's files are, and that they are private.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use sessiond_protocol::SessionName;

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PathError {
    #[error("{} belongs to another user", .0.display())]
    NotOurs(PathBuf),
    #[error("{} can be entered by others; make it mode 700", .0.display())]
    NotPrivate(PathBuf),
    #[error("others can write to {}, and so put a socket of theirs there; make it mode 700", .0.display())]
    WritableByOthers(PathBuf),
    #[error("cannot use {}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// The default socket, in a private directory that exists now: `$XDG_RUNTIME_DIR/sessiond/sessiond.sock`, or
/// `/tmp/sessiond-UID/sessiond.sock` where there is no runtime directory.
pub(crate) fn default_socket() -> Result<PathBuf, PathError> {
    let directory = runtime_directory();
    make_private(&directory)?;
    Ok(directory.join(SOCKET))
}

/// The name of the default socket.
const SOCKET: &str = "sessiond.sock";

fn runtime_directory() -> PathBuf {
    match absolute("XDG_RUNTIME_DIR") {
        Some(runtime) => runtime.join("sessiond"),
        None => PathBuf::from(format!("/tmp/sessiond-{}", geteuid().as_raw())),
    }
}

/// Where a daemon that was started on the side writes its log: `$XDG_STATE_HOME/sessiond` or `~/.local/state/sessiond`,
/// or beside the socket where there is no home.
pub(crate) fn log_file(socket: &Path) -> Result<PathBuf, PathError> {
    let Some(directory) = state_directory() else {
        return Ok(socket.with_extension("log"));
    };
    make_private(&directory)?;
    Ok(directory.join(log_name(socket)))
}

/// Where the daemon of this socket keeps its archives: beside its log. Nothing is created there.
pub(crate) fn archives(socket: &Path) -> PathBuf {
    let log = match state_directory() {
        Some(directory) => directory.join(log_name(socket)),
        None => socket.to_owned(),
    };
    log.with_extension("archives")
}

/// How far the daemon of this socket has read transcripts: beside its log. Nothing is created there.
pub(crate) fn cursors(socket: &Path) -> PathBuf {
    let log = match state_directory() {
        Some(directory) => directory.join(log_name(socket)),
        None => socket.to_owned(),
    };
    log.with_extension("cursors")
}

/// The token of this socket's daemon: beside its log. The directory is created.
pub(crate) fn http_token(socket: &Path) -> Result<PathBuf, PathError> {
    let log = match state_directory() {
        Some(directory) => {
            make_private(&directory)?;
            directory.join(log_name(socket))
        }
        None => socket.to_owned(),
    };
    Ok(log.with_extension("http-token"))
}

/// The socket of a shared MCP server, in a directory beside the daemon's own socket.
pub(crate) fn mcp_socket(socket: &Path, server: &SessionName) -> PathBuf {
    let directory = socket.with_extension("mcp");
    directory.join(format!("{server}.sock"))
}

/// What a shared MCP server says on standard error, beside the daemon's log. Its directory is created.
pub(crate) fn mcp_log(socket: &Path, server: &SessionName) -> Result<PathBuf, PathError> {
    let log = match state_directory() {
        Some(directory) => directory.join(log_name(socket)),
        None => socket.to_owned(),
    };
    let directory = log.with_extension("mcp-logs");
    make_private(&directory)?;
    Ok(directory.join(format!("{server}.log")))
}

/// Where the daemon of this socket keeps the journals of its status profiles: beside its log. Nothing is created there.
pub(crate) fn journals(socket: &Path) -> PathBuf {
    let log = match state_directory() {
        Some(directory) => directory.join(log_name(socket)),
        None => socket.to_owned(),
    };
    log.with_extension("profiles")
}

fn state_directory() -> Option<PathBuf> {
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("sessiond"))
}

/// A name of its own for each socket: daemons side by side must not write over one another's log. Nothing is created.
fn log_name(socket: &Path) -> String {
    if socket == runtime_directory().join(SOCKET) {
        return "sessiond.log".to_owned();
    }
    let socket = std::path::absolute(socket).unwrap_or_else(|_| socket.to_owned());
    format!("sessiond{}.log", socket.to_string_lossy().replace('/', "%"))
}

/// An absolute path from the environment; the XDG specification says that others are to be ignored.
fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

/// Creates a directory for this user only, or checks that an existing one is. Not through a link: in /tmp anybody can have
/// put one there.
pub(crate) fn make_private(directory: &Path) -> Result<(), PathError> {
    let metadata = make(directory, |directory| fs::symlink_metadata(directory))?;
    if metadata.mode() & 0o077 != 0 {
        return Err(PathError::NotPrivate(directory.to_owned()));
    }
    Ok(())
}

/// Creates the directory of a socket that somebody has named, for this user only, or checks that in an existing one nobody
/// else can put something in the socket's place. Through a link, if that is what was named.
pub(crate) fn directory_of(socket: &Path) -> Result<&Path, PathError> {
    let directory = socket
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    own_directory(directory)?;
    Ok(directory)
}

/// Creates a directory that somebody has named for this user only, or checks that in an existing one nobody else can put
/// something. Through a link, if that is what was named.
pub(crate) fn own_directory(directory: &Path) -> Result<(), PathError> {
    let metadata = make(directory, |directory| fs::metadata(directory))?;
    // Who can only read it finds a socket there that takes nobody else's connections.
    if metadata.mode() & 0o022 != 0 {
        return Err(PathError::WritableByOthers(directory.to_owned()));
    }
    Ok(())
}

/// Creates a directory for this user only where there is none; what `look` says of it, when it is this user's.
fn make(
    directory: &Path,
    look: impl FnOnce(&Path) -> io::Result<Metadata>,
) -> Result<Metadata, PathError> {
    let created = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory);
    let metadata = created
        .and_then(|()| look(directory))
        .map_err(|source| PathError::Io {
            path: directory.to_owned(),
            source,
        })?;
    if metadata.uid() != geteuid().as_raw() || !metadata.is_dir() {
        return Err(PathError::NotOurs(directory.to_owned()));
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_directory_that_others_can_enter_or_that_is_a_link_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("d");
        make_private(&directory).unwrap();
        make_private(&directory).unwrap();
        let link = place.path().join("l");
        symlink(&directory, &link).unwrap();
        assert!(matches!(make_private(&link), Err(PathError::NotOurs(_))));
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(
            make_private(&directory),
            Err(PathError::NotPrivate(_))
        ));
    }
}
