//! This process's own terminal, in raw mode for as long as a session is attached to it.

use std::cell::Cell;
use std::io::{self, IsTerminal};
use std::os::fd::OwnedFd;

use rustix::fs::OFlags;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use sessiond_protocol::Size;
use tokio::io::unix::AsyncFd;

use super::display::{Display, open_again};

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
pub(super) struct RawTerminal<'a> {
    before: Termios,
    input: AsyncFd<OwnedFd>,
    display: &'a Display,
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

impl<'a> RawTerminal<'a> {
    /// Enters raw mode, with the session shown on `display`. Must be called inside the runtime.
    ///
    /// # Errors
    /// When standard input is no terminal of this user.
    pub(super) fn enter(display: &'a Display) -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let input = open_again("/proc/self/fd/0", OFlags::RDONLY)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Flush, &raw)?;
        Ok(Self {
            before,
            input,
            display,
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

    /// Switches off what the session has switched on, if that is taken in time.
    pub(super) async fn reset(&self) {
        self.is_reset.set(self.display.say_last(RESET).await);
    }
}

impl Drop for RawTerminal<'_> {
    fn drop(&mut self) {
        if !self.is_reset.get() {
            self.display.try_write(RESET);
        }
        // Not once all is written: a terminal that takes nothing would never be restored.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}
