//! Where HTTP is listened for: which addresses there may be.

use std::fmt;
use std::net::{AddrParseError, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// A place that only this machine can reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A loopback address; port 0 lets the system choose one.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// Why a text is no such place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("{0} is not a loopback address, and others could reach it; {ALLOWED}")]
    NotLoopback(SocketAddr),
    #[error("{text:?} is no address with a port; {ALLOWED}")]
    NotAnAddress {
        text: String,
        source: AddrParseError,
    },
    #[error("a Unix socket without a path; {ALLOWED}")]
    NoPath,
}

const ALLOWED: &str = "allowed is 127.0.0.1:PORT, [::1]:PORT or unix:PATH";

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err(AddressError::NoPath),
                path => Ok(Self::Unix(path.into())),
            };
        }
        let address: SocketAddr = text.parse().map_err(|source| AddressError::NotAnAddress {
            text: text.to_owned(),
            source,
        })?;
        if !address.ip().is_loopback() {
            return Err(AddressError::NotLoopback(address));
        }
        Ok(Self::Tcp(address))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_machine_alone_reaches_is_an_address() {
        for text in [
            "127.0.0.1:0",
            "127.9.9.9:80",
            "[::1]:8080",
            "unix:/run/h.sock",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in [
            "0.0.0.0:80",
            "192.168.0.1:80",
            "[::]:80",
            "[2001:db8::1]:80",
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains("not a loopback address"), "{error}");
        }
        for text in [
            "",
            "80",
            "localhost:80",
            "127.0.0.1",
            "::1:80",
            "unix:",
            "/run/h.sock",
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains("allowed is 127.0.0.1:PORT"), "{error}");
        }
    }
}
