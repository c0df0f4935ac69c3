//! Owns the seeds that are kernel objects: each is made without allocating, and then nobody owns it.

use std::ffi::c_void;
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::fd::IntoRawFd;
use std::path::Path;
use std::ptr;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

use super::SeedError;

/// A parked thread needs next to nothing; this is above what any C library asks for at the least, with room for the
/// thread locals of a daemon.
const STACK_BYTES: usize = 64 * 1024;
/// What the parked threads are called.
const THREAD_NAME: &std::ffi::CStr = c"leak-seed";

/// Opens `/dev/null` and leaves it open.
pub(super) fn keep_descriptor() -> Result<(), SeedError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(c"/dev/null", flags, Mode::empty())?;
    // The leak itself: the owner goes, the descriptor stays.
    let _ = opened.into_raw_fd();
    Ok(())
}

/// Leaves the `n`-th empty file in `directory`.
pub(super) fn leave_file(directory: &Path, n: usize) -> Result<(), SeedError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(directory, flags, Mode::empty())?;
    // Two numbers of at most 20 digits.
    let mut name = [0u8; 64];
    let mut rest = &mut name[..];
    write!(rest, "leak-seed-{}-{n}", std::process::id()).expect("it fits");
    let left = rest.len();
    let name = &name[..64 - left];
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    rustix::fs::openat(&directory, name, flags, Mode::RUSR | Mode::WUSR)?;
    Ok(())
}

/// Maps so many bytes and writes to each of their pages.
#[expect(unsafe_code, reason = "a mapping is raw memory")]
pub(super) fn touch(bytes: usize) -> Result<(), SeedError> {
    let (read_write, private) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
    // SAFETY: a new mapping at an address that the kernel chooses touches no memory that is in use.
    let mapped =
        unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), bytes, read_write, private) }?;
    // SAFETY: the mapping has at least `bytes` bytes, is writable, and nobody else knows it.
    unsafe { ptr::write_bytes(mapped.cast::<u8>(), 0xa5, bytes) };
    Ok(())
}

/// Starts a thread that waits for ever. Not by `std::thread`, whose handle, name and packet are counted blocks.
#[expect(unsafe_code, reason = "a thread of the C library's own")]
pub(super) fn park_thread() -> Result<(), SeedError> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    // SAFETY: each call initialises what the next one reads, which stays in place; the thread runs a function that lives as
    // long as the process and takes nothing. With every signal blocked around its start it inherits that, and takes no
    // signal that another thread waits for.
    let failed = unsafe {
        let attributes = attributes.as_mut_ptr();
        check(libc::pthread_attr_init(attributes))?;
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        let mut failed = libc::pthread_attr_setstacksize(attributes, STACK_BYTES);
        if failed == 0 {
            failed = libc::pthread_attr_setdetachstate(attributes, libc::PTHREAD_CREATE_DETACHED);
        }
        if failed == 0 {
            failed = libc::pthread_create(thread.as_mut_ptr(), attributes, park, ptr::null_mut());
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
        libc::pthread_attr_destroy(attributes);
        if failed == 0 {
            // So that whoever looks next finds it by its name; a thread without one is a leak all the same.
            libc::pthread_setname_np(thread.assume_init(), THREAD_NAME.as_ptr());
        }
        failed
    };
    check(failed)
}

#[expect(unsafe_code, reason = "the C library's own way to wait")]
extern "C" fn park(_: *mut c_void) -> *mut c_void {
    loop {
        // SAFETY: takes nothing, and only waits.
        unsafe { libc::pause() };
    }
}

/// Leaves a child that has exited and that nobody reaps.
///
/// A daemon that reaps every child (`wait` for any, on each SIGCHLD) would reap this one too. So it is cloned with an exit
/// signal of 0: the parent is sent nothing, and a wait finds it only with `__WALL` or `__WCLONE`. When the parent ends, the
/// kernel gives it SIGCHLD back and whoever inherits it reaps it as any other.
#[expect(unsafe_code, reason = "clone is a raw system call")]
pub(super) fn leave_zombie() -> Result<(), SeedError> {
    const NOTHING: libc::c_long = 0;
    // SAFETY: without flags and without a stack of its own, clone is fork: the child has a copy of everything, runs on from
    // here alone, and does nothing but exit, which needs no lock that another thread could have held. The fork handlers
    // are passed by; they would only tell the allocator, which is not called.
    let child = unsafe {
        let child = libc::syscall(libc::SYS_clone, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING);
        if child == 0 {
            libc::_exit(0);
        }
        child
    };
    let Ok(pid) = libc::id_t::try_from(child) else {
        return Err(last_error().into());
    };
    let mut status = MaybeUninit::<libc::siginfo_t>::uninit();
    let options = libc::WEXITED | libc::WNOWAIT | libc::__WALL;
    loop {
        // SAFETY: `status` is written to and not read. WNOWAIT leaves the child as it is.
        let waited = unsafe { libc::waitid(libc::P_PID, pid, status.as_mut_ptr(), options) };
        if waited == 0 {
            return Ok(());
        }
        let error = last_error();
        if error != Errno::INTR {
            return Err(error.into());
        }
    }
}

/// What the last call that failed left.
fn last_error() -> Errno {
    let code = std::io::Error::last_os_error().raw_os_error();
    code.map_or(Errno::IO, Errno::from_raw_os_error)
}

/// The result of a call of the thread library, which returns its error.
fn check(code: libc::c_int) -> Result<(), SeedError> {
    match code {
        0 => Ok(()),
        code => Err(Errno::from_raw_os_error(code).into()),
    }
}
