//! Stopping this process as ctrl-Z does, for a shell that lets it go on later.

use std::io;

use rustix::process::{Signal, getpgid, getpgrp, getpid, getppid, getsid, kill_process};

/// Whether there is a shell that can let this process go on: its parent, in another job of the same session. Without one a
/// stopped process would stay so for ever, which is why the kernel ignores ctrl-Z there, too.
pub(super) fn is_possible() -> bool {
    let parent = getppid();
    parent.is_some()
        && getsid(parent).is_ok_and(|session| getsid(None) == Ok(session))
        && getpgid(parent).is_ok_and(|group| group != getpgrp())
}

/// Stops this process; returns when it goes on.
///
/// # Errors
/// The kernel's.
pub(super) fn stop() -> io::Result<()> {
    // SIGTSTP has a handler while a session is attached. The signal is delivered before this returns.
    Ok(kill_process(getpid(), Signal::STOP)?)
}
