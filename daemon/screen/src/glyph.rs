//! What one cell shows: a character, or the second half of a wide one.

const CHAR_MASK: u32 = (1 << 21) - 1;
const WIDE: u32 = 1 << 21;
const SPACER: u32 = 1 << 22;

/// A cell's character in 21 bits, with flags for wide characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glyph(u32);

impl Glyph {
    /// A cell with nothing in it.
    pub(crate) const BLANK: Glyph = Glyph(0x20);
    /// The right half of a wide character.
    pub(crate) const SPACER: Glyph = Glyph(SPACER | 0x20);

    pub(crate) fn ascii(byte: u8) -> Glyph {
        Glyph(u32::from(byte))
    }

    pub(crate) fn narrow(character: char) -> Glyph {
        Glyph(u32::from(character))
    }

    pub(crate) fn wide(character: char) -> Glyph {
        Glyph(u32::from(character) | WIDE)
    }

    pub(crate) fn is_wide(self) -> bool {
        self.0 & WIDE != 0
    }

    pub(crate) fn is_spacer(self) -> bool {
        self.0 & SPACER != 0
    }

    /// The bits, of which the union over a row tells whether all of it is ASCII.
    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    pub(crate) fn character(self) -> char {
        char::from_u32(self.0 & CHAR_MASK).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}
