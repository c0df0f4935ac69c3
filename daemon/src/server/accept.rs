//! The one way in which connections are taken: from this user only, and each with its share of the open files.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use leakgate_probe::BusyGuard;
use rustix::process::geteuid;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::gauges::BUSY;

/// How long accepting pauses when the daemon has no descriptor left: until others have had time to close theirs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Turns of the event loop in which a connection ends whose client had left before another one came: one to learn of it, one to
/// stop reading, one to stop writing, and one because turns do not begin together.
const TURNS_TO_END: usize = 4;

/// What connections come in through.
pub(crate) trait Listen {
    type Stream;

    /// The next connection, whoever it is of.
    fn next(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Whether whoever it is of may connect here.
    fn is_let_in(stream: &Self::Stream) -> bool;
}

/// A connection that was let in.
#[derive(Debug)]
pub(crate) struct Accepted<S> {
    pub(crate) stream: S,
    /// Its share of the open files, to be kept as long as the stream; none when all are given away. Then it is to be told
    /// so and closed at once.
    pub(crate) share: Option<OwnedSemaphorePermit>,
    /// The daemon is busy with it until its task has begun.
    pub(crate) opening: BusyGuard,
}

impl Listen for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<UnixStream> {
        Ok(self.accept().await?.0)
    }

    fn is_let_in(stream: &UnixStream) -> bool {
        is_ours(stream)
    }
}

/// Whether this user is at the other end.
pub(crate) fn is_ours(stream: &UnixStream) -> bool {
    let peer = stream.peer_cred();
    peer.is_ok_and(|peer| peer.uid() == geteuid().as_raw())
}

/// The next connection. A call that is dropped may have closed one.
pub(crate) async fn accept<L: Listen>(
    listener: &L,
    shares: &Arc<Semaphore>,
) -> Accepted<L::Stream> {
    loop {
        let stream = match listener.next().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "no connection was accepted");
                let _ = timeout(ACCEPT_PAUSE, pending::<()>()).await;
                continue;
            }
        };
        let opening = BUSY.enter();
        if !L::is_let_in(&stream) {
            tracing::warn!("a connection of another user was closed");
            continue;
        }
        return Accepted {
            stream,
            share: share(shares).await,
            opening,
        };
    }
}

/// A share, if there is one when all that clients have given back has come back.
async fn share(shares: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    for _ in 0..TURNS_TO_END {
        if shares.available_permits() > 0 {
            break;
        }
        yield_now().await;
    }
    Arc::clone(shares).try_acquire_owned().ok()
}
