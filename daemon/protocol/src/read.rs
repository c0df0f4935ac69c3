//! Reading a session's screen and history beyond its text: styles, changes, ranges of lines, matches.
//!
//! Lines are numbered from the first one on that the terminal showed, for good: the history begins with `first_line`, the screen's
//! first row is `top_line`. What was let go keeps its number.

use serde::{Deserialize, Serialize};

use crate::reply::Cursor;
use crate::session::{SessionRef, Size};
use crate::wait::TextPattern;

/// Most matches that one search is answered with.
pub const MATCHES_MAX: u32 = 1000;

/// A session's terminal to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadParams {
    /// By id or name.
    pub session: SessionRef,
    /// What of it.
    pub what: Read,
}

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Read {
    /// The rows of the screen with their styles. Answered `rows`, or `too_large` when they do not fit a frame.
    Rows {
        /// Only those that changed after this revision, of an earlier answer; all, when absent or not known any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<u64>,
    },
    /// Escape sequences that draw the screen on a terminal of its size. Answered `redraw`.
    Redraw {},
    /// Lines of the history with their styles. Answered `lines`.
    History {
        /// Number of the first line; the last `count` ones, when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<u64>,
        /// How many; as many are answered as fit half a frame.
        count: u32,
    },
    /// Where a text stands, in the history and on the screen. Answered `matches`.
    Search {
        /// What to look for, 1 to 1024 bytes; `^` and `$` are the ends of a line, however many rows it takes.
        pattern: TextPattern,
        /// Capital and small letters are the same.
        #[serde(default)]
        ignore_case: bool,
        /// Number of the line to begin with.
        #[serde(default)]
        from: u64,
        /// Matches to answer with at most; [`MATCHES_MAX`] when above it.
        limit: u32,
    },
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ReadReply {
    /// Rows of the screen.
    Rows {
        /// Everything about it that is no text.
        state: ScreenState,
        /// Those that changed, from the top; one that nothing was ever written to may be left out, and is blank.
        rows: Vec<StyledLine>,
    },
    /// The screen as escape sequences.
    Redraw {
        /// The size that they are for.
        size: Size,
        /// The sequences; at most 120 KiB, a larger screen is drawn around its cursor.
        sequences: String,
    },
    /// Lines of the history, oldest first.
    Lines {
        /// The lines.
        lines: Vec<StyledLine>,
        /// Number of the oldest line that is kept.
        first_line: u64,
        /// The line to go on from, where more are kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<u64>,
    },
    /// Places, oldest first.
    Matches {
        /// The places.
        matches: Vec<Found>,
        /// The line to go on from, where not all was looked through: one search looks at 1 MiB of text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<u64>,
    },
}

/// What a terminal is like, its text aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScreenState {
    /// Its size.
    pub size: Size,
    /// Where the cursor is.
    pub cursor: Cursor,
    /// The title its program set; empty where none.
    pub title: String,
    /// True while a full-screen program shows the alternate screen.
    pub alternate: bool,
    /// The switches that programs have set, such as `bracketed-paste`.
    pub modes: Vec<String>,
    /// How often BEL has rung.
    pub bells: u64,
    /// Counts changes of the screen.
    pub revision: u64,
    /// Number of the oldest line of the history.
    pub first_line: u64,
    /// Number of the screen's first row; the history ends before it.
    pub top_line: u64,
    /// When there was output last, in milliseconds since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_output_unix_ms: Option<u64>,
}

/// A line of text in pieces of one style.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StyledLine {
    /// Its number.
    pub line: u64,
    /// The next line goes on with this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wrapped: bool,
    /// Its pieces in order; none for a blank line.
    pub runs: Vec<Run>,
}

impl StyledLine {
    /// The text alone.
    #[must_use]
    pub fn text(&self) -> String {
        self.runs.iter().map(|run| run.text.as_str()).collect()
    }
}

/// Text in one style.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The text.
    pub text: String,
    /// Its colour; the terminal's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fg: Option<Color>,
    /// The colour behind it; the terminal's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bg: Option<Color>,
    /// How it differs from plain text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
}

/// A colour: `4`, or `[255, 128, 0]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Color {
    /// One of the palette's 256.
    Indexed(u8),
    /// Red, green and blue.
    Rgb([u8; 3]),
}

/// A way in which text differs from plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the terminal's own")]
pub enum Attribute {
    Bold,
    Dim,
    Italic,
    Underline,
    Blink,
    Inverse,
    Hidden,
    Strike,
    Overline,
}

/// A place where what was searched for stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// Number of the line that it begins in.
    pub line: u64,
    /// Column that it begins in, counted from 0.
    pub column: usize,
    /// What was found, the first 256 bytes of it; it may go on in the next lines.
    pub found: String,
    /// All of the line that it begins in.
    pub text: String,
}
