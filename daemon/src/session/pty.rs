//! The master side of a PTY, without blocking: our own descriptor, read and written through the event loop.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::termios::{Winsize, tcsetwinsize};
use sessiond_protocol::Size;
use tokio::io::unix::AsyncFd;

/// Bytes taken per turn: eight of the kernel's reads (it hands over 4 KiB at most), so that screen and clients are fed in
/// useful pieces while other sessions and requests wait well under a millisecond.
pub(crate) const TURN_BYTES: usize = 32 << 10;

/// What one turn of reading found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// This many bytes; perhaps more wait.
    Bytes(usize),
    /// Nothing at the moment.
    Nothing,
    /// Nobody holds the other side any more, and all that was written there has been read.
    End,
}

/// The master side of a PTY.
#[derive(Debug)]
pub(crate) struct Pty {
    fd: AsyncFd<OwnedFd>,
}

impl Pty {
    /// Takes over a master's descriptor, which must not block. Must be called inside the runtime.
    ///
    /// # Errors
    /// When the event loop does not take it.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        #[expect(
            unsafe_code,
            reason = "the event loop needs the descriptor to stay what it is"
        )]
        // SAFETY: the `OwnedFd` moves into the `AsyncFd`, which hands it out by shared reference only: it is neither
        // replaced nor closed before the `AsyncFd` is dropped.
        let registered = unsafe { AsyncFd::register(fd) };
        Ok(Self { fd: registered? })
    }

    /// Waits until a turn of reading finds something.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.fd
            .readable()
            .await
            .map(|mut guard| guard.retain_ready())
    }

    /// Waits until the terminal takes input.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.fd
            .writable()
            .await
            .map(|mut guard| guard.retain_ready())
    }

    /// Reads what there is, up to [`TURN_BYTES`]: `see` gets each piece as it comes, `take` the whole turn.
    ///
    /// The kernel holds one piece of 4 KiB for us and fills it again on another processor as soon as it is taken. So the
    /// screen's work on a piece costs no time as long as it takes less than that; read first and shown at the end, a turn
    /// would cost both.
    ///
    /// The buffer is on the stack and left uninitialised: sessions share no state, and an idle one holds none.
    pub(crate) fn read_turn(
        &self,
        mut see: impl FnMut(&[u8]),
        take: impl FnOnce(&[u8]),
    ) -> Reading {
        let mut buffer = [MaybeUninit::uninit(); TURN_BYTES];
        let mut filled = 0;
        let end = loop {
            if filled == TURN_BYTES {
                break Reading::Nothing;
            }
            let free = &mut buffer[filled..];
            let read = self
                .fd
                .try_io(tokio::io::Interest::READABLE, |fd| read(fd, free));
            match read {
                Ok(0) => break Reading::End,
                Ok(count) => {
                    see(initialised(&buffer[filled..filled + count]));
                    filled += count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Reading::Nothing,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break Reading::End,
            }
        };
        if filled == 0 {
            return end;
        }
        take(initialised(&buffer[..filled]));
        Reading::Bytes(filled)
    }

    /// Writes as much as the terminal takes at once; 0 when it takes nothing now.
    ///
    /// # Errors
    /// When nobody holds the other side.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.fd.try_io(tokio::io::Interest::WRITABLE, |fd| {
            Ok(rustix::io::write(fd, bytes)?)
        }) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Ok(0)
            }
            other => other,
        }
    }

    /// Tells the kernel the size, which tells the programs in the terminal.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn resize(&self, size: Size) -> io::Result<()> {
        let size = Winsize {
            ws_row: size.rows(),
            ws_col: size.columns(),
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        Ok(tcsetwinsize(self.fd.get_ref(), size)?)
    }
}

/// Reads into uninitialised memory; `EIO` is how the master learns that the other side is gone.
fn read(fd: &OwnedFd, buffer: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    match rustix::io::read(fd, buffer) {
        Ok((read, _)) => Ok(read.len()),
        Err(Errno::IO) => Ok(0),
        Err(errno) => Err(errno.into()),
    }
}

#[expect(
    unsafe_code,
    reason = "the standard library's slice version of assume_init is newer than our compiler"
)]
const fn initialised(bytes: &[MaybeUninit<u8>]) -> &[u8] {
    // SAFETY: the only caller passes the part of its buffer that reads have filled.
    unsafe { bytes.assume_init_ref() }
}
