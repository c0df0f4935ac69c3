//! Where a thread waits: the system call that it is in, and the function of the kernel, as far as the kernel tells.
//!
//! `syscall` and `stack` of `/proc/<pid>/task/<tid>` need the rights of a debugger (`stack` those of the administrator), and a
//! kernel may be built without `syscall` and `wchan`: each is used where it is there.

use std::path::Path;

use super::proc;

/// Functions that stand around the one that waits, in every stack.
const AROUND: [&str; 6] = [
    "schedule",
    "__schedule",
    "schedule_timeout",
    "schedule_hrtimeout_range",
    "schedule_hrtimeout_range_clock",
    "io_schedule",
];
/// What a system call's name has before it in a stack: x86-64, arm64, and what both share.
const ENTRIES: [&str; 4] = ["__x64_sys_", "__arm64_sys_", "__se_sys_", "ksys_"];

/// `futex (futex_do_wait)`; empty for a thread that runs, or of which nothing is told.
pub(super) fn place(task: &Path) -> String {
    let read = |file: &str| proc::text(task.join(file)).unwrap_or_default();
    let stack = read("stack");
    let call = called(&read("syscall")).or_else(|| stack_call(&stack).map(str::to_owned));
    let wchan = read("wchan");
    let function = match wchan.trim() {
        "" | "0" => stack_function(&stack),
        function => Some(function),
    };
    match (call, function) {
        (Some(call), Some(function)) => format!("{call} ({function})"),
        (Some(call), None) => call,
        (None, Some(function)) => function.to_owned(),
        (None, None) => String::new(),
    }
}

/// The system call in `202 0x7f.. 0x80 ...`; `running` and -1 are none.
fn called(syscall: &str) -> Option<String> {
    let number: libc::c_long = syscall.split_ascii_whitespace().next()?.parse().ok()?;
    if number < 0 {
        return None;
    }
    Some(name(number).map_or_else(|| format!("system call {number}"), str::to_owned))
}

/// The system calls in which threads wait; the others return soon.
fn name(number: libc::c_long) -> Option<&'static str> {
    #[cfg(target_arch = "x86_64")]
    match number {
        libc::SYS_poll => return Some("poll"),
        libc::SYS_select => return Some("select"),
        libc::SYS_epoll_wait => return Some("epoll_wait"),
        libc::SYS_pause => return Some("pause"),
        libc::SYS_open => return Some("open"),
        _ => {}
    }
    Some(match number {
        libc::SYS_futex => "futex",
        libc::SYS_read => "read",
        libc::SYS_readv => "readv",
        libc::SYS_pread64 => "pread64",
        libc::SYS_write => "write",
        libc::SYS_writev => "writev",
        libc::SYS_ppoll => "ppoll",
        libc::SYS_pselect6 => "pselect6",
        libc::SYS_epoll_pwait => "epoll_pwait",
        libc::SYS_epoll_pwait2 => "epoll_pwait2",
        libc::SYS_io_uring_enter => "io_uring_enter",
        libc::SYS_nanosleep => "nanosleep",
        libc::SYS_clock_nanosleep => "clock_nanosleep",
        libc::SYS_rt_sigtimedwait => "rt_sigtimedwait",
        libc::SYS_rt_sigsuspend => "rt_sigsuspend",
        libc::SYS_wait4 => "wait4",
        libc::SYS_waitid => "waitid",
        libc::SYS_accept => "accept",
        libc::SYS_accept4 => "accept4",
        libc::SYS_connect => "connect",
        libc::SYS_recvfrom => "recvfrom",
        libc::SYS_recvmsg => "recvmsg",
        libc::SYS_recvmmsg => "recvmmsg",
        libc::SYS_sendto => "sendto",
        libc::SYS_sendmsg => "sendmsg",
        libc::SYS_openat => "openat",
        libc::SYS_fcntl => "fcntl",
        libc::SYS_flock => "flock",
        libc::SYS_fsync => "fsync",
        libc::SYS_fdatasync => "fdatasync",
        libc::SYS_msgrcv => "msgrcv",
        libc::SYS_semtimedop => "semtimedop",
        _ => return None,
    })
}

/// The functions of a stack, innermost first: each line is `[<0>] function+0xb1/0x150`.
fn functions(stack: &str) -> impl Iterator<Item = &str> {
    let lines = stack.lines().filter_map(|line| line.split_once("] "));
    lines.map(|(_, function)| {
        let end = function.find(['+', '.', ' ']).unwrap_or(function.len());
        &function[..end]
    })
}

/// The system call of a stack: it stands outermost.
fn stack_call(stack: &str) -> Option<&str> {
    let calls = functions(stack).filter_map(|function| {
        ENTRIES
            .iter()
            .find_map(|entry| function.strip_prefix(entry))
    });
    calls.last()
}

/// The innermost function of a stack that says something.
fn stack_function(stack: &str) -> Option<&str> {
    functions(stack).find(|function| !AROUND.contains(function))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_call_is_named_where_threads_wait_in_it() {
        let futex = format!("{} 0x7ffe 0x80 0x0 0x0\n", libc::SYS_futex);
        assert_eq!(called(&futex).as_deref(), Some("futex"));
        assert_eq!(called("9999 0x0\n").as_deref(), Some("system call 9999"));
        assert_eq!(called("running\n"), None);
        assert_eq!(called("-1 0x7ffe 0x7f00\n"), None);
        assert_eq!(called(""), None);
    }

    #[test]
    fn a_stack_tells_the_call_and_the_function_that_waits() {
        let poll = "[<0>] schedule_hrtimeout_range+0x1/0x2\n[<0>] poll_schedule_timeout.constprop.0+0x3e/0x80\n\
                    [<0>] do_sys_poll+0x1/0x2\n[<0>] __x64_sys_poll+0x1/0x2\n[<0>] do_syscall_64+0x71/0x280\n";
        assert_eq!(stack_function(poll), Some("poll_schedule_timeout"));
        assert_eq!(stack_call(poll), Some("poll"));
        let read =
            "[<0>] anon_pipe_read+0x1/0x2\n[<0>] vfs_read+0x1/0x2\n[<0>] ksys_read+0x66/0xe0\n";
        assert_eq!(stack_call(read), Some("read"));
        assert_eq!((stack_call(""), stack_function("")), (None, None));
    }
}
