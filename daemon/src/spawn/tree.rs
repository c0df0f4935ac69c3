//! The processes below this one, as /proc shows them.

use std::fs;
use std::io;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// One process at the moment of a look at the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    /// The session (in the kernel's sense) that it is in.
    pub(crate) session: u32,
    /// In clock ticks since boot; with the pid it names a process for good.
    started: u64,
    pub(crate) is_zombie: bool,
}

/// All processes of this machine that can be seen, by pid; for finding those below some of them.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    processes: Vec<Process>,
}

impl Tree {
    /// Looks at /proc now. Processes that end meanwhile are left out.
    ///
    /// # Errors
    /// When there is no /proc.
    pub(crate) fn look() -> io::Result<Self> {
        let mut processes = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            processes.extend(read(pid));
        }
        Ok(Self { processes })
    }

    /// The direct children of `parent`.
    pub(crate) fn children_of(&self, parent: u32) -> impl Iterator<Item = &Process> {
        self.processes
            .iter()
            .filter(move |process| process.parent == parent)
    }

    /// `roots` and everything below them.
    pub(crate) fn with_descendants(&self, roots: Vec<Process>) -> Vec<Process> {
        let mut found = roots;
        let mut next = 0;
        while let Some(process) = found.get(next).copied() {
            next += 1;
            let below = self.children_of(process.pid).copied();
            let new: Vec<Process> = below.filter(|child| !found.contains(child)).collect();
            found.extend(new);
        }
        found
    }
}

impl Process {
    /// Sends a signal, unless the process has ended and its number belongs to another.
    pub(crate) fn signal(&self, signal: Signal) {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return;
        };
        let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else {
            return;
        };
        // The descriptor is held now: if the number still names the process that was seen, so does the descriptor.
        if read(self.pid).is_some_and(|now| now.started == self.started) {
            // It may have ended, or have changed its user: then it is not ours to end.
            let _ = pidfd_send_signal(&pidfd, signal);
        }
    }

    /// Whether both looks saw one process, whoever its parent was.
    pub(crate) const fn is_same(&self, other: &Self) -> bool {
        self.pid == other.pid && self.started == other.started
    }

    /// Its environment as it was at its last exec; empty where it may not be read.
    pub(crate) fn environment(&self) -> Vec<u8> {
        fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default()
    }
}

fn read(pid: u32) -> Option<Process> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads a line of `/proc/PID/stat`, proc(5): the name in parentheses may contain anything, also parentheses.
fn parse(pid: u32, stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let _process_group = fields.next()?;
    let session = fields.next()?.parse().ok()?;
    // `starttime` is field 22; field 6, the session, was the last one taken.
    let started = fields.nth(15)?.parse().ok()?;
    Some(Process {
        pid,
        parent,
        session,
        started,
        is_zombie: state == "Z" || state == "X",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_blanks_is_read() {
        let stat = "42 (a) b (c) S 7 42 41 34816 42 4194304 1 2 3 4 5 6 7 8 20 0 1 0 9999 1 2 3";
        let process = parse(42, stat).unwrap();
        let expected = Process {
            pid: 42,
            parent: 7,
            session: 41,
            started: 9999,
            is_zombie: false,
        };
        assert_eq!(process, expected);
    }

    #[test]
    fn this_process_is_in_the_tree_below_its_parent() {
        let tree = Tree::look().unwrap();
        let me = read(std::process::id()).unwrap();
        let parent = read(me.parent).unwrap();
        assert!(
            tree.with_descendants(vec![parent])
                .iter()
                .any(|process| process.is_same(&me))
        );
    }
}
