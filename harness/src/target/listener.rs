//! Whose TCP socket it is that listens: a port may be somebody else's.

use std::fs;
use std::net::SocketAddr;

use crate::sample::proc;

/// Whether a process under `supervisor` listens on the port of `address`, as `/proc/net/tcp` and descriptors tell.
pub(super) fn is_under(supervisor: u32, address: SocketAddr) -> bool {
    let table = match address {
        SocketAddr::V4(_) => "/proc/self/net/tcp",
        SocketAddr::V6(_) => "/proc/self/net/tcp6",
    };
    // A dual-stack listener on `[::]` accepts for both and stands in the other table.
    let tables = [table, "/proc/self/net/tcp6"];
    let wanted: Vec<String> = tables
        .into_iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|text| inodes(&text, address.port()))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let tree = proc::descendants(supervisor).unwrap_or_default();
    tree.iter().any(|process| holds(process.pid, &wanted))
}

fn holds(pid: u32, wanted: &[String]) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    entries
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|link| {
            wanted
                .iter()
                .any(|wanted| link.as_os_str() == wanted.as_str())
        })
}

/// The inodes of the sockets that listen on `port`, from a table as the kernel prints it (`man 5 proc_net_tcp`).
fn inodes(table: &str, port: u16) -> Vec<u64> {
    /// `TCP_LISTEN`.
    const LISTENS: &str = "0A";
    let rows = table.lines().skip(1).filter_map(|row| {
        let fields: Vec<&str> = row.split_ascii_whitespace().collect();
        let local = fields.get(1)?.rsplit(':').next()?;
        let here = u16::from_str_radix(local, 16).ok()? == port;
        (here && fields.get(3) == Some(&LISTENS))
            .then(|| fields.get(9)?.parse().ok())
            .flatten()
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_of_this_process_is_not_one_of_a_child() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let table = fs::read_to_string("/proc/self/net/tcp").unwrap();
        let inodes = inodes(&table, address.port());
        assert_eq!(inodes.len(), 1);
        let wanted = [format!("socket:[{}]", inodes[0])];
        assert!(holds(std::process::id(), &wanted));
        assert!(!is_under(std::process::id(), address));
    }
}
