//! The listening socket, and who is let in.

use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::sync::Arc;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;

use super::address::Address;
use super::connection;
use super::rules::Door;
use super::stream::{Socket, Stream};
use crate::server::{self, Accepted, Daemon, Listen, SocketError, accept, is_ours};

/// Connections at a time. Each may hold a body and an answer, and a webhook's lasts as long as its agent works: a chat with so many
/// rooms that talk at once has an operator. Their descriptors are those of other clients.
pub(super) const CONNECTIONS_MAX: usize = 256;

/// What is said to one connection too many.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: 77\r\n\
connection: close\r\n\r\n{\"error\":{\"code\":\"limit\",\"message\":\"too many connections are open already\"}}\n";

/// A socket that is listened on. Dropping it closes it, and removes it where it is a file.
#[derive(Debug)]
pub(crate) enum Listening {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        _claimed: server::Socket,
    },
}

/// Why nothing can be listened on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    #[error("cannot listen on {address}")]
    Tcp {
        address: SocketAddr,
        source: io::Error,
    },
    #[error(transparent)]
    Unix(#[from] SocketError),
    #[error("cannot listen on {address}")]
    Wait { address: Address, source: io::Error },
}

impl Listening {
    /// Listens; returns the address with the port that the system has chosen, where it was to.
    pub(super) fn open(address: &Address) -> Result<(Self, Address), ListenError> {
        let waits = |source| ListenError::Wait {
            address: address.clone(),
            source,
        };
        match address {
            Address::Tcp(wanted) => {
                let open = || {
                    let listener = StdTcpListener::bind(wanted)?;
                    listener.set_nonblocking(true)?;
                    let address = listener.local_addr()?;
                    Ok((
                        Self::Tcp(TcpListener::from_std(listener)?),
                        Address::Tcp(address),
                    ))
                };
                open().map_err(|source| ListenError::Tcp {
                    address: *wanted,
                    source,
                })
            }
            Address::Unix(path) => {
                let claimed = server::Socket::claim(path.clone())?;
                let listener = UnixListener::from_std(claimed.listener()?).map_err(waits)?;
                let listening = Self::Unix {
                    listener,
                    _claimed: claimed,
                };
                Ok((listening, address.clone()))
            }
        }
    }

    const fn door(&self) -> Door {
        match self {
            Self::Tcp(_) => Door::Tcp,
            Self::Unix { .. } => Door::Unix,
        }
    }
}

impl Listen for Listening {
    type Stream = Socket;

    async fn next(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => Ok(listener.accept().await?.0.into()),
            Self::Unix { listener, .. } => Ok(listener.accept().await?.0.into()),
        }
    }

    fn is_let_in(stream: &Socket) -> bool {
        match stream {
            Socket::Tcp(_) => true, // who it is, the token says
            Socket::Unix(stream) => is_ours(stream),
        }
    }
}

/// Takes connections until the last session is gone and the daemon ends.
pub(crate) async fn listen(daemon: Arc<Daemon>, listening: Listening, shares: Arc<Semaphore>) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut last = 0;
    loop {
        let accepted = tokio::select! {
            biased;
            () = daemon.stopped() => return,
            accepted = accept(&listening, &shares) => accepted,
        };
        let Accepted {
            stream,
            share,
            opening,
        } = accepted;
        let (Some(share), Ok(seat)) = (share, Arc::clone(&seats).try_acquire_owned()) else {
            tracing::warn!("a connection more was turned away from HTTP");
            // A socket that nothing was written to takes this at once.
            let _ = stream.try_write(FULL);
            continue;
        };
        last += 1;
        let (daemon, door) = (Arc::clone(&daemon), listening.door());
        let body = connection::run(Arc::clone(&daemon), Stream::new(stream), door, opening);
        daemon.tasks().spawn("http connection", last, async move {
            body.await;
            drop((share, seat));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_to_one_too_many_is_http() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len())),
            "{}",
            body.len()
        );
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }
}
