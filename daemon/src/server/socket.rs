//! The daemon's socket: claimed by a lock, bound privately, removed at the end.
//!
//! The lock file beside the socket is what makes a daemon the only one: while it is held, a socket file that nobody
//! answers on is provably left over and may be removed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, flock};
use rustix::process::umask;

use crate::paths::{PathError, directory_of};

/// What a `sockaddr_un` holds, without its terminating NUL; unix(7).
pub(crate) const PATH_BYTES_MAX: usize = 107;

/// Why the socket cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    /// Another daemon runs there.
    #[error("another daemon listens on {}", .0.display())]
    Taken(PathBuf),
    /// The kernel takes no path of this length.
    #[error("{} is longer than the {PATH_BYTES_MAX} bytes of a socket's path", .0.display())]
    PathTooLong(PathBuf),
    /// Others could put theirs in its place.
    #[error(transparent)]
    Directory(#[from] PathError),
    /// There is something else, which is not ours to remove.
    #[error("{} exists and is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// The operating system refuses.
    #[error("cannot {what} {}", path.display())]
    System {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn system(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SocketError {
    move |source| SocketError::System {
        what,
        path: path.to_owned(),
        source,
    }
}

/// A claimed path with a listening socket. Dropping it removes the socket, then the lock.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    listener: UnixListener,
    _lock: Lock,
}

impl Socket {
    /// Claims `path`; its directory is created, for this user only, where there is none.
    pub(crate) fn claim(path: PathBuf) -> Result<Self, SocketError> {
        if path.as_os_str().len() > PATH_BYTES_MAX {
            return Err(SocketError::PathTooLong(path));
        }
        directory_of(&path)?;
        let lock = Lock::take(&path)?;
        remove_left_over(&path)?;
        let listener = bind_privately(&path).map_err(system("listen on", &path))?;
        let socket = Self {
            path,
            listener,
            _lock: lock,
        };
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(&socket.path, private).map_err(system("make private", &socket.path))?;
        Ok(socket)
    }

    /// Another handle to the listening socket, which does not block.
    pub(crate) fn listener(&self) -> Result<UnixListener, SocketError> {
        let cloned = self.listener.try_clone().and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        cloned.map_err(system("listen on", &self.path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the socket was not removed");
        }
    }
}

/// Binds so that nobody else could connect even in the moment before the permissions are set.
pub(crate) fn bind_privately(path: &Path) -> io::Result<UnixListener> {
    let before = umask(Mode::RWXG | Mode::RWXO);
    let bound = UnixListener::bind(path);
    umask(before);
    bound
}

/// Removes a socket that nobody answers on. The lock is held, so no daemon is about to.
fn remove_left_over(path: &Path) -> Result<(), SocketError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(system("look at", path)(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(SocketError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(system("remove the left-over socket", path))
        }
        Ok(_) => Err(SocketError::Taken(path.to_owned())),
        Err(error) => Err(system("look at", path)(error)),
    }
}

/// A held lock file, removed when it is given up.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    fn take(socket: &Path) -> Result<Self, SocketError> {
        let mut path = socket.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        loop {
            let opened = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path);
            let file = opened.map_err(system("open the lock", &path))?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    return Err(SocketError::Taken(socket.to_owned()));
                }
                Err(errno) => return Err(system("lock", &path)(errno.into())),
            }
            // A daemon that was just ending may have removed the file that was opened here.
            let opened = file.metadata().map_err(system("look at", &path))?;
            if fs::metadata(&path)
                .is_ok_and(|now| now.ino() == opened.ino() && now.dev() == opened.dev())
            {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the lock was not removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_left_over_socket_is_replaced_and_a_living_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/er/s.sock");
        directory_of(&path).unwrap();
        drop(UnixListener::bind(&path).unwrap());
        let first = Socket::claim(path.clone()).unwrap();
        assert!(matches!(
            Socket::claim(path.clone()),
            Err(SocketError::Taken(_))
        ));
        drop(first);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
        let _foreign = UnixListener::bind(&path).unwrap();
        assert!(matches!(
            Socket::claim(path.clone()),
            Err(SocketError::Taken(_))
        ));
    }

    #[test]
    fn directory_and_socket_are_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/s.sock");
        let _socket = Socket::claim(path.clone()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600));
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let open = directory.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o770)).unwrap();
        let refused = Socket::claim(open.join("s.sock")).unwrap_err();
        assert!(
            matches!(
                refused,
                SocketError::Directory(PathError::WritableByOthers(_))
            ),
            "{refused}"
        );
        assert_eq!(fs::read_dir(&open).unwrap().count(), 0);
        fs::set_permissions(&open, fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink(&open, directory.path().join("link")).unwrap();
        Socket::claim(directory.path().join("link/s.sock")).unwrap();
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(
            Socket::claim(path.clone()),
            Err(SocketError::NotASocket(_))
        ));
        assert_eq!(fs::read_to_string(path).unwrap(), "precious");
        let long = directory.path().join("x".repeat(120));
        assert!(matches!(
            Socket::claim(long),
            Err(SocketError::PathTooLong(_))
        ));
    }
}
