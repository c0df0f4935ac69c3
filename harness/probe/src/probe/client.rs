//! Owns one client of the probe: its connection, the line it is sending, and the wait it has asked for.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::SendFlags;

use super::quiesce::Quiesce;
use crate::protocol::request::REQUEST_BYTES_MAX;

/// A connected client. Nothing in it grows.
pub(super) struct Client {
    connection: OwnedFd,
    received: [u8; REQUEST_BYTES_MAX],
    len: usize,
    /// Whether the rest of an overlong line is still to come, and to be dropped.
    skipping: bool,
    /// The `quiesce` that is not answered yet. Later requests wait in the buffer and in the socket.
    pub(super) waiting: Option<Quiesce>,
}

/// Whether a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    Open,
    Closed,
}

/// The next thing a client has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// A line of this many bytes at the start of the buffer, its line end not counted.
    Line { len: usize },
    /// More bytes than a request may have, without a line end.
    Overlong,
    /// Not yet a whole line.
    Partial,
}

impl Client {
    pub(super) const fn new(connection: OwnedFd) -> Self {
        Self {
            connection,
            received: [0; REQUEST_BYTES_MAX],
            len: 0,
            skipping: false,
            waiting: None,
        }
    }

    pub(super) const fn connection(&self) -> &OwnedFd {
        &self.connection
    }

    /// Reads once, into what room there is.
    pub(super) fn receive(&mut self) -> Connection {
        match rustix::io::read(&self.connection, &mut self.received[self.len..]) {
            Ok(0) => Connection::Closed,
            Ok(n) => {
                self.len += n;
                Connection::Open
            }
            Err(Errno::AGAIN | Errno::INTR) => Connection::Open,
            Err(_) => Connection::Closed,
        }
    }

    /// What the buffer starts with. Each answer but `Partial` is to be followed by [`Client::consume`].
    pub(super) fn next(&mut self) -> Received {
        let end = self.received[..self.len]
            .iter()
            .position(|byte| *byte == b'\n');
        match end {
            Some(end) if self.skipping => {
                self.skipping = false;
                self.consume(end);
                self.next()
            }
            Some(len) => Received::Line { len },
            None if self.skipping => {
                self.len = 0;
                Received::Partial
            }
            None if self.len == REQUEST_BYTES_MAX => {
                self.skipping = true;
                self.len = 0;
                Received::Overlong
            }
            None => Received::Partial,
        }
    }

    /// The first `len` bytes received.
    pub(super) fn line(&self, len: usize) -> &[u8] {
        &self.received[..len]
    }

    /// Drops a line of `len` bytes and its line end.
    pub(super) fn consume(&mut self, len: usize) {
        self.received.copy_within(len + 1..self.len, 0);
        self.len -= len + 1;
    }

    /// Sends a whole answer, or gives the client up: one that leaves more answers unread than its socket holds would
    /// otherwise stop the probe for the others.
    pub(super) fn send(&self, line: &[u8]) -> Connection {
        let sent = rustix::net::send(
            &self.connection,
            line,
            SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
        );
        if sent == Ok(line.len()) {
            Connection::Open
        } else {
            Connection::Closed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    /// What a client that sends `pieces` is understood to have sent.
    fn heard(pieces: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
        let (mut sender, receiver) = UnixStream::pair().expect("a socket pair");
        receiver
            .set_nonblocking(true)
            .expect("a socket can be non-blocking");
        let mut client = Client::new(receiver.into());
        let mut heard = Vec::new();
        for piece in pieces {
            sender.write_all(piece).expect("the socket takes a piece");
            // A piece is longer than one read at most twice over.
            for _ in 0..=piece.len() / REQUEST_BYTES_MAX + 1 {
                assert_eq!(client.receive(), Connection::Open);
                loop {
                    match client.next() {
                        Received::Partial => break,
                        Received::Overlong => heard.push(None),
                        Received::Line { len } => {
                            heard.push(Some(client.line(len).to_vec()));
                            client.consume(len);
                        }
                    }
                }
            }
        }
        heard
    }

    /// The same, said plainly.
    fn expected(stream: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut lines: Vec<&[u8]> = stream.split(|byte| *byte == b'\n').collect();
        let rest = lines.pop().expect("split gives at least one");
        let whole = lines
            .into_iter()
            .map(|line| (line.len() < REQUEST_BYTES_MAX).then(|| line.to_vec()));
        let overlong_rest = (rest.len() >= REQUEST_BYTES_MAX).then_some(None);
        whole.chain(overlong_rest).collect()
    }

    proptest! {
        #[test]
        fn lines_are_the_same_under_any_chunking(
            lines in prop::collection::vec(prop::collection::vec(b'a'..=b'z', 0..1300), 0..6),
            cuts in prop::collection::vec(1usize..700, 1..12),
        ) {
            let stream: Vec<u8> = lines.join(&b'\n');
            let mut rest = stream.as_slice();
            let mut pieces = Vec::new();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, later) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece.to_vec());
                rest = later;
            }
            prop_assert_eq!(heard(&pieces), expected(&stream));
        }
    }
}
