//! Three pipes to a program: our ends do not block and are never inherited.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};

use super::exec::Pipes;

/// Opens them: our ends, the program's ends.
///
/// # Errors
/// The kernel's: this process has no descriptor left.
pub(super) fn open() -> io::Result<(Pipes<OwnedFd>, Pipes<OwnedFd>)> {
    let (their_stdin, stdin) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stdout, their_stdout) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stderr, their_stderr) = pipe_with(PipeFlags::CLOEXEC)?;
    // Each end has its own flags: the program finds its ends blocking, as programs expect.
    for ours in [&stdin, &stdout, &stderr] {
        fcntl_setfl(ours, fcntl_getfl(ours)? | OFlags::NONBLOCK)?;
    }
    let ours = Pipes {
        stdin,
        stdout,
        stderr,
    };
    let theirs = Pipes {
        stdin: their_stdin,
        stdout: their_stdout,
        stderr: their_stderr,
    };
    Ok((ours, theirs))
}
