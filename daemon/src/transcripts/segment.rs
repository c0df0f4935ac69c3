//! Events that were read one after the other, in two blocks of memory: their texts, and where each begins.

use sessiond_protocol::{TranscriptEvent, TranscriptKind};

use super::block::list;
use super::format::{Said, beginning};
use super::trigrams::{Sought, Trigrams};

/// Bytes of text in a segment that is not written to any more, or a text more: what is dropped at a time.
const TEXT_BYTES: usize = 64 << 10;

/// Events in a segment that is not written to any more.
const EVENTS_MAX: usize = 512;

/// Bytes of a tool's name that are kept.
const NAME_BYTES_MAX: usize = 128;

/// Consecutive events of one transcript.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Higher than those of all segments before it.
    number: u64,
    text: String,
    entries: Vec<Entry>,
    /// Where nothing more is to come.
    trigrams: Option<Trigrams>,
}

/// One event; its name stands in front of its text.
#[derive(Debug, Clone, Copy)]
struct Entry {
    at: u64,
    time_unix_ms: Option<u64>,
    bytes: u64,
    start: usize,
    name: u16,
    text: u16,
    kind: TranscriptKind,
}

/// An event where it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept<'a> {
    /// Offset of its line.
    pub(crate) at: u64,
    pub(crate) said: Said<'a>,
}

impl Kept<'_> {
    /// A copy for an answer.
    pub(crate) fn to_event(self) -> TranscriptEvent {
        let Said {
            kind,
            time_unix_ms,
            name,
            text,
            bytes,
        } = self.said;
        TranscriptEvent {
            at: self.at,
            kind,
            time_unix_ms,
            name: name.to_owned(),
            text: text.to_owned(),
            bytes,
        }
    }
}

impl Segment {
    pub(crate) const fn new(number: u64) -> Self {
        Self {
            number,
            text: String::new(),
            entries: Vec::new(),
            trigrams: None,
        }
    }

    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.text.len() >= TEXT_BYTES || self.entries.len() >= EVENTS_MAX
    }

    pub(crate) fn push(&mut self, at: u64, said: Said<'_>) {
        let name = beginning(said.name, NAME_BYTES_MAX);
        let text = beginning(said.text, usize::from(u16::MAX));
        let length = |text: &str| u16::try_from(text.len()).unwrap_or(u16::MAX);
        self.entries.push(Entry {
            at,
            time_unix_ms: said.time_unix_ms,
            bytes: said.bytes,
            start: self.text.len(),
            name: length(name),
            text: length(text),
            kind: said.kind,
        });
        self.text.push_str(name);
        self.text.push_str(text);
    }

    /// Gives back what it does not need when nothing more is to come, and is indexed.
    pub(crate) fn seal(&mut self) {
        self.trigrams = Some(Trigrams::of(&self.text));
        self.text.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    /// The event with this number from the segment's beginning.
    pub(crate) fn get(&self, index: usize) -> Option<Kept<'_>> {
        let entry = self.entries.get(index)?;
        let (name_end, end) = (
            entry.start + usize::from(entry.name),
            entry.start + usize::from(entry.name) + usize::from(entry.text),
        );
        Some(Kept {
            at: entry.at,
            said: Said {
                kind: entry.kind,
                time_unix_ms: entry.time_unix_ms,
                name: &self.text[entry.start..name_end],
                text: &self.text[name_end..end],
                bytes: entry.bytes,
            },
        })
    }

    /// All of them, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = Kept<'_>> {
        (0..self.entries.len()).filter_map(|index| self.get(index))
    }

    /// False where no text in it matches.
    pub(crate) fn may_have(&self, sought: &Sought) -> bool {
        let trigrams = self.trigrams.as_ref();
        trigrams.is_none_or(|trigrams| trigrams.may_have(sought))
    }

    /// Bytes of its blocks.
    pub(crate) const fn heap_bytes(&self) -> usize {
        let index = match self.trigrams {
            Some(_) => Trigrams::heap_bytes(),
            None => 0,
        };
        index + list::<u8>(self.text.capacity()) + list::<Entry>(self.entries.capacity())
    }
}
