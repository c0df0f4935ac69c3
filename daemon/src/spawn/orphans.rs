//! Whether anything has left the tree of its session, asked of the kernel in one call.
//!
//! The kernel keeps children per thread. First processes are the spawn thread's. What loses its parent becomes a child of
//! the daemon's main thread, the first that is alive. So when the main thread has no child, every process below the
//! daemon is below some session's first process, and a session whose first process is gone has none left. That spares
//! most ends a look at all processes of the machine.

use rustix::process::getpid;
use rustix::thread::gettid;

/// What the main thread says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Orphans {
    /// No process is below the daemon but the sessions' first processes and what is below those.
    None,
    /// There is one, of whichever session; or this is not the main thread, which cannot say.
    Perhaps,
}

impl Orphans {
    /// Asks for the calling thread, which should be the main one.
    pub(super) fn ask() -> Self {
        if gettid() != getpid() {
            return Self::Perhaps;
        }
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WNOTHREAD;
        #[expect(unsafe_code, reason = "rustix has no __WNOTHREAD")]
        // SAFETY: all of a `siginfo_t` may be zero, and the kernel fills it.
        let found = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(libc::P_ALL, 0, &raw mut info, flags)
        };
        let no_child =
            found < 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ECHILD);
        if no_child { Self::None } else { Self::Perhaps }
    }
}
