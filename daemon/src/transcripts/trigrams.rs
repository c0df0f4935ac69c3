//! Which three bytes stand one behind the other in a segment's texts: an index that tells a search which segments cannot have what it
//! looks for. Pure.
//!
//! It is a table of bits, as large for each segment, that belongs to the segment and to its account. Different trigrams may share a bit:
//! then a segment is looked through in vain, and nothing is missed.

use sessiond_protocol::TextPattern;
use sessiond_screen::Case;

use super::block::block;

/// Bits of a table, as a power of two: 4 KiB beside 64 KiB of text, of which some thousand different trigrams set a quarter.
const BITS_LOG: u32 = 15;

const WORDS: usize = (1 << BITS_LOG) / 64;

/// The trigrams of a text, capital letters of ASCII taken as small ones.
#[derive(Debug)]
pub(crate) struct Trigrams(Box<[u64]>);

/// The trigrams that whatever matches a pattern has for certain. Of some patterns there are none: anything may match them.
#[derive(Debug)]
pub(crate) struct Sought(Vec<usize>);

impl Trigrams {
    pub(crate) fn of(text: &str) -> Self {
        let mut bits = vec![0; WORDS].into_boxed_slice();
        for place in trigrams(text.as_bytes()) {
            bits[place / 64] |= 1 << (place % 64);
        }
        Self(bits)
    }

    /// False where nothing in the text matches.
    pub(crate) fn may_have(&self, sought: &Sought) -> bool {
        let mut places = sought.0.iter();
        places.all(|place| self.0[place / 64] & (1 << (place % 64)) != 0)
    }

    /// Bytes of its block.
    pub(crate) const fn heap_bytes() -> usize {
        block(WORDS * size_of::<u64>())
    }
}

impl Sought {
    pub(crate) fn of(pattern: &TextPattern, case: Case) -> Self {
        let TextPattern::Text(text) = pattern else {
            return Self(Vec::new());
        };
        // Beyond ASCII a letter may be written with other bytes when its case does not count, and so may these two within it: as the
        // long s and the sign for kelvin.
        let is_certain = |byte: &u8| match case {
            Case::Sensitive => true,
            Case::Ignored => byte.is_ascii() && !matches!(byte, b's' | b'S' | b'k' | b'K'),
        };
        let certain = text.as_bytes().split(|byte| !is_certain(byte));
        let mut places: Vec<_> = certain.flat_map(trigrams).collect();
        places.sort_unstable();
        places.dedup();
        Self(places)
    }
}

/// The bits of all trigrams of some bytes.
fn trigrams(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let small = |byte: u8| u32::from(byte.to_ascii_lowercase());
    bytes.windows(3).map(move |three| {
        let trigram = small(three[0]) << 16 | small(three[1]) << 8 | small(three[2]);
        // Fibonacci hashing: Knuth, The Art of Computer Programming, volume 3, 6.4.
        (trigram.wrapping_mul(0x9e37_79b1) >> (32 - BITS_LOG)) as usize
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pattern::{SEARCHED_BYTES_MAX, read};

    fn plain(text: &str) -> TextPattern {
        TextPattern::Text(text.to_owned())
    }

    #[test]
    fn most_of_what_is_not_there_is_known_not_to_be() {
        let words = (0..9000).map(|number| format!("word{number} "));
        let text: String = words.collect();
        let trigrams = Trigrams::of(&text);
        for (sought, case, expected) in [
            ("word4711", Case::Sensitive, true),
            ("WORD4711", Case::Ignored, true),
            ("nothing of the kind", Case::Sensitive, false),
            ("nothing of the kind", Case::Ignored, false),
            ("no", Case::Sensitive, true), // too short to be known
            ("skss", Case::Ignored, true),
        ] {
            let found = trigrams.may_have(&Sought::of(&plain(sought), case));
            assert_eq!(found, expected, "{sought}");
        }
        let regex = Sought::of(&TextPattern::Regex("nothing".to_owned()), Case::Sensitive);
        assert!(trigrams.may_have(&regex));
    }

    proptest! {
        #[test]
        fn what_matches_is_never_left_out(
            text in "[a-cA-Cks\u{17f}\u{212a}äÄß ]{0,40}",
            sought in "[a-cA-Cks\u{17f}\u{212a}äÄß ]{1,5}",
            from in any::<prop::sample::Index>(),
        ) {
            let inside: String = text.chars().skip(from.index(text.len() + 1)).take(5).collect();
            for sought in [sought, inside.to_uppercase(), inside] {
                for case in [Case::Sensitive, Case::Ignored] {
                    let Ok(pattern) = read(&plain(&sought), case, SEARCHED_BYTES_MAX) else { continue };
                    if pattern.is_in(&text) {
                        let sought = Sought::of(&plain(&sought), case);
                        prop_assert!(Trigrams::of(&text).may_have(&sought), "{sought:?} in {text:?}");
                    }
                }
            }
        }
    }
}
