//! A shared server's socket, and its connections.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use sessiond_protocol::{ErrorCode, Failure};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::client::{self, Seat};
use super::exchange::CODE_LIMIT;
use super::message::error_answer;
use super::server::{CLIENTS_MAX, Server};
use crate::causes::with_causes;
use crate::paths;
use crate::server::{Accepted, Daemon, PATH_BYTES_MAX, accept, bind_privately};
use crate::tasks::unless_it_panics;

/// A listening socket that only this user can reach. Dropping it removes it, and its directory with the last one in it.
#[derive(Debug)]
pub(super) struct PrivateListener {
    path: PathBuf,
    listener: UnixListener,
}

impl PrivateListener {
    /// Listens at `path`. What is left there of another daemon is replaced: this one holds the lock of its own socket,
    /// beside which this is.
    pub(super) fn bind(path: &Path) -> Result<Self, Failure> {
        let bytes = path.as_os_str().len();
        if bytes > PATH_BYTES_MAX {
            let message = format!(
                "{} has {bytes} bytes, more than the {PATH_BYTES_MAX} of a socket's path; a shorter name, or a daemon with a \
                 shorter path, helps",
                path.display()
            );
            return Err(Failure::new(ErrorCode::BadRequest, message));
        }
        let storage = |error: &dyn std::error::Error| {
            Failure::new(
                ErrorCode::Storage,
                format!("no socket: {}", with_causes(error)),
            )
        };
        paths::directory_of(path).map_err(|error| storage(&error))?;
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(storage(&error)),
            _ => {}
        }
        let bound = bind_privately(path).and_then(|listener| {
            listener.set_nonblocking(true)?;
            UnixListener::from_std(listener)
        });
        Ok(Self {
            path: path.to_owned(),
            listener: bound.map_err(|error| storage(&error))?,
        })
    }
}

impl Drop for PrivateListener {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the socket was not removed");
        }
        if let Some(directory) = self.path.parent() {
            let _ = fs::remove_dir(directory); // refused while others are in there
        }
    }
}

/// Takes connections until the server is stopped.
pub(super) async fn listen(
    daemon: Arc<Daemon>,
    server: Arc<Server>,
    socket: PrivateListener,
    descriptors: Arc<Semaphore>,
) {
    // The server has not ended before its socket is gone.
    let _listening = server.connections.token();
    loop {
        let accepted = tokio::select! {
            biased;
            () = server.stop.cancelled() => return,
            accepted = accept(&socket.listener, &descriptors) => accepted,
        };
        let Accepted {
            stream,
            share,
            opening: _opening,
        } = accepted;
        let Some(share) = share else {
            let why = "the limit of open files carries no more clients (ulimit -Hn)";
            refuse(&server, &stream, why);
            continue;
        };
        let Some((peer, client)) = server.join() else {
            let why = format!("{CLIENTS_MAX} clients are connected to this server");
            refuse(&server, &stream, &why);
            continue;
        };
        let seat = Seat {
            server: Arc::clone(&server),
            peer,
        };
        let token = server.connections.token();
        daemon.tasks().spawn("mcp client", peer.0, async move {
            let own = Arc::clone(&seat.server);
            let served = pin!(client::serve(&own, peer, &client, &stream));
            unless_it_panics(served).await;
            drop((seat, share, token));
        });
    }
}

/// Says why this is one client too many.
fn refuse(server: &Server, stream: &UnixStream, why: &str) {
    tracing::warn!(server = %server.name, "a client was turned away: {why}");
    let line = error_answer(None, CODE_LIMIT, why) + "\n";
    // A socket that nothing was written to takes a line at once.
    let _ = stream.try_write(line.as_bytes());
}
