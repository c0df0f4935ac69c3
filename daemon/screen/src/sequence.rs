//! The sequence that the parser is inside of, as bytes that bring another parser to the same place.

use crate::perform::OSC_BYTES_MAX;

const ESC: u8 = 0x1b;

/// Most bytes that are kept of an unfinished sequence: an operating-system command as long as the parser holds one, with its
/// introducer and the separators of its 16 parameters, which the parser does not count.
pub const SEQUENCE_BYTES_MAX: usize = OSC_BYTES_MAX + 2 + 16;

/// Capacity that is kept between sequences; only titles need more.
const BYTES_KEPT: usize = 32;

/// The byte that makes a control sequence one that is ignored to its end: a private marker where none may be.
const SPOILER: u8 = b'<';

/// What has been seen of a sequence since its ESC; empty between sequences. Control characters inside of it are executed or
/// ignored at once, so they are no part of it.
#[derive(Debug, Default)]
pub(crate) struct Unfinished(Vec<u8>);

impl Unfinished {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes a byte and says what the parser is to see of it, so that its state always follows from what is kept. What is longer
    /// than the bound cannot be carried on: a control sequence is spoiled, a string cut.
    pub(crate) fn take(&mut self, byte: u8) -> Option<u8> {
        match byte {
            ESC => {
                self.0.clear();
                self.0.push(ESC);
            }
            0x00..=0x1f => {}
            0x40..=0x7e if self.introducer() == Some(b'[') => {} // its end
            0x7f.. if self.introducer() != Some(b']') => {}      // ignored
            _ => match (self.introducer(), SEQUENCE_BYTES_MAX - self.0.len()) {
                (Some(b']'), 0) => return None,
                (Some(b'[' | b'P'), 1) => {
                    self.0.push(SPOILER);
                    return Some(SPOILER);
                }
                (_, 0) => {}
                _ => self.0.push(byte),
            },
        }
        Some(byte)
    }

    /// Whether this byte, not taken yet, ends the sequence whatever the parser makes of it: cancelled, or a control sequence's
    /// final byte. A malformed one ends without being dispatched.
    pub(crate) fn is_ended_by(&self, byte: u8) -> bool {
        match byte {
            0x18 | 0x1a => true,
            0x40..=0x7e => self.introducer() == Some(b'['),
            _ => false,
        }
    }

    /// Forgets a sequence that is over.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
        if self.0.capacity() > BYTES_KEPT {
            self.0 = Vec::new();
        }
    }

    pub(crate) fn retained_bytes(&self) -> usize {
        self.0.capacity()
    }

    /// What kind of sequence it is: the byte after ESC.
    fn introducer(&self) -> Option<u8> {
        self.0.get(1).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(bytes: &[u8]) -> Vec<u8> {
        let mut unfinished = Unfinished::default();
        bytes.iter().for_each(|byte| _ = unfinished.take(*byte));
        unfinished.bytes().to_vec()
    }

    #[test]
    fn what_was_executed_meanwhile_is_not_kept() {
        assert_eq!(kept(b"\x1b[1\r\n;\x002"), b"\x1b[1;2");
        assert_eq!(kept(b"\x1b]0;ti\xc3\xa4"), b"\x1b]0;ti\xc3\xa4");
        assert_eq!(kept(b"\x1b\x80[\xff1"), b"\x1b[1");
        assert_eq!(kept(b"\x1b[1\x1b]"), b"\x1b]");
    }

    #[test]
    fn what_is_too_long_is_spoiled_or_cut() {
        let long = |start: &str| kept([start.as_bytes(), &[b'1'; 2000]].concat().as_slice());
        for start in ["\x1b[", "\x1bP", "\x1b]0;", "\x1b_", "\x1bX"] {
            assert_eq!(long(start).len(), SEQUENCE_BYTES_MAX, "{start:?}");
        }
        assert_eq!(long("\x1b[").last(), Some(&SPOILER));
        let mut unfinished = Unfinished::default();
        let shown = b"\x1b]0;".iter().chain(&[b'x'; 1000]);
        let seen = shown.filter_map(|byte| unfinished.take(*byte)).count();
        assert_eq!(seen, SEQUENCE_BYTES_MAX);
        assert_eq!(unfinished.take(0x07), Some(0x07));
        unfinished.clear();
        assert_eq!(unfinished.retained_bytes(), 0);
    }
}
