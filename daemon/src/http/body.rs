//! The bodies of requests: bounded in bytes, each and together, and in time.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Body;
use leakgate_probe::Held;
use serde::de::DeserializeOwned;
use sessiond_protocol::{ErrorCode, Failure};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::respond::Refusal;
use crate::gauges::HTTP_BODY_BYTES;

/// Bytes of all bodies at a time, unless one may be larger than that.
const BYTES_TOGETHER: usize = 16 << 20;

/// How slowly a body may come.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// How long nothing need come of it.
    grace: Duration,
    /// The least that must have come after that, in bytes per second.
    least_rate: u32,
    /// How long it may take in all.
    time_max: Duration,
}

/// What a bad telephone line carries; who sends less holds a connection for its own sake.
const PACE: Pace = Pace {
    grace: Duration::from_secs(10),
    least_rate: 16 << 10,
    time_max: Duration::from_secs(120),
};

/// A body of more than so many times the limit is no mistake to be skipped over: it ends the connection.
const FATAL_FACTOR: u64 = 16;

/// What all bodies may take.
#[derive(Debug)]
pub(super) struct Bodies {
    bytes_each: usize,
    left: Arc<Semaphore>,
    pace: Pace,
}

/// A body, whose bytes are counted as long as this is kept.
#[derive(Debug)]
pub(super) struct Received {
    bytes: Vec<u8>,
    charge: Charge,
}

/// Its share of what all may take.
#[derive(Debug)]
pub(super) struct Charge {
    permit: Option<OwnedSemaphorePermit>,
    held: Option<Held>,
}

impl Bodies {
    pub(super) fn new(bytes_each: usize) -> Self {
        Self {
            bytes_each,
            left: Arc::new(Semaphore::new(BYTES_TOGETHER.max(bytes_each))),
            pace: PACE,
        }
    }

    /// Reads a body to its end. One that is too large is read over, so that the answer is heard.
    pub(super) async fn read<B>(&self, mut body: Pin<&mut B>) -> Result<Received, Refusal>
    where
        B: Body<Data = Bytes>,
    {
        let skipped_max = self.bytes_each as u64 * FATAL_FACTOR;
        if body.size_hint().lower() > skipped_max {
            return Err(self.too_large().last());
        }
        let begun = Instant::now();
        let mut seen = 0;
        let mut outcome = Ok(Received::default());
        loop {
            let next = poll_fn(|context| body.as_mut().poll_frame(context));
            let frame = match timeout_at(begun + self.pace.earned(seen), next).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => return outcome,
                Ok(Some(Err(_))) => {
                    return Err(refuse(ErrorCode::BadRequest, "the body is cut off").last());
                }
                Err(_) => {
                    let message = "the body does not come, or too slowly";
                    return Err(refuse(ErrorCode::Timeout, message).last());
                }
            };
            let Ok(data) = frame.into_data() else {
                continue; // trailers, which say nothing here
            };
            seen += data.len() as u64;
            if seen > skipped_max {
                return Err(self.too_large().last());
            }
            if let Ok(received) = &mut outcome
                && let Err(refusal) = self.add(received, &data)
            {
                outcome = Err(refusal);
            }
        }
    }

    /// Bytes that bodies may still take.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn left(&self) -> usize {
        self.left.available_permits()
    }

    fn add(&self, received: &mut Received, data: &[u8]) -> Result<(), Refusal> {
        if received.bytes.len() + data.len() > self.bytes_each {
            return Err(self.too_large());
        }
        // A frame is what was read at once, far below 4 GiB.
        let permits = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let Ok(permit) = Arc::clone(&self.left).try_acquire_many_owned(permits) else {
            let message = format!("all bodies together have more than {BYTES_TOGETHER} bytes");
            return Err(refuse(ErrorCode::Busy, &message));
        };
        received.bytes.extend_from_slice(data);
        received.charge.grow(permit, received.bytes.len());
        Ok(())
    }

    fn too_large(&self) -> Refusal {
        let message = format!("the body has more than {} bytes", self.bytes_each);
        refuse(ErrorCode::TooLarge, &message)
    }
}

impl Default for Received {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            charge: Charge {
                permit: None,
                held: None,
            },
        }
    }
}

impl Received {
    /// What it says, in JSON, and what it is charged for as long as that is kept.
    pub(super) fn parse<T: DeserializeOwned>(self) -> Result<(T, Charge), Failure> {
        let value = serde_json::from_slice(&self.bytes)
            .map_err(|error| Failure::new(ErrorCode::BadRequest, format!("the body: {error}")))?;
        Ok((value, self.charge))
    }
}

impl Charge {
    fn grow(&mut self, permit: OwnedSemaphorePermit, bytes: usize) {
        drop(self.held.take());
        self.held = Some(HTTP_BODY_BYTES.hold(bytes));
        match &mut self.permit {
            Some(all) => all.merge(permit),
            None => self.permit = Some(permit),
        }
    }
}

impl Pace {
    /// How long the rest may take to begin when so many bytes have come, counted from the beginning.
    fn earned(self, seen: u64) -> Duration {
        let earned = Duration::from_secs(seen) / self.least_rate;
        (self.grace + earned).min(self.time_max)
    }
}

fn refuse(code: ErrorCode, message: &str) -> Refusal {
    Failure::new(code, message).into()
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::pin;
    use std::task::{Context, Poll};

    use hyper::body::Frame;

    use super::*;
    use crate::http::respond::Next;

    /// A body of so many pieces, after which it ends or nothing comes any more.
    struct Pieces {
        left: VecDeque<&'static [u8]>,
        then: Poll<()>,
    }

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.left.pop_front() {
                Some(piece) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece))))),
                None => self.then.map(|()| None),
            }
        }
    }

    const KIB: &[u8] = &[b'x'; 1024];

    async fn read(bodies: &Bodies, pieces: usize, then: Poll<()>) -> Result<usize, (u16, Next)> {
        let left = vec![KIB; pieces].into();
        let received = bodies.read(pin!(Pieces { left, then })).await;
        received
            .map(|received| received.bytes.len())
            .map_err(|refusal| (refusal.status().as_u16(), refusal.next))
    }

    #[tokio::test]
    async fn a_body_above_the_limit_is_read_over_and_one_far_above_it_is_not() {
        let bodies = Bodies::new(4096);
        let end = Poll::Ready(());
        assert_eq!(read(&bodies, 0, end).await, Ok(0));
        assert_eq!(read(&bodies, 4, end).await, Ok(4096));
        assert_eq!(read(&bodies, 5, end).await, Err((413, Next::Request)));
        assert_eq!(read(&bodies, 64, end).await, Err((413, Next::Request)));
        assert_eq!(read(&bodies, 65, end).await, Err((413, Next::Close)));
        assert_eq!(bodies.left(), BYTES_TOGETHER);
    }

    #[tokio::test]
    async fn a_body_that_stops_coming_is_given_up() {
        let bodies = Bodies {
            pace: Pace {
                grace: Duration::from_millis(20),
                ..PACE
            },
            ..Bodies::new(4096)
        };
        for pieces in [0, 3, 5] {
            assert_eq!(
                read(&bodies, pieces, Poll::Pending).await,
                Err((504, Next::Close))
            );
        }
        assert_eq!(bodies.left(), BYTES_TOGETHER);
    }

    #[tokio::test]
    async fn all_bodies_together_are_bounded() {
        let bodies = Bodies::new(BYTES_TOGETHER);
        let others = u32::try_from(BYTES_TOGETHER - 2048).unwrap();
        let others = Arc::clone(&bodies.left)
            .try_acquire_many_owned(others)
            .unwrap();
        let end = Poll::Ready(());
        assert_eq!(read(&bodies, 2, end).await, Ok(2048));
        assert_eq!(read(&bodies, 3, end).await, Err((429, Next::Request)));
        drop(others);
        assert_eq!(read(&bodies, 3, end).await, Ok(3072));
    }

    #[test]
    fn what_has_come_earns_time_for_the_rest() {
        let seconds = |seen| PACE.earned(seen).as_secs();
        assert_eq!(
            (seconds(0), seconds(16 << 10), seconds(1 << 20)),
            (10, 11, 74)
        );
        assert_eq!((seconds(1 << 24), seconds(u64::MAX)), (120, 120));
    }
}
