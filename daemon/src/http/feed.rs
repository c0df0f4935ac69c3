//! What has happened lately, for everybody who listens: one ring of encoded events, of constant size, and a place in it for each.
//!
//! Nobody has a queue: who reads too slowly finds that the events after its place are gone, and is told to look anew.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use sessiond_protocol::{ExitStatus, SessionId, SessionName, StatusChange};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::core::{Event, Plane};

/// Bytes of events that are kept: some minutes of a busy daemon, for a client that comes back.
const RING_BYTES: usize = 64 << 10;

/// Events that are kept; the smallest has about this part of the bytes.
const RING_EVENTS: usize = 1024;

/// Bytes that one reading takes out at most, unless a single event has more.
const PIECE_BYTES: usize = 16 << 10;

/// The ring, where HTTP is on. It is allocated once.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    ring: Option<Mutex<Ring>>,
    more: Notify,
}

struct Ring {
    /// Tells this daemon's events from those of the one before it.
    run: u64,
    /// As they are sent, one after the other.
    text: VecDeque<u8>,
    /// Of each.
    lengths: VecDeque<usize>,
    /// The number of the newest; the first one is 1.
    last: u64,
}

/// A place in the ring: after the event of this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u64);

/// Something that has happened.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum News<'a> {
    /// A session's process runs.
    Started {
        session: SessionId,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a SessionName>,
        pid: u32,
    },
    /// A session's process has ended; another may follow.
    Ended {
        session: SessionId,
        status: ExitStatus,
    },
    /// A session has ended for good.
    Gone { session: SessionId },
    /// An agent's status.
    Status(&'a StatusChange),
}

impl<'a> News<'a> {
    /// What of an event is news.
    pub(crate) fn of<P: Plane>(event: &Event<P>) -> Option<Self> {
        match event {
            Event::Started { session, pid, .. } => Some(Self::Started {
                session: *session,
                name: None,
                pid: *pid,
            }),
            Event::Ended { session, end, .. } => Some(Self::Ended {
                session: *session,
                status: end.status,
            }),
            _ => None,
        }
    }

    /// Which session it is about.
    pub(crate) const fn session(&self) -> SessionId {
        match self {
            Self::Started { session, .. }
            | Self::Ended { session, .. }
            | Self::Gone { session } => *session,
            Self::Status(change) => change.session,
        }
    }

    /// The same, with the session's name where that is to be told.
    pub(crate) fn named(self, session_name: Option<&'a SessionName>) -> Self {
        match self {
            Self::Started { session, pid, .. } => Self::Started {
                session,
                name: session_name,
                pid,
            },
            other => other,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "session_started",
            Self::Ended { .. } => "session_ended",
            Self::Gone { .. } => "session_gone",
            Self::Status(_) => "status",
        }
    }
}

impl Feed {
    /// A feed that keeps events; the default one does not. `run` is a number that no other daemon of this user has had.
    pub(super) fn new(run: u64) -> Self {
        Self {
            ring: Some(Mutex::new(Ring {
                run,
                text: VecDeque::with_capacity(RING_BYTES),
                lengths: VecDeque::with_capacity(RING_EVENTS),
                last: 0,
            })),
            more: Notify::new(),
        }
    }

    fn ring(&self) -> Option<MutexGuard<'_, Ring>> {
        // No code that holds this lock can panic half-way through a change.
        let ring = self.ring.as_ref()?;
        Some(ring.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells everybody. Costs nothing where HTTP is off.
    pub(crate) fn tell(&self, news: &News<'_>) {
        let Some(mut ring) = self.ring() else { return };
        ring.add(news);
        drop(ring);
        self.more.notify_waiters();
    }

    /// Resolves when there is more than there was when this was called.
    pub(super) fn more(&self) -> Notified<'_> {
        self.more.notified()
    }

    /// The place to begin at, and what is to be sent first: after the event that a client has seen last, or at the end.
    pub(super) fn begin(&self, seen: Option<&str>) -> (Place, Bytes) {
        let Some(ring) = self.ring() else {
            return (Place(0), Bytes::new());
        };
        let run = ring.run;
        let own = seen.map(|seen| {
            let (seen_run, number) = seen.split_once('-')?;
            let number: u64 = number.parse().ok()?;
            (seen_run.parse() == Ok(run) && number <= ring.last).then_some(number)
        });
        match own {
            Some(Some(number)) => (Place(number), ring.special("ready", number, "{}")),
            // Of an earlier daemon, or nothing that was ever said here: nobody knows how much was missed.
            Some(None) => (Place(ring.last), ring.special("resync", ring.last, "{}")),
            None => (Place(ring.last), ring.special("ready", ring.last, "{}")),
        }
    }

    /// What has come after a place, or word that it is gone; moves the place on.
    pub(super) fn read(&self, place: &mut Place) -> Option<Bytes> {
        self.ring()?.read(place)
    }
}

impl Ring {
    fn add(&mut self, news: &News<'_>) {
        self.last += 1;
        let data = serde_json::to_string(news).expect("news has string keys only");
        let event = self.special(news.name(), self.last, &data);
        if event.len() > RING_BYTES {
            // A hole: everybody is told to look anew.
            self.text.clear();
            self.lengths.clear();
            return;
        }
        while self.text.len() + event.len() > RING_BYTES || self.lengths.len() >= RING_EVENTS {
            let Some(oldest) = self.lengths.pop_front() else {
                break;
            };
            self.text.drain(..oldest);
        }
        self.lengths.push_back(event.len());
        self.text.extend(event);
    }

    /// An event as it is sent.
    fn special(&self, name: &str, number: u64, data: &str) -> Bytes {
        let run = self.run;
        format!("id: {run}-{number}\nevent: {name}\ndata: {data}\n\n").into()
    }

    fn read(&self, place: &mut Place) -> Option<Bytes> {
        let oldest = self.last - self.lengths.len() as u64 + 1;
        if place.0 + 1 < oldest {
            let missed = oldest - 1 - place.0;
            *place = Place(oldest - 1);
            return Some(self.special("resync", place.0, &format!(r#"{{"missed":{missed}}}"#)));
        }
        let skipped = usize::try_from(place.0 + 1 - oldest).unwrap_or(usize::MAX);
        let from: usize = self.lengths.iter().take(skipped).sum();
        let mut length = 0;
        for event in self.lengths.iter().skip(skipped) {
            if length > 0 && length + event > PIECE_BYTES {
                break;
            }
            length += event;
            place.0 += 1;
        }
        if length == 0 {
            return None;
        }
        let piece: Vec<u8> = self.text.range(from..from + length).copied().collect();
        Some(piece.into())
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gone(session: u64) -> News<'static> {
        News::Gone {
            session: SessionId(session),
        }
    }

    fn text(bytes: Option<Bytes>) -> String {
        String::from_utf8(bytes.unwrap().to_vec()).unwrap()
    }

    #[test]
    fn who_reads_in_time_reads_everything_once() {
        let feed = Feed::new(7);
        feed.tell(&gone(1));
        let (mut place, first) = feed.begin(None);
        assert_eq!(text(Some(first)), "id: 7-1\nevent: ready\ndata: {}\n\n");
        assert_eq!(feed.read(&mut place), None);
        feed.tell(&gone(2));
        feed.tell(&gone(3));
        assert_eq!(
            text(feed.read(&mut place)),
            "id: 7-2\nevent: session_gone\ndata: {\"session\":2}\n\nid: 7-3\nevent: session_gone\ndata: {\"session\":3}\n\n"
        );
        assert_eq!(feed.read(&mut place), None);
    }

    #[test]
    fn who_comes_back_goes_on_after_what_it_has_seen_or_is_told_to_look_anew() {
        let feed = Feed::new(7);
        (1..=9).for_each(|session| feed.tell(&gone(session)));
        let (mut place, first) = feed.begin(Some("7-8"));
        assert!(text(Some(first)).contains("ready"));
        assert!(text(feed.read(&mut place)).starts_with("id: 7-9\n"));
        for foreign in ["6-8", "7-10", "x", "", "7-", "7-8-9"] {
            let (mut place, first) = feed.begin(Some(foreign));
            assert_eq!(
                text(Some(first)),
                "id: 7-9\nevent: resync\ndata: {}\n\n",
                "{foreign}"
            );
            assert_eq!(feed.read(&mut place), None);
        }
    }

    #[test]
    fn who_reads_too_slowly_is_told_how_much_it_missed_and_goes_on() {
        let feed = Feed::new(7);
        let (mut place, _) = feed.begin(None);
        (0..100_000).for_each(|session| feed.tell(&gone(session)));
        let told = text(feed.read(&mut place));
        let missed: u64 = told
            .split(['{', '}', ':'])
            .nth_back(1)
            .unwrap()
            .parse()
            .unwrap();
        assert!(told.contains("event: resync") && missed > 98_000, "{told}");
        let mut events = 0;
        while let Some(piece) = feed.read(&mut place) {
            assert!(piece.len() <= PIECE_BYTES);
            events += text(Some(piece)).matches("event: session_gone").count();
        }
        assert_eq!(events as u64 + missed, 100_000);
    }

    #[test]
    fn a_feed_that_is_off_keeps_nothing() {
        let feed = Feed::default();
        feed.tell(&gone(1));
        let (mut place, first) = feed.begin(Some("0-0"));
        assert!(first.is_empty() && feed.read(&mut place).is_none());
    }

    proptest! {
        #[test]
        fn the_ring_never_grows_and_no_event_is_told_twice(sizes in prop::collection::vec(0..80_000_usize, 0..60)) {
            let feed = Feed::new(1);
            let (mut place, _) = feed.begin(None);
            let capacity = |feed: &Feed| {
                let ring = feed.ring().unwrap();
                (ring.text.capacity(), ring.lengths.capacity())
            };
            let (before, mut told) = (capacity(&feed), 0);
            for size in sizes {
                let change = StatusChange {
                    session: SessionId(1),
                    name: None,
                    profile: "p".parse().unwrap(),
                    from: None,
                    to: None,
                    text: "x".repeat(size),
                    time_unix_ms: 0,
                };
                feed.tell(&News::Status(&change));
                if size % 3 == 0 {
                    while let Some(piece) = feed.read(&mut place) {
                        for id in text(Some(piece)).lines().filter_map(|line| line.strip_prefix("id: 1-")) {
                            let id: u64 = id.parse().unwrap();
                            prop_assert!(id > told || told == 0);
                            told = id;
                        }
                    }
                }
            }
            prop_assert_eq!(capacity(&feed), before);
        }
    }
}
