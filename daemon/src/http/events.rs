//! One client's stream of events: what comes of the feed, until the client, its time or the daemon ends.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use leakgate_probe::Held;

use super::feed::Place;
use crate::gauges::HTTP_STREAMS;
use crate::server::Daemon;
use crate::wake;

/// How long one stream lasts at most. Browsers and libraries come back by themselves, with the number of the last event; a client
/// that has vanished without a word is gone with it.
const TIME_MAX: Duration = Duration::from_secs(3600);

/// A stream. Dropping it ends it.
pub(super) struct EventStream {
    daemon: Arc<Daemon>,
    until: Instant,
    next: Next,
    _counted: Held,
}

/// What comes next, and the place after it.
type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Place)>> + Send>>;

impl EventStream {
    /// Begins after the event that a client says it has seen.
    pub(super) fn new(daemon: &Arc<Daemon>, seen: Option<&str>) -> Self {
        let (place, first) = daemon.http().feed().begin(seen);
        Self {
            daemon: Arc::clone(daemon),
            until: Instant::now() + TIME_MAX,
            next: Box::pin(std::future::ready(Some((first, place)))),
            _counted: HTTP_STREAMS.hold(1),
        }
    }

    /// The next piece; nothing at the end.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some((piece, place)) = ready!(self.next.as_mut().poll(context)) else {
            self.next = Box::pin(std::future::ready(None));
            return Poll::Ready(None);
        };
        self.next = Box::pin(after(Arc::clone(&self.daemon), place, self.until));
        Poll::Ready(Some(piece))
    }
}

/// Waits for what comes after a place.
async fn after(daemon: Arc<Daemon>, mut place: Place, until: Instant) -> Option<(Bytes, Place)> {
    let feed = daemon.http().feed();
    loop {
        let more = feed.more();
        if let Some(piece) = feed.read(&mut place) {
            return Some((piece, place));
        }
        tokio::select! {
            biased;
            () = daemon.stopped() => return None,
            () = more => {}
            () = wake::at(Some(until)) => return None,
        }
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventStream")
    }
}
