//! The one way in which connections are taken: from this user only, and each with its share of the open files.

use std::future::pending;
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

/// A connection of this user.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: UnixStream,
    /// Its share of the open files, to be kept as long as the stream; none when all are given away. Then it is to be told
    /// so and closed at once.
    pub(crate) share: Option<OwnedSemaphorePermit>,
    /// The daemon is busy with it until its task has begun.
    pub(crate) opening: BusyGuard,
}

/// The next connection. A call that is dropped may have closed one.
pub(crate) async fn accept(listener: &UnixListener, shares: &Arc<Semaphore>) -> Accepted {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "no connection was accepted");
                let _ = timeout(ACCEPT_PAUSE, pending::<()>()).await;
                continue;
            }
        };
        let opening = BUSY.enter();
        if !stream
            .peer_cred()
            .is_ok_and(|peer| peer.uid() == geteuid().as_raw())
        {
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
