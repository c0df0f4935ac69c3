//! The events of all transcripts in memory, within a budget of real bytes. Pure.
//!
//! An event is in one place, in a segment with those around it; whoever reads it looks at it there, and copies what goes into an
//! answer. What the segments take is what the allocator gives them, not what the texts add up to. When a transcript has more than
//! its own budget, its oldest segments go; when all have more than theirs, the one that was used least recently goes as a whole.
//! Both can be read again from the file.

use std::collections::{BTreeMap, VecDeque};

use leakgate_probe::Held;
use sessiond_protocol::{Evicted, TranscriptId};

use super::block::{list, tree_entry};
use super::format::Said;
use super::segment::{Kept, Segment};
use crate::gauges::TRANSCRIPT_BYTES;

/// What the budget is, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Of everything about transcripts.
    pub(crate) total: usize,
    /// Of the events of one.
    pub(crate) transcript: usize,
}

/// Why a transcript's events are not kept any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Unwatched,
    Replaced,
    Gone,
}

/// The owner of all events.
#[derive(Debug)]
pub(crate) struct Store {
    budget: Budget,
    shelves: BTreeMap<TranscriptId, Shelf>,
    /// Of all shelves.
    bytes: usize,
    events: u64,
    /// What is known of transcripts beside their events, which is not evicted.
    other_bytes: usize,
    /// Counts uses: the shelf with the lowest was used least recently.
    uses: u64,
    segments: u64,
    evicted: Evicted,
    accounted: Held,
}

/// The events of one transcript.
#[derive(Debug, Default)]
struct Shelf {
    segments: VecDeque<Segment>,
    events: u64,
    bytes: usize,
    used: u64,
}

impl Shelf {
    fn heap_bytes(&self) -> usize {
        let segments = self.segments.iter().map(Segment::heap_bytes);
        self.table_bytes() + segments.sum::<usize>()
    }

    fn table_bytes(&self) -> usize {
        list::<Segment>(self.segments.capacity()) + tree_entry::<TranscriptId, Self>()
    }
}

impl Store {
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            budget,
            shelves: BTreeMap::new(),
            bytes: 0,
            events: 0,
            other_bytes: 0,
            uses: 0,
            segments: 0,
            evicted: Evicted::default(),
            accounted: TRANSCRIPT_BYTES.hold(0),
        }
    }

    pub(crate) const fn budget(&self) -> Budget {
        self.budget
    }

    pub(crate) const fn evicted(&self) -> Evicted {
        self.evicted
    }

    /// Events of all transcripts.
    pub(crate) const fn events(&self) -> u64 {
        self.events
    }

    /// Bytes of everything about transcripts.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes + self.other_bytes
    }

    /// Events that are held of a transcript, and their bytes.
    pub(crate) fn held(&self, transcript: TranscriptId) -> (u64, usize) {
        let shelf = self.shelves.get(&transcript);
        shelf.map_or((0, 0), |shelf| (shelf.events, shelf.bytes))
    }

    /// Says what is held beside the events from now on.
    pub(crate) fn set_other_bytes(&mut self, bytes: usize) {
        self.other_bytes = bytes;
        self.account();
    }

    fn account(&mut self) {
        self.accounted.resize(self.bytes());
    }

    /// Adds an event whose line begins at `at`, and makes room for it.
    pub(crate) fn append(&mut self, transcript: TranscriptId, at: u64, said: Said<'_>) {
        self.uses += 1;
        let shelf = self.shelves.entry(transcript).or_default();
        shelf.used = self.uses;
        let table = shelf.table_bytes();
        if shelf.segments.back().is_none_or(Segment::is_full) {
            self.segments += 1;
            shelf.segments.push_back(Segment::new(self.segments));
        }
        let mut grown = 0;
        if let Some(segment) = shelf.segments.back_mut() {
            let before = segment.heap_bytes();
            segment.push(at, said);
            if segment.is_full() {
                segment.seal();
            }
            // Less than nothing where it is sealed.
            grown = segment.heap_bytes().wrapping_sub(before);
        }
        if shelf.bytes == 0 {
            grown = grown.wrapping_add(table);
        }
        grown = grown.wrapping_add(shelf.table_bytes().wrapping_sub(table));
        shelf.events += 1;
        shelf.bytes = shelf.bytes.wrapping_add(grown);
        self.events += 1;
        self.bytes = self.bytes.wrapping_add(grown);
        self.make_room(transcript);
        self.account();
    }

    fn make_room(&mut self, current: TranscriptId) {
        while let Some(shelf) = self.shelves.get(&current)
            && shelf.bytes > self.budget.transcript
            && shelf.segments.len() > 1
        {
            self.evicted.transcript_budget += self.drop_oldest(current);
        }
        while self.bytes() > self.budget.total {
            let others = self.shelves.iter().filter(|(id, _)| **id != current);
            let victim = others
                .min_by_key(|(_, shelf)| shelf.used)
                .map(|(id, _)| *id);
            let dropped = match victim {
                Some(victim) => self.take(victim),
                None => self.drop_oldest(current),
            };
            self.evicted.total_budget += dropped;
            if dropped == 0 {
                return; // what is left is not events
            }
        }
    }

    /// Drops a transcript's oldest segment; returns how many events were in it.
    fn drop_oldest(&mut self, transcript: TranscriptId) -> u64 {
        let Some(shelf) = self.shelves.get_mut(&transcript) else {
            return 0;
        };
        if shelf.segments.len() <= 1 {
            return self.take(transcript);
        }
        let Some(oldest) = shelf.segments.pop_front() else {
            return 0;
        };
        let (events, bytes) = (oldest.len() as u64, oldest.heap_bytes());
        shelf.events -= events;
        shelf.bytes -= bytes;
        self.events -= events;
        self.bytes -= bytes;
        events
    }

    /// Drops all events of a transcript; returns how many.
    fn take(&mut self, transcript: TranscriptId) -> u64 {
        let Some(shelf) = self.shelves.remove(&transcript) else {
            return 0;
        };
        debug_assert_eq!(shelf.bytes, shelf.heap_bytes(), "the account is off");
        self.events -= shelf.events;
        self.bytes -= shelf.bytes;
        shelf.events
    }

    /// Drops all events of a transcript for another reason than the budget.
    pub(crate) fn forget(&mut self, transcript: TranscriptId, why: Why) {
        let events = self.take(transcript);
        match why {
            Why::Unwatched => self.evicted.unwatched += events,
            Why::Replaced => self.evicted.replaced += events,
            Why::Gone => self.evicted.gone += events,
        }
        self.account();
    }

    /// Notes that somebody has used a transcript's events.
    pub(crate) fn touch(&mut self, transcript: TranscriptId) {
        if let Some(shelf) = self.shelves.get_mut(&transcript) {
            self.uses += 1;
            shelf.used = self.uses;
        }
    }

    /// The events of a transcript that are held, oldest first; they are its last ones.
    pub(crate) fn iter(
        &self,
        transcript: TranscriptId,
    ) -> impl DoubleEndedIterator<Item = Kept<'_>> {
        let shelf = self.shelves.get(&transcript);
        shelf
            .into_iter()
            .flat_map(|shelf| shelf.segments.iter().flat_map(Segment::iter))
    }

    /// The last segment of a transcript whose number is below this one.
    pub(crate) fn segment_below(&self, transcript: TranscriptId, number: u64) -> Option<&Segment> {
        let segments = &self.shelves.get(&transcript)?.segments;
        let below = segments.partition_point(|segment| segment.number() < number);
        segments.get(below.checked_sub(1)?)
    }

    /// The transcript with the highest number below this one of which events are held.
    pub(crate) fn transcript_below(&self, below: Option<TranscriptId>) -> Option<TranscriptId> {
        match below {
            None => self.shelves.last_key_value().map(|(id, _)| *id),
            Some(below) => self.shelves.range(..below).next_back().map(|(id, _)| *id),
        }
    }
}

#[cfg(test)]
mod tests;
