//! The one fork: a process that becomes a program in a kernel session of its own, or says which step the kernel refused.
//!
//! The child shares this process's memory until it has become the program, and its parent waits for that, as in
//! vfork(2): nothing is copied, so that a start costs the same in a daemon of a gigabyte, and a refusal is written to
//! where the parent reads it. In between the child makes system calls only, without allocating, on a stack of its own.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;

use rustix::io::Errno;
use rustix::process::{Pid, Rlimit, WaitOptions, waitpid};

/// The child's stack. It calls a handful of thin wrappers; what is not touched is not used.
const STACK_BYTES: usize = 64 << 10;

/// Signals are numbered from 1 up to this.
const SIGNAL_MAX: c_int = 64;

/// What is to be executed, in the kernel's form.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) program: CString,
    pub(super) arguments: Vec<CString>,
    /// `NAME=value`.
    pub(super) environment: Vec<CString>,
    pub(super) cwd: CString,
}

/// What the program gets as its three standard descriptors.
#[derive(Debug)]
pub(super) enum Standard {
    /// A terminal, the controlling one of its session.
    Terminal(OwnedFd),
    /// Its ends of three pipes.
    Pipes(Pipes<OwnedFd>),
}

/// A program's three standard descriptors, or what is on the other side of them.
#[derive(Debug)]
pub(crate) struct Pipes<End> {
    pub(crate) stdin: End,
    pub(crate) stdout: End,
    pub(crate) stderr: End,
}

impl Standard {
    fn descriptors(&self) -> [c_int; 3] {
        match self {
            Self::Terminal(terminal) => [terminal.as_raw_fd(); 3],
            Self::Pipes(Pipes {
                stdin,
                stdout,
                stderr,
            }) => [stdin.as_raw_fd(), stdout.as_raw_fd(), stderr.as_raw_fd()],
        }
    }
}

/// What the child was doing when the kernel refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It was not even started.
    Fork,
    /// It was to lead a session with these standard descriptors.
    Standard,
    /// It was to enter its directory.
    Cwd,
    /// It was to become the program.
    Exec,
}

/// A step that the kernel refused, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) step: Step,
    pub(super) errno: Errno,
}

/// Everything the child needs, laid out before it starts.
struct Plan<'a> {
    program: &'a CStr,
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    cwd: &'a CStr,
    standard: [c_int; 3],
    /// Whether those are a terminal, to be the session's.
    has_terminal: bool,
    /// The limit of open files that the program is to have.
    files: libc::rlimit,
    /// Written by the child, read by the parent once that goes on.
    refused: Option<(Step, c_int)>,
}

/// Starts `image` as the leader of a kernel session. Returns when the program runs.
///
/// The program has `standard` as its three descriptors and no other, no signal blocked or ignored, and `files` as
/// its limit of open files.
pub(super) fn start(image: &Image, standard: &Standard, files: Rlimit) -> Result<Pid, Refused> {
    let mut plan = Plan {
        program: &image.program,
        arguments: pointers(&image.arguments),
        environment: pointers(&image.environment),
        cwd: &image.cwd,
        standard: standard.descriptors(),
        has_terminal: matches!(standard, Standard::Terminal(_)),
        files: libc::rlimit {
            rlim_cur: files.current.unwrap_or(libc::RLIM_INFINITY),
            rlim_max: files.maximum.unwrap_or(libc::RLIM_INFINITY),
        },
        refused: None,
    };
    let pid = with_signals_blocked(|| clone(&mut plan)).map_err(|errno| Refused {
        step: Step::Fork,
        errno,
    })?;
    let Some((step, errno)) = plan.refused else {
        return Ok(pid);
    };
    // Where something else has collected it already there is nothing left to collect.
    let _ = waitpid(Some(pid), WaitOptions::empty());
    Err(Refused {
        step,
        errno: Errno::from_raw_os_error(errno),
    })
}

fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    let pointers = texts.iter().map(|text| text.as_ptr());
    pointers.chain([ptr::null()]).collect()
}

/// Runs `body` with all signals blocked in this thread, so that none is handled by the child on this process's memory.
fn with_signals_blocked<T>(body: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    #[expect(unsafe_code, reason = "signal masks have no safe interface")]
    // SAFETY: the first call fills `all`; the second reads it and fills `before`. Neither fails with these arguments.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr());
    }
    let result = body();
    #[expect(unsafe_code, reason = "signal masks have no safe interface")]
    // SAFETY: `before` was filled above.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
    }
    result
}

fn clone(plan: &mut Plan<'_>) -> Result<Pid, Errno> {
    let mut stack: Vec<MaybeUninit<u128>> = Vec::with_capacity(STACK_BYTES / size_of::<u128>());
    let top = stack.spare_capacity_mut().as_mut_ptr_range().end;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let argument: *mut c_void = ptr::from_mut(plan).cast();
    #[expect(unsafe_code, reason = "starting a process")]
    // SAFETY: the stack is large enough, aligned, and lives until the call returns, which with `CLONE_VFORK` is when the
    // child no longer uses this memory. So does `plan`, which nothing else touches meanwhile.
    let pid = unsafe { libc::clone(child, top.cast(), flags, argument) };
    if pid < 0 {
        return Err(last_errno());
    }
    Pid::from_raw(pid).ok_or(Errno::CHILD)
}

fn last_errno() -> Errno {
    let number = std::io::Error::last_os_error().raw_os_error();
    Errno::from_raw_os_error(number.unwrap_or(libc::EIO))
}

/// The child's life in this program's memory. It does not return when the program starts.
extern "C" fn child(plan: *mut c_void) -> c_int {
    #[expect(unsafe_code, reason = "what `clone` passes on is a pointer")]
    // SAFETY: `clone` passes its plan, which the parent does not touch while this runs.
    let plan = unsafe { &mut *plan.cast::<Plan<'_>>() };
    let step = become_program(plan);
    #[expect(unsafe_code, reason = "errno without the standard library's errors")]
    // SAFETY: the parent's thread, whose errno this is, is suspended.
    let errno = unsafe { *libc::__errno_location() };
    plan.refused = Some((step, errno));
    // As a shell: a program that was not started. `clone` ends the process with it.
    127
}

/// Returns only when the kernel refuses this step.
#[expect(unsafe_code, reason = "only bare system calls may be made here")]
fn become_program(plan: &Plan<'_>) -> Step {
    // The kernel's own structure, larger than on any architecture: all zero is the default action.
    let default = [0_u64; 8];
    // SAFETY: bare system calls on valid pointers: the strings and the arrays, which end with a null pointer, outlive
    // this process's share in the memory. Handlers and descriptors are this process's own copies.
    unsafe {
        for signal in 1..=SIGNAL_MAX {
            // Past the C library, which keeps two signals for itself. Refused for those that nobody can change.
            let none = ptr::null::<c_void>();
            libc::syscall(libc::SYS_rt_sigaction, signal, &raw const default, none, 8);
        }
        if libc::setsid() < 0 {
            return Step::Standard;
        }
        if plan.has_terminal && libc::ioctl(plan.standard[0], libc::TIOCSCTTY, 0) < 0 {
            return Step::Standard;
        }
        // None of them is one of the three itself: the daemon keeps those open all the time.
        for (descriptor, number) in plan.standard.into_iter().zip(0..) {
            if libc::dup2(descriptor, number) < 0 {
                return Step::Standard;
            }
        }
        // Before Linux 5.9 there is no such call; then close-on-exec, which all descriptors have, has to do.
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0);
        if libc::chdir(plan.cwd.as_ptr()) < 0 {
            return Step::Cwd;
        }
        // Refused only where the limit was lowered from outside meanwhile; then it is that one.
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const plan.files);
        let mut none = MaybeUninit::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
        libc::execve(
            plan.program.as_ptr(),
            plan.arguments.as_ptr(),
            plan.environment.as_ptr(),
        );
    }
    Step::Exec
}
