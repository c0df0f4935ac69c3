//! A process that leakgate did not start: found by its id, and held so that a reused id is never taken for it.

use std::fs;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags};
use unicode_width::UnicodeWidthChar as _;

use crate::sample::proc;

/// `PF_KTHREAD` in the flags of `/proc/<pid>/stat`.
const KERNEL_THREAD: u32 = 0x0020_0000;

/// A process that can be watched.
#[derive(Debug)]
pub struct Found {
    /// Its id.
    pub pid: u32,
    /// Its command line, at most 200 characters, with `?` for what has no shape of its own.
    pub command: String,
    handle: OwnedFd,
}

/// Why a process cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// Nothing has this id.
    #[error("there is no process {0}")]
    Missing(u32),
    /// The id is a thread's.
    #[error("{0} is a thread, not a process: watch the process that it belongs to")]
    Thread(u32),
    /// It is leakgate.
    #[error("process {0} is this leakgate itself: what it holds changes by watching")]
    Own(u32),
    /// It is part of the kernel.
    #[error("process {0} is a thread of the kernel, which has no memory of its own")]
    Kernel(u32),
    /// It has ended.
    #[error("process {0} has already ended and only waits to be reaped by its parent")]
    Zombie(u32),
    /// The kernel does not let this user look into it.
    #[error("process {pid} ({command}) cannot be read: it is another user's, or protected")]
    Foreign {
        /// Its id.
        pid: u32,
        /// Its command line.
        command: String,
    },
    /// The kernel refuses for another reason.
    #[error("process {pid} cannot be watched")]
    Refused {
        /// Its id.
        pid: u32,
        /// Why.
        source: io::Error,
    },
}

impl Found {
    /// Finds the process `pid` and takes hold of it.
    ///
    /// # Errors
    /// See [`FindError`].
    pub fn find(pid: u32) -> Result<Self, FindError> {
        if pid == std::process::id() {
            return Err(FindError::Own(pid));
        }
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let number = number.ok_or(FindError::Missing(pid))?;
        let handle = rustix::process::pidfd_open(number, PidfdFlags::NONBLOCK);
        let handle = handle.map_err(|error| match error {
            Errno::SRCH => FindError::Missing(pid),
            // Older kernels say the first of a thread, newer ones the second.
            Errno::INVAL | Errno::NOENT => FindError::Thread(pid),
            error => FindError::Refused {
                pid,
                source: error.into(),
            },
        })?;
        if is_kernel_thread(pid) {
            return Err(FindError::Kernel(pid));
        }
        if proc::read_process(pid).is_some_and(|process| process.zombie) {
            return Err(FindError::Zombie(pid));
        }
        let command = proc::command_line(pid).replace(shapeless, "?");
        match readable(pid) {
            Ok(()) => Ok(Self {
                pid,
                command,
                handle,
            }),
            Err(error) => Err(match error.kind() {
                io::ErrorKind::PermissionDenied => FindError::Foreign { pid, command },
                io::ErrorKind::NotFound => FindError::Missing(pid),
                _ => FindError::Refused { pid, source: error },
            }),
        }
    }

    /// Whether it has ended. What was read of its id before that was its own.
    pub fn has_ended(&self) -> bool {
        let mut polled = [PollFd::new(&self.handle, PollFlags::IN)];
        let now = Timespec::default();
        rustix::event::poll(&mut polled, Some(&now)).is_ok_and(|ready| ready > 0)
    }
}

impl AsFd for Found {
    /// Readable once the process has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

impl AsRawFd for Found {
    fn as_raw_fd(&self) -> RawFd {
        self.handle.as_raw_fd()
    }
}

/// Whether a character would change how others are shown and take no column itself: controls, marks of direction, joiners.
fn shapeless(character: char) -> bool {
    // The separators of lines and paragraphs and the soft hyphen have a width by some tables.
    matches!(character, '\u{ad}' | '\u{2028}' | '\u{2029}') || character.width().unwrap_or(0) == 0
}

fn is_kernel_thread(pid: u32) -> bool {
    let stat = proc::text(format!("/proc/{pid}/stat")).unwrap_or_default();
    // After the name: state, parent, group, session, terminal, its group, flags.
    let flags = stat
        .rsplit_once(')')
        .and_then(|(_, tail)| tail.split_ascii_whitespace().nth(6));
    flags
        .and_then(|flags| flags.parse::<u32>().ok())
        .is_some_and(|flags| flags & KERNEL_THREAD != 0)
}

/// Whether its memory and its descriptors may be read, which is checked by doing so.
fn readable(pid: u32) -> io::Result<()> {
    let mut rollup = fs::File::open(format!("/proc/{pid}/smaps_rollup"))?;
    let _ = rollup.read(&mut [0; 1])?;
    fs::read_dir(format!("/proc/{pid}/fd")).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use rustix::process::{WaitId, WaitIdOptions, waitid};

    fn refusal(pid: u32) -> String {
        Found::find(pid).expect_err("it is refused").to_string()
    }

    #[test]
    fn what_cannot_be_watched_is_told_apart() {
        assert_eq!(refusal(u32::MAX), "there is no process 4294967295");
        assert!(refusal(std::process::id()).contains("this leakgate itself"));
        let mut ended = Command::new("true").spawn().unwrap();
        let pid = Pid::from_child(&ended);
        waitid(
            WaitId::Pid(pid),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        )
        .unwrap();
        assert!(refusal(ended.id()).contains("has already ended"));
        ended.wait().unwrap();
        assert!(refusal(ended.id()).starts_with("there is no process"));
        let (say, said) = std::sync::mpsc::sync_channel(1);
        let (go, wait) = std::sync::mpsc::sync_channel::<()>(1);
        let thread = std::thread::spawn(move || {
            let id = rustix::thread::gettid().as_raw_pid();
            say.send(u32::try_from(id).unwrap()).unwrap();
            let _ = wait.recv();
        });
        assert!(refusal(said.recv().unwrap()).contains("is a thread, not a process"));
        drop(go);
        thread.join().unwrap();
    }

    #[test]
    fn what_would_change_the_terminal_is_not_in_a_command_line() {
        let hostile = "a\u{202e}b\u{2066}c\u{200b}d\u{feff}e\x1b[2Jf\u{9b}g\u{2028}h\u{ad}i\u{61c}j\u{e0041}k é日本";
        let mut child = Command::new("cat")
            .args(["-", hostile])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Its command line is there once it answers: for a moment of its start the kernel has none.
        child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        let answer = &mut [0; 1];
        child.stdout.as_mut().unwrap().read_exact(answer).unwrap();
        let found = Found::find(child.id()).map(|found| found.command);
        child.kill().unwrap();
        child.wait().unwrap();
        let expected = "cat - a?b?c?d?e?[2Jf?g?h?i?j?k é日本";
        assert_eq!(found.unwrap(), expected);
    }

    #[test]
    fn the_end_of_a_process_is_seen_whatever_has_its_id_then() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let found = Found::find(child.id()).unwrap();
        assert_eq!((found.pid, found.has_ended()), (child.id(), false));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(found.has_ended());
    }
}
