//! Terminal output in, screen and bounded scrollback out.
//!
//! A [`Screen`] is fed the bytes that a program writes to its terminal, cut anywhere, and can be read at any time: as text, as
//! history, or as a [snapshot](Screen::snapshot) of escape sequences that rebuilds it on a real terminal.
//!
//! What is deliberately absent: I/O, clocks, threads, unsafe code, and any buffer whose size the program in the terminal can
//! choose. Rows exist once they are written to; lines that leave the screen are packed into UTF-8 with runs of style.
//!
//! Flow: bytes -> [`Screen`] (text past the parser, sequences through it) -> terminal (cursor, modes, buffers) -> grid of rows ->
//! scrollback.

mod block;
mod buffers;
mod csi;
mod cursor;
mod drawing;
mod editing;
mod final_screen;
mod glyph;
mod grid;
mod ground;
mod line;
mod marks;
mod modes;
mod moving;
mod origin;
mod params;
mod perform;
mod print;
mod replies;
mod row;
mod screen;
mod scrollback;
mod search;
mod sequence;
mod sgr;
mod size;
mod snapshot;
mod style;
mod tabs;
mod terminal;
mod utf8;
mod width;

pub use cursor::Cursor;
pub use final_screen::{FINAL_TEXT_BYTES_MAX, FinalScreen};
pub use line::{Line, Runs};
pub use origin::Origin;
pub use perform::TITLE_BYTES_MAX;
pub use replies::REPLY_BYTES_MAX;
pub use screen::Screen;
pub use scrollback::ScrollbackLimit;
pub use search::{
    Case, Match, Matches, PATTERN_BYTES_MAX, Pattern, PatternError, SEARCHED_BYTES_MAX,
};
pub use sequence::SEQUENCE_BYTES_MAX;
pub use size::{SIDE_MAX, Size, SizeError};
pub use snapshot::SNAPSHOT_BYTES_MAX;
pub use style::{Attribute, Color, Style};
