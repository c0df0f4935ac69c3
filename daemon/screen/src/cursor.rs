//! Where the next character goes and how it will look.

use crate::style::Style;

/// The cursor as clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Row from the top, 0 first.
    pub row: u16,
    /// Column from the left, 0 first; the last column also while the next character is going to wrap.
    pub column: u16,
    /// Whether the program wants it shown.
    pub visible: bool,
}

/// A set of characters that a program can choose for the bytes of ASCII.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Charset {
    #[default]
    Ascii,
    /// DEC special graphics: line drawing in place of small letters.
    Graphics,
}

impl Charset {
    pub(crate) fn map(self, character: char) -> char {
        /// What `_` to `~` become.
        const GRAPHICS: [char; 32] = [
            ' ', '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼', '⎺',
            '⎻', '─', '⎼', '⎽', '├', '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
        ];
        match (self, character) {
            (Charset::Graphics, '_'..='~') => GRAPHICS[character as usize - '_' as usize],
            _ => character,
        }
    }
}

/// Everything that DECSC saves and DECRC restores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pen {
    pub(crate) row: usize,
    pub(crate) column: usize,
    /// The last column was written: the next character goes to the next row first. While the cursor in use is in this state its
    /// row is not marked as wrapped yet, which is what lets a snapshot reproduce both.
    pub(crate) pending_wrap: bool,
    pub(crate) style: Style,
    /// G0 and G1.
    pub(crate) charsets: [Charset; 2],
    /// Index of the charset in use: 1 after SO.
    pub(crate) shift: usize,
    /// Rows are counted from the top margin, and the cursor stays within the margins.
    pub(crate) origin: bool,
}

impl Pen {
    pub(crate) fn charset(&self) -> Charset {
        self.charsets[self.shift]
    }
}
