//! This process's own terminal, in raw mode for as long as a session is attached to it.

use std::cell::Cell;
use std::io::{self, IsTerminal};
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use sessiond_protocol::Size;
use tokio::io::unix::AsyncFd;

use super::output;

/// Undoes what a program in the session may have switched on, and goes to a new line at the bottom, below whatever it has
/// drawn. In order: a cut-off sequence, the switches that a snapshot can set, application keys, character sets, the
/// cursor's shape, the alternate screen, scroll region and colours, autowrap and the cursor. (xterm's control sequences;
/// resets without an effect are harmless.)
const RESET: &[u8] = b"\x18\x1b[?1;5;6;9;1000;1002;1003;1004;1005;1006;1015;1016;2004l\x1b[4;20l\x1b>\x0f\x1b(B\x1b)B\x1b[0 q\
\x1b[?1049l\x1b[r\x1b[m\x1b[?7;25h\x1b[999;1H\r\n";

/// Takes a session that goes on elsewhere off the terminal.
pub(super) const WIPE: &[u8] = b"\x1b[H\x1b[2J";

/// Clears the terminal and puts the cursor into its corner: what a snapshot starts from.
pub(super) const CLEAR: &[u8] = b"\x1b[?1049l\x1b[r\x1b[m\x1b[H\x1b[2J";

/// Raw mode. Dropping it restores the terminal, also when a panic unwinds through its owner.
#[derive(Debug)]
pub(super) struct RawTerminal {
    before: Termios,
    input: AsyncFd<OwnedFd>,
    /// None where standard output is neither terminal nor pipe but, say, a file: that takes everything at once.
    output: Option<AsyncFd<OwnedFd>>,
    /// What the session has switched on is off again.
    is_reset: Cell<bool>,
}

/// Whether a session can be attached to standard input and output.
pub(super) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The size of the terminal on standard output, where there is one and it knows.
pub(super) fn size() -> Option<Size> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    Size::new(size.ws_row, size.ws_col).ok()
}

/// Opens a terminal anew: a description of our own can be made non-blocking without the shell, which shares the inherited
/// one, ever seeing it.
fn open_again(path: &str, access: OFlags) -> io::Result<AsyncFd<OwnedFd>> {
    let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let own = rustix::fs::open(path, flags, Mode::empty())?;
    #[expect(
        unsafe_code,
        reason = "the event loop needs the descriptor to stay what it is"
    )]
    // SAFETY: the `OwnedFd` moves into the `AsyncFd` and is only read from or written to; nothing replaces or closes it
    // earlier.
    let registered = unsafe { AsyncFd::register(own) };
    Ok(registered?)
}

impl RawTerminal {
    /// Enters raw mode. Must be called inside the runtime.
    ///
    /// # Errors
    /// When standard input is no terminal of this user.
    pub(super) fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let input = open_again("/proc/self/fd/0", OFlags::RDONLY)?;
        let output = match io::stdout().is_terminal() {
            true => Some(open_again("/proc/self/fd/1", OFlags::WRONLY)?),
            // The event loop takes a pipe and refuses a file.
            false => open_again("/proc/self/fd/1", OFlags::WRONLY).ok(),
        };
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Flush, &raw)?;
        Ok(Self {
            before,
            input,
            output,
            is_reset: Cell::new(false),
        })
    }

    /// The next typed bytes, at most as many as fit `buffer`; 0 when the terminal has gone.
    ///
    /// # Errors
    /// The terminal's.
    pub(super) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.input.readable().await?;
            if let Ok(read) = ready.try_io(|input| Ok(rustix::io::read(input, &mut *buffer)?)) {
                return read;
            }
        }
    }

    /// Writes all of these bytes. A terminal that takes none keeps only this waiting.
    ///
    /// # Errors
    /// The terminal's.
    pub(super) async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        let Some(output) = &self.output else {
            return output::terminal_bytes(bytes);
        };
        while !bytes.is_empty() {
            let mut ready = output.writable().await?;
            if let Ok(written) = ready.try_io(|output| Ok(rustix::io::write(output, bytes)?)) {
                bytes = &bytes[written?..];
            }
        }
        Ok(())
    }

    /// Switches off what the session has switched on, when the terminal takes it.
    ///
    /// # Errors
    /// The terminal's.
    pub(super) async fn reset(&self) -> io::Result<()> {
        self.write(RESET).await?;
        self.is_reset.set(true);
        Ok(())
    }

    /// Writes what the terminal takes at once: where it takes nothing, or has gone, there is nobody to see it.
    pub(super) fn try_write(&self, bytes: &[u8]) {
        let _ = match &self.output {
            Some(output) => rustix::io::write(output.get_ref(), bytes).map_err(io::Error::from),
            None => output::terminal_bytes(bytes).map(|()| bytes.len()),
        };
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        if !self.is_reset.get() {
            self.try_write(RESET);
        }
        // Not once all is written: a terminal that takes nothing would never be restored.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}
