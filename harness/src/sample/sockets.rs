//! Socket buffers: the memory that the kernel holds for a tree's sockets, asked of it through `sock_diag` (netlink).
//!
//! It is charged to no process, and so is in no figure of `/proc/<pid>`. A dump lists the sockets of leakgate's own network
//! namespace; those of the tree are found among them by their inodes. `sock_diag(7)` describes the messages.

use std::collections::BTreeSet;

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::record::event::SocketBuffers;

const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const REQUEST_DUMP: u16 = 0x301;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const HEADER_BYTES: usize = 16;
/// One datagram of a dump; the kernel sends no larger ones to a reader of 32 KiB.
const DATAGRAM_BYTES: usize = 32 * 1024;
/// Datagrams of one dump: some 20,000 sockets. A machine with more has its figure left out rather than leakgate stuck.
const DATAGRAMS_MAX: usize = 256;

/// One kind of socket: how it is asked for, and where the answer has what is needed.
struct Kind {
    request: Vec<u8>,
    /// Offset of the inode in the answer's body.
    inode: usize,
    /// Bytes of the answer's body before its attributes.
    body: usize,
    /// The attribute that holds the memory of the socket.
    attribute: u16,
}

/// What the kernel holds for the sockets with these inodes; nothing where it does not tell.
pub(super) fn buffers(inodes: &BTreeSet<u64>) -> Option<SocketBuffers> {
    if inodes.is_empty() {
        return Some(SocketBuffers::default());
    }
    let mut found = SocketBuffers::default();
    for kind in kinds() {
        dump(&kind, inodes, &mut found)?;
    }
    Some(found)
}

fn kinds() -> Vec<Kind> {
    let family = |family: AddressFamily| u8::try_from(family.as_raw()).unwrap_or(0);
    // struct unix_diag_req: family, protocol, pad, states, inode, show (UDIAG_SHOW_MEMINFO), cookie.
    let mut unix = vec![family(AddressFamily::UNIX), 0, 0, 0];
    for word in [u32::MAX, 0, 0x20, u32::MAX, u32::MAX] {
        unix.extend(word.to_ne_bytes());
    }
    let mut kinds = vec![Kind {
        request: unix,
        inode: 4,
        body: 16,
        attribute: 5,
    }];
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    for (family, protocol) in [AddressFamily::INET, AddressFamily::INET6]
        .into_iter()
        .flat_map(|af| [(family(af), TCP), (family(af), UDP)])
    {
        // struct inet_diag_req_v2: family, protocol, extensions (bit of INET_DIAG_SKMEMINFO), pad, states, 48 bytes of id.
        let mut request = vec![family, protocol, 1 << 6, 0];
        request.extend(u32::MAX.to_ne_bytes());
        request.extend([0; 48]);
        kinds.push(Kind {
            request,
            inode: 68,
            body: 72,
            attribute: 7,
        });
    }
    kinds
}

/// Asks for all sockets of a kind and adds those that are wanted.
fn dump(kind: &Kind, inodes: &BTreeSet<u64>, found: &mut SocketBuffers) -> Option<()> {
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(SOCK_DIAG),
    )
    .ok()?;
    let length = u32::try_from(HEADER_BYTES + kind.request.len()).ok()?;
    let mut message = Vec::with_capacity(HEADER_BYTES + kind.request.len());
    message.extend(length.to_ne_bytes());
    message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message.extend(REQUEST_DUMP.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(&kind.request);
    let kernel = SocketAddrNetlink::new(0, 0);
    rustix::net::sendto(&socket, &message, SendFlags::empty(), &kernel).ok()?;
    let mut datagram = vec![0; DATAGRAM_BYTES];
    for _ in 0..DATAGRAMS_MAX {
        // A dump is answered within the call that reads it: nothing else is waited for.
        let (length, _) =
            rustix::net::recv(&socket, &mut datagram[..], RecvFlags::DONTWAIT).ok()?;
        match read_answers(&datagram[..length], kind, inodes, found)? {
            Dump::Goes => {}
            Dump::Ends => return Some(()),
        }
    }
    None
}

enum Dump {
    Goes,
    Ends,
}

/// Reads the messages of one datagram; nothing when the kernel refuses or speaks otherwise than documented.
fn read_answers(
    mut rest: &[u8],
    kind: &Kind,
    inodes: &BTreeSet<u64>,
    found: &mut SocketBuffers,
) -> Option<Dump> {
    while rest.len() >= HEADER_BYTES {
        let length = usize::try_from(word(rest, 0)?).ok()?;
        let message = rest.get(HEADER_BYTES..length)?;
        match half(rest, 4)? {
            NLMSG_DONE => return Some(Dump::Ends),
            NLMSG_ERROR => return None,
            _ => {
                if inodes.contains(&u64::from(word(message, kind.inode)?)) {
                    add(message.get(kind.body..)?, kind.attribute, found);
                }
            }
        }
        rest = rest.get(aligned(length)..).unwrap_or_default();
    }
    Some(Dump::Goes)
}

/// Adds the memory that one socket's attributes tell: `SK_MEMINFO`, of which the first word is what waits to be read and
/// the third what waits to be sent or to be read by the peer.
fn add(mut attributes: &[u8], wanted: u16, found: &mut SocketBuffers) {
    found.sockets += 1;
    while let (Some(length), Some(kind)) = (half(attributes, 0), half(attributes, 2)) {
        let length = usize::from(length);
        if kind == wanted
            && let Some(received) = word(attributes, 4)
            && let Some(sent) = word(attributes, 4 + 8)
        {
            found.receive.0 += u64::from(received);
            found.send.0 += u64::from(sent);
        }
        if length < 4 {
            return;
        }
        attributes = attributes.get(aligned(length)..).unwrap_or_default();
    }
}

fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    fn held_by_me() -> SocketBuffers {
        let mut descriptors = super::super::fds::Descriptors::default();
        descriptors.add(std::process::id());
        buffers(&descriptors.sockets).expect("sock_diag answers")
    }

    #[test]
    fn what_nobody_reads_is_found_in_the_buffers_of_the_sockets() {
        let (mut here, there) = UnixStream::pair().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, _) = listener.accept().unwrap();
        let before = held_by_me();
        assert!(before.sockets >= 5, "{before:?}");
        here.write_all(&[0; 65_536]).unwrap();
        near.write_all(&[0; 65_536]).unwrap();
        // The loopback delivers within the call; what is counted is at least what was written.
        let after = held_by_me();
        let growth = |now: crate::units::Bytes, then| now.since(then).0;
        assert!(
            growth(after.send, before.send) >= 65_536,
            "{before:?} {after:?}"
        );
        let both = growth(after.send, before.send) + growth(after.receive, before.receive);
        assert!(both >= 2 * 65_536, "{before:?} {after:?}");
        drop((there, far));
    }

    #[test]
    fn sockets_of_others_are_not_counted() {
        let (_here, _there) = UnixStream::pair().unwrap();
        assert_eq!(
            buffers(&BTreeSet::from([1])),
            Some(SocketBuffers::default())
        );
    }
}
