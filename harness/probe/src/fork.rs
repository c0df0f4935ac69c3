//! Owns the fork guard: how this process knows that it is the child of a fork that has not exec'd yet.
//!
//! Between fork and exec only the forking thread exists, and every lock that another thread held is held for ever.
//! Code that runs there (a `pre_exec` closure, portable-pty's sweep of `/dev/fd`) may allocate: glibc's malloc repairs
//! its own locks, but an allocator wrapped around it has to get out of the way by itself. So a handler that glibc runs
//! in the child sets a flag, and from then on all allocators of this crate pass straight to their backing.
//!
//! The handler is registered by a constructor, before `main`: early enough for every fork, and never from inside an
//! allocation (registering allocates).

use std::sync::atomic::{AtomicBool, Ordering};

use crate::counting::slot;

static IN_CHILD: AtomicBool = AtomicBool::new(false);
static INSTALLED: AtomicBool = AtomicBool::new(false);

#[expect(
    unsafe_code,
    reason = "libc does not bind pthread_atfork on Linux; a constructor is a linker section"
)]
mod os {
    use std::ffi::c_int;

    unsafe extern "C" {
        pub(super) fn pthread_atfork(
            prepare: Option<extern "C" fn()>,
            parent: Option<extern "C" fn()>,
            child: Option<extern "C" fn()>,
        ) -> c_int;
    }

    /// Run by the dynamic loader before `main`.
    #[used]
    #[unsafe(link_section = ".init_array")]
    static BEFORE_MAIN: extern "C" fn() = before_main;

    extern "C" fn before_main() {
        // A failure leaves the guard uninstalled; starting the probe tries again and reports it.
        super::install();
    }
}

/// Whether this process is a forked child in which nothing is counted or profiled any more.
pub(crate) fn in_child() -> bool {
    IN_CHILD.load(Ordering::Relaxed)
}

/// Installs the guard and the hook by which an ending thread gives its slot back, once. False if the system is out
/// of memory or keys.
pub(crate) fn install() -> bool {
    if INSTALLED.swap(true, Ordering::AcqRel) {
        return true;
    }
    #[expect(unsafe_code, reason = "registers a fork handler with the C library")]
    // SAFETY: the handler is a function of the right type that lives as long as the process, and only stores to
    // atomics and a thread local, which is allowed in the child of a fork.
    let registered = unsafe { os::pthread_atfork(None, None, Some(entered_child)) } == 0;
    let installed = registered && slot::install_exit_hook();
    INSTALLED.store(installed, Ordering::Release);
    installed
}

extern "C" fn entered_child() {
    IN_CHILD.store(true, Ordering::Relaxed);
    slot::pass_through();
    #[cfg(feature = "track")]
    crate::track::pass_through();
}
