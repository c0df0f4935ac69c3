//! Descriptors: what a process holds open, by kind.
//!
//! A descriptor may be closed between two looks: what has gone by then is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rustix::fs::{FileType, Stat, major, minor};

use crate::units::Bytes;

/// Device numbers that the kernel fixes: `/dev/ptmx` is 5:2, the slaves have the majors 136 to 143.
const PTMX: (u32, u32) = (5, 2);
const PTS_MAJORS: std::ops::RangeInclusive<u32> = 136..=143;
/// `st_blocks` counts these, whatever the file system's own block size is.
const BLOCK: u64 = 512;
/// What a file without a name is called.
const DELETED: &str = "file (deleted)";

/// What the processes of a tree hold open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Descriptors {
    /// How many of each kind.
    pub(super) kinds: BTreeMap<String, u32>,
    /// Inodes of the sockets among them, which is how the kernel names a socket to others.
    pub(super) sockets: BTreeSet<u64>,
    /// Files that have no name any more: device and inode, and the bytes of disk that are still taken for them.
    pub(super) deleted: BTreeMap<(u64, u64), Bytes>,
}

impl Descriptors {
    /// Adds what the process `pid` holds open; nothing when it has gone or may not be looked into.
    pub(super) fn add(&mut self, pid: u32) {
        let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(target) = fs::read_link(&path) else {
                continue;
            };
            let target = target.to_string_lossy();
            let Some(kind) = kind_of(&path, &target) else {
                continue;
            };
            self.sockets.extend(socket_inode(&target));
            if kind == DELETED
                && let Ok(stat) = rustix::fs::stat(&path)
            {
                let bytes = Bytes(stat.st_blocks.cast_unsigned() * BLOCK);
                self.deleted.insert((stat.st_dev, stat.st_ino), bytes);
            }
            *self.kinds.entry(kind).or_default() += 1;
        }
    }
}

/// The kind of the descriptor that `path` in `/proc` stands for and that links to `target`; nothing when it has gone.
pub(super) fn kind_of(path: &Path, target: &str) -> Option<String> {
    if socket_inode(target).is_some() {
        return Some(socket_kind(path));
    }
    if target.starts_with("/memfd:") {
        return Some("memfd".to_owned());
    }
    if target.starts_with('/') {
        // The name says little (a file may be called anything): what is open tells itself.
        let stat = rustix::fs::stat(path).ok()?;
        return Some(path_kind(&stat).to_owned());
    }
    Some(nameless_kind(target).to_owned())
}

/// The inode in `socket:[123]`.
pub(super) fn socket_inode(target: &str) -> Option<u64> {
    let inode = target.strip_prefix("socket:[")?.strip_suffix(']')?;
    inode.parse().ok()
}

/// `socket:unix`, `socket:tcp`, ...; only `socket` where the kernel does not tell the protocol.
///
/// The socket file system keeps the protocol's name as an extended attribute: one call, and no search through all
/// sockets of the machine.
fn socket_kind(path: &Path) -> String {
    let mut name = [0; 32];
    match rustix::fs::getxattr(path, "system.sockprotoname", &mut name) {
        Ok(length) => {
            let name = String::from_utf8_lossy(&name[..length]).to_ascii_lowercase();
            let name = name.trim_end_matches('\0');
            // `tcpv6` and `unix-stream` are how the kernel splits what people call one thing.
            let family = name.strip_suffix("v6").unwrap_or(name);
            let family = family.split('-').next().unwrap_or(family);
            format!("socket:{family}")
        }
        Err(_) => "socket".to_owned(),
    }
}

/// The kind of what is open under a path.
fn path_kind(stat: &Stat) -> &'static str {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::CharacterDevice => {
            let device = (major(stat.st_rdev), minor(stat.st_rdev));
            match device {
                PTMX => "ptmx",
                (major, _) if PTS_MAJORS.contains(&major) => "pts",
                _ => "device",
            }
        }
        FileType::BlockDevice => "device",
        FileType::Directory => "dir",
        FileType::Fifo => "fifo",
        FileType::RegularFile if stat.st_nlink == 0 => DELETED,
        _ => "file",
    }
}

/// The kind of what has no path: `pipe:[123]`, `anon_inode:[eventfd]`, `anon_inode:inotify`, `pidfd:[1]`.
fn nameless_kind(target: &str) -> &str {
    let kind = target.strip_prefix("anon_inode:").unwrap_or(target);
    let kind = kind.trim_matches(['[', ']']);
    kind.split(':').next().unwrap_or(kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::process::{Command, Stdio};

    use rustix::event::{EventfdFlags, epoll, eventfd};
    use rustix::fs::{MemfdFlags, inotify};
    use rustix::net::{AddressFamily, SocketFlags, SocketType};
    use rustix::process::{PidfdFlags, getpid, pidfd_open};
    use rustix::pty::OpenptFlags;
    use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};

    /// Bytes of the file that has no name any more.
    const DELETED: usize = 1 << 20;

    /// One descriptor of each kind that can be made without a driver of its own (a signalfd cannot, from safe Rust).
    fn one_of_each() -> Vec<OwnedFd> {
        let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let slave = rustix::pty::ptsname(&master, Vec::new()).unwrap();
        let slave = File::open(slave.to_str().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut deleted = tempfile::tempfile_in(dir.path()).unwrap();
        deleted.write_all(&[1; DELETED]).unwrap();
        deleted.sync_all().unwrap();
        let fifo = dir.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, 0o600.into(), 0).unwrap();
        let fifo = File::options().read(true).write(true).open(&fifo).unwrap();
        let netlink = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            Some(rustix::net::netlink::SOCK_DIAG),
        );
        let (unix, peer) = UnixStream::pair().unwrap();
        let (pipe, pipe_end) = std::io::pipe().unwrap();
        vec![
            master,
            slave.into(),
            deleted.into(),
            fifo.into(),
            netlink.unwrap(),
            unix.into(),
            peer.into(),
            pipe.into(),
            pipe_end.into(),
            TcpListener::bind("127.0.0.1:0").unwrap().into(),
            UdpSocket::bind("127.0.0.1:0").unwrap().into(),
            eventfd(0, EventfdFlags::CLOEXEC).unwrap(),
            epoll::create(epoll::CreateFlags::CLOEXEC).unwrap(),
            inotify::init(inotify::CreateFlags::CLOEXEC).unwrap(),
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC).unwrap(),
            pidfd_open(getpid(), PidfdFlags::empty()).unwrap(),
            rustix::fs::memfd_create("m", MemfdFlags::CLOEXEC).unwrap(),
            File::open("/proc/self/exe").unwrap().into(),
            File::open("/").unwrap().into(),
            File::open("/dev/zero").unwrap().into(),
        ]
    }

    #[test]
    #[ignore = "not a test: the process that `every_kind_of_descriptor_is_told_apart` looks into"]
    fn holder() {
        let mut asked = std::io::stdin().lines();
        println!("\nnothing held");
        asked.next();
        let held = one_of_each();
        println!("all held");
        asked.next();
        drop(held);
    }

    fn held_by(pid: u32) -> Descriptors {
        let mut descriptors = Descriptors::default();
        descriptors.add(pid);
        descriptors
    }

    #[test]
    fn every_kind_of_descriptor_is_told_apart() {
        let mut holder = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sample::fds::tests::holder"])
            .args(["--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ask = holder.stdin.take().unwrap();
        let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
        let mut says = |wanted: &str| lines.any(|line| line.unwrap() == wanted);
        assert!(says("nothing held"));
        let before = held_by(holder.id()).kinds;
        ask.write_all(b"\n").unwrap();
        assert!(says("all held"));
        let held = held_by(holder.id());
        ask.write_all(b"\n").unwrap();
        // Read to its end, so that the holder can say how it went.
        let rest: Vec<_> = lines.map_while(Result::ok).collect();
        assert!(holder.wait().unwrap().success(), "{rest:?}");
        let more: BTreeMap<&str, u32> = held
            .kinds
            .iter()
            .map(|(kind, count)| (kind.as_str(), count - before.get(kind).unwrap_or(&0)))
            .filter(|(_, count)| *count > 0)
            .collect();
        let expected = [
            ("device", 1),
            ("dir", 1),
            ("eventfd", 1),
            ("eventpoll", 1),
            ("fifo", 1),
            ("file", 1),
            ("file (deleted)", 1),
            ("inotify", 1),
            ("memfd", 1),
            ("pidfd", 1),
            ("pipe", 2),
            ("ptmx", 1),
            ("pts", 1),
            ("socket:netlink", 1),
            ("socket:tcp", 1),
            ("socket:udp", 1),
            ("socket:unix", 2),
            ("timerfd", 1),
        ];
        assert_eq!(more, BTreeMap::from(expected));
        let deleted: u64 = held.deleted.values().map(|bytes| bytes.0).sum();
        assert_eq!(held.deleted.len(), 1);
        assert!(
            deleted >= DELETED as u64 && deleted < 2 * DELETED as u64,
            "{deleted}"
        );
    }

    #[test]
    fn what_has_no_path_is_named_by_the_kernel() {
        let targets = ["anon_inode:[signalfd]", "anon_inode:inotify", "pidfd:[7]"];
        assert_eq!(targets.map(nameless_kind), ["signalfd", "inotify", "pidfd"]);
    }
}
