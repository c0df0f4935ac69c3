//! Sockets by address: what a process's descriptor `socket:[inode]` is bound to, and how its connection stands.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::fds::socket_inode;
use super::proc;

/// The tables of the processes that were asked for, each read once.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// By process, by inode: address and state.
    tables: BTreeMap<u32, HashMap<u64, (String, String)>>,
}

impl Connections {
    /// The address of the socket that a descriptor of `pid` links to, and the state of its connection; both may be empty.
    /// Nothing for a descriptor that is no socket.
    pub(super) fn of(&mut self, pid: u32, link: &str) -> Option<(String, String)> {
        let inode = socket_inode(link)?;
        let table = self.tables.entry(pid).or_insert_with(|| table(pid));
        Some(table.get(&inode).cloned().unwrap_or_default())
    }
}

/// The sockets of the network namespace of `pid`.
fn table(pid: u32) -> HashMap<u64, (String, String)> {
    let read = |name: &str| proc::text(format!("/proc/{pid}/net/{name}")).unwrap_or_default();
    let mut found: HashMap<u64, (String, String)> =
        read("unix").lines().skip(1).filter_map(unix).collect();
    for name in ["tcp", "tcp6", "udp", "udp6"] {
        found.extend(read(name).lines().skip(1).filter_map(internet));
    }
    found
}

/// `Num RefCount Protocol Flags Type St Inode Path`; sockets without a name have no path.
fn unix(line: &str) -> Option<(u64, (String, String))> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let inode = fields.get(6)?.parse().ok()?;
    let listens = u32::from_str_radix(fields.get(3)?, 16).ok()? & 0x1_0000 != 0;
    let state = match (listens, *fields.get(5)?) {
        (true, _) => "listens",
        (false, "01") => "not connected",
        (false, "03") => "connected",
        _ => "",
    };
    let path = fields.get(7).copied().unwrap_or_default();
    Some((inode, (path.to_owned(), state.to_owned())))
}

/// `sl local remote st ... inode`: fields 1, 2, 3 and 9.
fn internet(line: &str) -> Option<(u64, (String, String))> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let inode = fields.get(9)?.parse().ok()?;
    let (local, remote) = (address(fields.get(1)?)?, address(fields.get(2)?)?);
    let name = match remote.ends_with(":0") {
        true => local,
        false => format!("{local} with {remote}"),
    };
    // include/net/tcp_states.h; a socket without a connection is in state 7.
    let state = match *fields.get(3)? {
        "01" => "established",
        "02" => "connecting",
        "04" | "05" => "closed here, not by its peer",
        "08" => "closed by its peer, not here",
        "0A" => "listens",
        _ => "",
    };
    Some((inode, (name, state.to_owned())))
}

/// `0100007F:1F90` and its longer kin: words in the machine's order, then the port.
fn address(text: &str) -> Option<String> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Vec<[u8; 4]> = (0..host.len() / 8)
        .map(|word| u32::from_str_radix(host.get(word * 8..word * 8 + 8)?, 16).ok())
        .map(|word| word.map(u32::to_ne_bytes))
        .collect::<Option<_>>()?;
    let bytes = words.concat();
    match <[u8; 16]>::try_from(bytes.as_slice()) {
        Ok(long) => Some(format!("[{}]:{port}", Ipv6Addr::from(long))),
        Err(_) => {
            let short = <[u8; 4]>::try_from(bytes.as_slice()).ok()?;
            Some(format!("{}:{port}", Ipv4Addr::from(short)))
        }
    }
}
