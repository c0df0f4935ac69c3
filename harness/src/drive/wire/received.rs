//! What a target has said and nobody has read yet, within a bound.

use std::fmt::Write as _;

/// The most that is kept of what a target says: a message has to fit, and so has what is searched for a text.
pub(super) const RECEIVED_MAX: usize = 1 << 20;
/// Read at once.
const PIECE: usize = 64 * 1024;
/// Shown of what came, when it was not what was expected.
const EXCERPT_MAX: usize = 160;

/// Unread bytes.
#[derive(Debug, Default)]
pub(super) struct Received {
    bytes: Vec<u8>,
    /// Bytes at the start in which nobody found what they look for.
    searched: usize,
    /// Bytes that came while there was no room.
    dropped: u64,
    /// All that ever came.
    total: u64,
}

impl Received {
    /// Room for the next piece.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        self.bytes.reserve(PIECE);
        &mut self.bytes
    }

    /// `count` bytes have been added to the room.
    pub(super) fn came(&mut self, count: usize) {
        self.total += count as u64;
    }

    /// Gives up the oldest bytes that are beyond the bound.
    pub(super) fn forget_excess(&mut self) {
        let excess = self.bytes.len().saturating_sub(RECEIVED_MAX);
        if excess > 0 {
            self.bytes.drain(..excess);
            self.searched = 0;
            self.dropped += excess as u64;
        }
    }

    /// All that ever came, bytes.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Bytes that came and that nobody has read, kept or not.
    pub(super) fn unread(&self) -> u64 {
        self.dropped + self.bytes.len() as u64
    }

    /// Bytes that came while a message was being sent and were not kept.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() > RECEIVED_MAX
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where `needle` begins; bytes that have been searched for it before are not searched again.
    ///
    /// What is searched for stays the same until something has been taken.
    pub(super) fn find(&mut self, needle: &[u8]) -> Option<usize> {
        let found = find(&self.bytes[self.searched..], needle).map(|at| self.searched + at);
        if found.is_none() {
            self.searched = (self.bytes.len() + 1).saturating_sub(needle.len().max(1));
        }
        found
    }

    /// The first `count` bytes, which are there.
    pub(super) fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.bytes.split_off(count);
        let taken = std::mem::replace(&mut self.bytes, rest);
        self.searched = 0;
        taken
    }

    /// Reads everything away.
    pub(super) fn clear(&mut self) {
        // Not only its length: a thousand quiet clients must not hold a thousand buffers.
        self.bytes = Vec::new();
        self.searched = 0;
        self.dropped = 0;
    }

    /// A search for something else begins.
    pub(super) fn search_anew(&mut self) {
        self.searched = 0;
    }
}

/// Where `needle` begins in `bytes`; an empty one begins at once.
pub(super) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let Some(first) = needle.first() else {
        return Some(0);
    };
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| byte == first) {
        if bytes[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// Bytes for an error message: their beginning, in one line, between backticks.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(EXCERPT_MAX)];
    let mut text = format!("`{}", String::from_utf8_lossy(shown).escape_debug());
    text.push('`');
    if bytes.len() > shown.len() {
        // Writing to a string cannot fail.
        let _ = write!(text, " and {} bytes more", bytes.len() - shown.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(bytes: &[u8]) -> Received {
        let mut received = Received::default();
        received.room().extend_from_slice(bytes);
        received.came(bytes.len());
        received
    }

    #[test]
    fn a_text_is_found_across_two_pieces() {
        let mut received = with(b"abc ne");
        assert_eq!(received.find(b"needle"), None);
        received.room().extend_from_slice(b"edle");
        assert_eq!(received.find(b"needle"), Some(4));
        assert_eq!(received.take(10), b"abc needle");
        assert_eq!(received.find(b""), Some(0));
    }

    #[test]
    fn what_is_beyond_the_bound_is_counted_and_not_kept() {
        let mut received = with(&vec![b'x'; RECEIVED_MAX + 7]);
        assert!(received.is_full());
        received.forget_excess();
        assert_eq!(received.bytes().len(), RECEIVED_MAX);
        assert_eq!(received.unread(), RECEIVED_MAX as u64 + 7);
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt(b"a\n\xff"), "`a\\n\u{fffd}`");
        assert!(excerpt(&[b'x'; 500]).ends_with("` and 340 bytes more"));
    }
}
