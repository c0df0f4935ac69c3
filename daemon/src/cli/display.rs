//! Standard output as a session is shown on it: written to without blocking, so that signals and keys count however long
//! nobody reads it.

use std::cell::Cell;
use std::io::{self, IsTerminal};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::{FileType, Mode, OFlags, fstat};
use rustix::net::{SendFlags, send};
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

use super::output;

/// How long leaving waits for room, for what undoes the session's switches and for the line that says why: a slow line takes
/// that long for what the kernel keeps for it.
const LAST_WORDS_MAX: Duration = Duration::from_secs(3);

/// Standard output.
#[derive(Debug)]
pub(super) struct Display {
    kind: Kind,
    /// It took nothing for [`LAST_WORDS_MAX`]: it is not being looked at.
    is_ignored: Cell<bool>,
}

#[derive(Debug)]
enum Kind {
    /// A terminal or a pipe, opened anew.
    Opened(AsyncFd<OwnedFd>),
    /// A socket cannot be opened anew, but each write can be told not to block.
    Socket(AsyncFd<OwnedFd>),
    /// Anything else, say a file: that takes everything at once.
    File,
}

/// Opens a terminal or a pipe anew: a description of our own can be made non-blocking without the shell, which shares the
/// inherited one, ever seeing it.
pub(super) fn open_again(path: &str, access: OFlags) -> io::Result<AsyncFd<OwnedFd>> {
    let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    watch(rustix::fs::open(path, flags, Mode::empty())?)
}

fn watch(own: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(
        unsafe_code,
        reason = "the event loop needs the descriptor to stay what it is"
    )]
    // SAFETY: the `OwnedFd` moves into the `AsyncFd` and is only read from or written to; nothing replaces or closes it
    // earlier.
    let registered = unsafe { AsyncFd::register(own) };
    Ok(registered?)
}

impl Display {
    /// Must be called inside the runtime.
    ///
    /// # Errors
    /// When it is a terminal of another user.
    pub(super) fn open() -> io::Result<Self> {
        let stdout = io::stdout();
        let kind = if stdout.is_terminal() {
            Kind::Opened(open_again("/proc/self/fd/1", OFlags::WRONLY)?)
        } else if FileType::from_raw_mode(fstat(&stdout)?.st_mode) == FileType::Socket {
            Kind::Socket(watch(rustix::io::fcntl_dupfd_cloexec(&stdout, 0)?)?)
        } else {
            // The event loop takes a pipe and refuses a file.
            let pipe = open_again("/proc/self/fd/1", OFlags::WRONLY);
            pipe.map_or(Kind::File, Kind::Opened)
        };
        Ok(Self {
            kind,
            is_ignored: Cell::new(false),
        })
    }

    /// Writes all of these bytes. While it takes none only this waits.
    ///
    /// # Errors
    /// Its own.
    pub(super) async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        let own = match &self.kind {
            Kind::Opened(own) | Kind::Socket(own) => own,
            Kind::File => return output::terminal_bytes(bytes),
        };
        while !bytes.is_empty() {
            let mut ready = own.writable().await?;
            if let Ok(written) = ready.try_io(|_| self.write_some(bytes)) {
                bytes = &bytes[written?..];
            }
        }
        Ok(())
    }

    /// Writes what is taken at once: where nothing is, or nobody is there any more, nobody would see it.
    pub(super) fn try_write(&self, bytes: &[u8]) {
        let _ = self.write_some(bytes);
    }

    /// Writes these bytes if they are taken in a bounded time; true when they were.
    pub(super) async fn say_last(&self, bytes: &[u8]) -> bool {
        if self.is_ignored.get() {
            self.try_write(bytes);
            return false;
        }
        let said = timeout(LAST_WORDS_MAX, self.write(bytes)).await;
        self.is_ignored.set(said.is_err());
        matches!(said, Ok(Ok(())))
    }

    fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.kind {
            Kind::Opened(own) => Ok(rustix::io::write(own.get_ref(), bytes)?),
            Kind::Socket(own) => {
                let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
                Ok(send(own.get_ref(), bytes, flags)?)
            }
            Kind::File => output::terminal_bytes(bytes).map(|()| bytes.len()),
        }
    }
}
