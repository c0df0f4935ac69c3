//! What a daemon gets from whoever starts it and must not pass on: open descriptors and blocked signals.

use std::mem::MaybeUninit;
use std::{io, ptr};

/// What becomes of descriptors beyond the three standard ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Descriptors {
    /// They stay open here, and no session gets them: whoever runs the daemon in the foreground may mean something by them.
    KeepToOurselves,
    /// They are closed: the shell in which somebody happened to start the daemon would wait for them for ever.
    Close,
}

/// Puts in order what was inherited. To be called before anything is opened or any thread started.
///
/// # Errors
/// When the kernel cannot do it for descriptors (before Linux 5.11).
pub(crate) fn shed(descriptors: Descriptors) -> io::Result<()> {
    let flags = match descriptors {
        Descriptors::KeepToOurselves => libc::CLOSE_RANGE_CLOEXEC,
        Descriptors::Close => 0,
    };
    let mut none = MaybeUninit::uninit();
    #[expect(unsafe_code, reason = "neither call has a safe interface")]
    // SAFETY: nothing has been opened yet, so that no owner of a descriptor is left without it; `none` is filled before
    // it is read.
    let closed = unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        // A blocked SIGCHLD or SIGTERM would never be heard of.
        libc::pthread_sigmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, flags)
    };
    if closed < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
