//! Byte streams to a target: Unix sockets, loopback TCP, its standard input and output.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::config::Endpoint;
use crate::template::{Values, expand};

/// What a connection is made of.
pub(super) trait Io: AsyncRead + AsyncWrite + Debug + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Debug + Send + Unpin> Io for T {}

/// One connection.
pub(super) type Stream = Box<dyn Io>;

/// Where a target listens.
#[derive(Debug)]
pub(super) enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// A loopback address.
    Tcp(SocketAddr),
}

impl Address {
    /// The address of an instance.
    pub(super) fn of(endpoint: &Endpoint, values: &Values) -> io::Result<Self> {
        match endpoint {
            Endpoint::Unix(path) => Ok(Address::Unix(expand(path, values).into())),
            Endpoint::Tcp(address) => {
                let address = expand(address, values);
                let parsed = address.parse().map_err(|_| {
                    let text = format!("`{address}` is not an address and a port");
                    io::Error::new(io::ErrorKind::InvalidInput, text)
                });
                parsed.map(Address::Tcp)
            }
        }
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> io::Result<Stream> {
        match self {
            Address::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                // Small messages go out at once: a cycle is no place to wait for an acknowledgement.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "{}", path.display()),
            Address::Tcp(address) => write!(f, "{address}"),
        }
    }
}
