//! One client's connection to a shared server.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::exchange::Peer;
use super::lines::Splitter;
use super::queue::Queue;
use super::scratch::{SCRATCH_BYTES, with_scratch};
use super::server::Server;
use crate::gauges::BUSY;

/// How long the last answers may take to be read by a client whose connection ends.
const FLUSH_MAX: Duration = Duration::from_secs(1);

/// What the server's side knows of a connection.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) queue: Queue,
    /// It is to be cut off: it has not read what it was waiting for.
    pub(super) cut: CancellationToken,
    /// When it last said or heard something.
    active: Mutex<Instant>,
}

impl Client {
    pub(super) fn new() -> Self {
        Self {
            queue: Queue::new(),
            cut: CancellationToken::new(),
            active: Mutex::new(Instant::now()),
        }
    }

    fn is_active(&self) {
        *self.active.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last_active(&self) -> Instant {
        *self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves a connection until its client goes, is cut off or idle, or the server ends. An idle connection holds no buffer.
pub(super) async fn serve(server: &Server, peer: Peer, client: &Client, stream: &UnixStream) {
    tokio::select! {
        biased;
        () = client.cut.cancelled() => {
            tracing::warn!(server = %server.name, client = peer.0, "a client that does not read its answers was cut off");
        }
        () = write(stream, client) => {}
        () = async {
            tokio::select! {
                () = read(server, peer, client, stream) => {}
                () = server.closing() => {}
                () = idle(server, peer, client) => {
                    let after = server.settings.idle;
                    tracing::info!(server = %server.name, client = peer.0, ?after, "an idle client was disconnected");
                }
            }
            client.queue.close();
            // The writer ends when all is written; it gets no more time than this.
            let _ = timeout(FLUSH_MAX, std::future::pending::<()>()).await;
        } => {}
    }
}

/// Takes lines until the client closes. While the server's queue is full, or its process not there yet, nothing is read.
async fn read(server: &Server, peer: Peer, client: &Client, stream: &UnixStream) {
    let mut splitter = Splitter::new(server.settings.line_bytes);
    loop {
        if stream.readable().await.is_err() {
            return;
        }
        // One after the other, in the order in which they came.
        let Ok(_turn) = server.turn(splitter.held() + SCRATCH_BYTES).await else {
            return;
        };
        let _busy = BUSY.enter();
        let read = with_scratch(|scratch| {
            let read = stream.try_read(scratch)?;
            server.hear_client(peer, &mut splitter, &scratch[..read]);
            Ok(read)
        });
        match read {
            Ok(0) => return,
            Ok(_) => client.is_active(),
            Err(error) if would_block(&error) => {}
            Err(_) => return,
        }
    }
}

async fn write(stream: &UnixStream, client: &Client) {
    while client.queue.has_some().await {
        match client.queue.write(|bytes| stream.try_write(bytes)) {
            Ok(()) => client.is_active(),
            Err(error) if would_block(&error) => {
                if stream.writable().await.is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

/// Resolves when the client has said and heard nothing for too long, and waits for nothing.
async fn idle(server: &Server, peer: Peer, client: &Client) {
    let mut due = client.last_active() + server.settings.idle;
    loop {
        sleep_until(due).await;
        let now = Instant::now();
        due = client.last_active() + server.settings.idle;
        if due <= now {
            if !server.is_waiting(peer) {
                return;
            }
            due = now + server.settings.idle;
        }
    }
}

pub(super) fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// A client's place: given up whatever becomes of its connection.
pub(super) struct Seat {
    pub(super) server: Arc<Server>,
    pub(super) peer: Peer,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _busy = BUSY.enter();
        self.server.leave(self.peer);
    }
}
