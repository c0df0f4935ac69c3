//! A text within a line of JSON, of which no more is kept than an event has.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// Bytes of an event's text that are kept: a few pages. The rest stays in the file.
pub(crate) const EVENT_BYTES_MAX: usize = 16 << 10;

/// A text, or nothing where something else stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text<'a> {
    kept: Cow<'a, str>,
    /// Of all of it.
    bytes: u64,
}

impl<'a> Text<'a> {
    pub(super) const fn new(kept: Cow<'a, str>, bytes: u64) -> Self {
        Self { kept, bytes }
    }

    pub(super) fn borrowed(text: &'a str) -> Self {
        Self {
            kept: Cow::Borrowed(beginning(text, EVENT_BYTES_MAX)),
            bytes: text.len() as u64,
        }
    }

    /// Of one that had escapes, and stands in a buffer of the parser's.
    pub(super) fn copied(text: &str) -> Self {
        Self {
            kept: Cow::Owned(beginning(text, EVENT_BYTES_MAX).to_owned()),
            bytes: text.len() as u64,
        }
    }

    /// A piece of JSON as it stands there.
    pub(super) fn of_json(json: &'a RawValue) -> Self {
        Self::borrowed(json.get())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.kept
    }

    pub(super) fn into_kept(self) -> Cow<'a, str> {
        self.kept
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

/// As many whole characters of a text as have no more than `bytes`.
pub(crate) fn beginning(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
