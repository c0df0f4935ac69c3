//! What a daemon gets from whoever starts it and must not pass on: open descriptors and blocked signals.

use std::mem::MaybeUninit;
use std::{fs, io, ptr};

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
/// When the kernel does not say what is open.
pub(crate) fn shed(descriptors: Descriptors) -> io::Result<()> {
    let mut none = MaybeUninit::uninit();
    #[expect(unsafe_code, reason = "signal masks have no safe interface")]
    // SAFETY: `none` is filled before it is read.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        // A blocked SIGCHLD or SIGTERM would never be heard of.
        libc::pthread_sigmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
    // The last of them is the list's own, which is closed when they are gone through.
    for number in open_descriptors()? {
        #[expect(unsafe_code, reason = "these descriptors have no owner here")]
        // SAFETY: nothing has been opened yet, so that no owner of a descriptor is left without it.
        unsafe {
            match descriptors {
                Descriptors::KeepToOurselves => {
                    libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC);
                }
                Descriptors::Close => {
                    libc::close(number);
                }
            }
        }
    }
    Ok(())
}

/// Everything that is open beyond the three standard descriptors.
fn open_descriptors() -> io::Result<Vec<i32>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let number: Option<i32> = name.to_str().and_then(|name| name.parse().ok());
        numbers.extend(number.filter(|number| *number > 2));
    }
    Ok(numbers)
}
