//! /proc, kept open, with descriptors in reserve: processes can be found and ended where the daemon may open nothing
//! more.
//!
//! An error is never taken for an absence: a process is gone only where the kernel says so.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, RawDir, SeekFrom, open, openat, seek};
use rustix::io::{Errno, fcntl_dupfd_cloexec, read};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::tree::{Process, Tree};

/// Descriptors in reserve: a process's own, and one to check with that it is the one that was seen.
const RESERVE: usize = 2;

/// What of a `stat` line is read; it is a few hundred bytes long.
const STAT_BYTES: usize = 2048;

/// Bytes of names that the kernel hands over at a time: some two hundred processes.
const NAMES_BYTES: usize = 8 << 10;

/// What of an environment is read at first, which is nearly always all.
const ENVIRONMENT_BYTES: usize = 32 << 10;

/// What of an environment is searched: what the kernel takes by default for arguments and variables together.
const ENVIRONMENT_BYTES_MAX: usize = 2 << 20;

/// What can be known of a process's environment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Environment {
    /// `NAME=value`, NUL after each.
    Is(Vec<u8>),
    /// It is in the middle of an exec.
    NotYet,
    /// It has ended, belongs to another user, or lets nobody look into it (`PR_SET_DUMPABLE`).
    NotForUs,
}

/// The kernel's list of processes.
#[derive(Debug)]
pub(super) struct ProcFs {
    directory: OwnedFd,
    reserve: Vec<OwnedFd>,
}

impl ProcFs {
    /// # Errors
    /// When there is no /proc.
    pub(super) fn open() -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut proc = Self {
            directory: open("/proc", flags, Mode::empty())?,
            reserve: Vec::with_capacity(RESERVE),
        };
        proc.refill();
        Ok(proc)
    }

    /// Takes back into the reserve what was used of it, as far as there are descriptors.
    fn refill(&mut self) {
        while self.reserve.len() < RESERVE {
            match fcntl_dupfd_cloexec(&self.directory, 0) {
                Ok(spare) => self.reserve.push(spare),
                Err(_) => return,
            }
        }
    }

    /// Makes a descriptor, at the cost of one in reserve where there is no other.
    fn spend(
        &mut self,
        make: impl Fn(&OwnedFd) -> Result<OwnedFd, Errno>,
    ) -> Result<OwnedFd, Errno> {
        match make(&self.directory) {
            Err(Errno::MFILE | Errno::NFILE) if !self.reserve.is_empty() => {
                self.reserve.pop();
                make(&self.directory)
            }
            other => other,
        }
    }

    /// Looks at all processes now. Those that end meanwhile are left out.
    ///
    /// # Errors
    /// When a process could not be looked at although it may be there.
    pub(super) fn look(&mut self) -> io::Result<Tree> {
        let processes = self.processes();
        self.refill();
        Ok(Tree::new(processes?))
    }

    fn processes(&mut self) -> io::Result<Vec<Process>> {
        seek(&self.directory, SeekFrom::Start(0))?;
        let mut names = [MaybeUninit::uninit(); NAMES_BYTES];
        let mut pids = Vec::new();
        let mut entries = RawDir::new(&self.directory, &mut names);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            pids.extend(
                entry
                    .file_name()
                    .to_str()
                    .ok()
                    .and_then(|name| name.parse::<u32>().ok()),
            );
        }
        let mut processes = Vec::with_capacity(pids.len());
        for pid in pids {
            processes.extend(self.process(pid)?);
        }
        Ok(processes)
    }

    fn process(&mut self, pid: u32) -> io::Result<Option<Process>> {
        Ok(self.stat(pid)?.and_then(|stat| Process::parse(pid, &stat)))
    }

    fn stat(&mut self, pid: u32) -> io::Result<Option<[u8; STAT_BYTES]>> {
        let mut stat = [0; STAT_BYTES];
        let length = self.read_file(pid, "stat", &mut stat)?;
        Ok(length.map(|_| stat))
    }

    /// A process's environment as it was at its last exec.
    ///
    /// # Errors
    /// When it could not be looked at although it may be there.
    pub(super) fn environment(&mut self, process: &Process) -> io::Result<Environment> {
        let environment = self.settled_environment(process);
        self.refill();
        environment
    }

    fn settled_environment(&mut self, process: &Process) -> io::Result<Environment> {
        let first = self.environment_now(process.pid)?;
        if !matches!(&first, Environment::Is(bytes) if bytes.is_empty()) {
            return Ok(first);
        }
        // Empty, or not yet there: then the kernel does not know either where it ends.
        match self
            .stat(process.pid)?
            .map(|stat| Process::has_environment(&stat))
        {
            Some(false) if !process.is_zombie => Ok(Environment::NotYet),
            _ => self.environment_now(process.pid),
        }
    }

    fn environment_now(&mut self, pid: u32) -> io::Result<Environment> {
        let mut environment = Vec::new();
        let mut room = ENVIRONMENT_BYTES;
        loop {
            environment.resize(room, 0);
            let Some(length) = self.read_file(pid, "environ", &mut environment)? else {
                return Ok(Environment::NotForUs);
            };
            if length < room || room >= ENVIRONMENT_BYTES_MAX {
                environment.truncate(length);
                return Ok(Environment::Is(environment));
            }
            room *= 4;
        }
    }

    /// Fills `buffer` from the beginning of a process's file; nothing where there is none, or none for us.
    fn read_file(&mut self, pid: u32, name: &str, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let path = format!("{pid}/{name}");
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let opened = self.spend(|proc| openat(proc, &path, flags, Mode::empty()));
        let mut filled = 0;
        let result = opened.and_then(|file| {
            loop {
                // A buffer that is full ends it, too.
                match read(&file, &mut buffer[filled..])? {
                    0 => return Ok(()),
                    more => filled += more,
                }
            }
        });
        match result {
            Ok(()) => Ok(Some(filled)),
            // Gone, ended, or by its own doing not for us, as only what is below this daemon is asked for: it has changed its
            // user, or forbids to be looked into.
            Err(Errno::NOENT | Errno::SRCH | Errno::ACCESS | Errno::PERM) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Sends a signal to a process that was seen, unless it has ended and its number belongs to another.
    ///
    /// A child of this process keeps its number until this thread collects it. Another's may be collected at any moment.
    pub(super) fn signal(&mut self, process: &Process, signal: Signal) {
        let Some(pid) = process.pid.try_into().ok().and_then(Pid::from_raw) else {
            return;
        };
        // It may have ended, or have changed its user: then it is not ours to end.
        if process.parent == std::process::id() {
            let _ = rustix::process::kill_process(pid, signal);
            return;
        }
        // Without a descriptor for it, it is left for later: it becomes our child when those above it are killed.
        if let Ok(pidfd) = self.spend(|_| pidfd_open(pid, PidfdFlags::empty())) {
            // The descriptor is held now: if the number still names the process that was seen, so does the descriptor.
            let now = self.process(process.pid);
            if now.is_ok_and(|now| now.is_some_and(|now| now.is_same(process))) {
                let _ = pidfd_send_signal(&pidfd, signal);
            }
        }
        self.refill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_in_the_tree_below_its_parent() {
        let mut proc = ProcFs::open().unwrap();
        let me = proc.process(std::process::id()).unwrap().unwrap();
        for _ in 0..2 {
            let tree = proc.look().unwrap();
            let siblings = tree.children_of(me.parent);
            assert!(siblings.iter().any(|process| process.is_same(&me)));
        }
        let Environment::Is(environment) = proc.environment(&me).unwrap() else {
            panic!("no environment")
        };
        assert!(
            environment
                .split(|byte| *byte == 0)
                .any(|variable| variable.starts_with(b"PATH="))
        );
    }
}
