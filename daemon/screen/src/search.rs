//! Finding text in the screen and its history.

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::line::Line;
use crate::screen::Screen;
use crate::width::columns_of;

/// Most bytes of a pattern: a line as long as a screen is wide.
pub const PATTERN_BYTES_MAX: usize = 1024;

/// Most groups within groups of a pattern; compiling is recursive.
const NESTING_MAX: u32 = 50;

/// Most bytes of text that one search looks through, about 10 ms of work; whoever asked goes on from there.
pub const SEARCHED_BYTES_MAX: usize = 1 << 20;

/// Most bytes of a line that went over several rows that are matched as one; what is longer is matched in pieces.
const JOINED_BYTES_MAX: usize = 16 << 10;

/// Most bytes of text in all matches of a search together, the last one's aside.
const TOLD_BYTES_MAX: usize = 256 << 10;

/// Most bytes of a found text that are told.
const FOUND_BYTES_MAX: usize = 256;

/// What is searched or waited for. Matching takes time linear in the text, whatever the pattern.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

/// Whether capital letters differ from small ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// They do.
    Sensitive,
    /// They do not.
    Ignored,
}

impl Pattern {
    /// The text as it is. At most `bytes_max` bytes each may the compiled pattern take, and what is built while it is matched.
    ///
    /// # Errors
    /// When it is empty, longer than [`PATTERN_BYTES_MAX`], or becomes too large.
    pub fn plain(text: &str, case: Case, bytes_max: usize) -> Result<Pattern, PatternError> {
        Pattern::compile(text, &regex::escape(text), case, bytes_max)
    }

    /// The same of a regular expression in the syntax of the crate `regex`.
    ///
    /// # Errors
    /// Those of [`Pattern::plain`], and when it is none.
    pub fn regex(expression: &str, case: Case, bytes_max: usize) -> Result<Pattern, PatternError> {
        Pattern::compile(expression, expression, case, bytes_max)
    }

    /// Whether it is found in a row of text.
    #[must_use]
    pub fn is_in(&self, row: &str) -> bool {
        self.0.is_match(row)
    }

    fn compile(
        given: &str,
        expression: &str,
        case: Case,
        bytes_max: usize,
    ) -> Result<Pattern, PatternError> {
        if given.is_empty() || given.len() > PATTERN_BYTES_MAX {
            let told = format!(
                "{} bytes; a pattern has 1 to {PATTERN_BYTES_MAX}",
                given.len()
            );
            return Err(PatternError(told));
        }
        RegexBuilder::new(expression)
            .case_insensitive(case == Case::Ignored)
            .size_limit(bytes_max)
            .dfa_size_limit(bytes_max)
            .nest_limit(NESTING_MAX)
            .build()
            .map(Pattern)
            .map_err(|error| PatternError(error.to_string()))
    }
}

/// Why something is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError(String);

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no pattern: {}", self.0)
    }
}

impl std::error::Error for PatternError {}

/// A place where a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Number of the line that it begins in.
    pub line: u64,
    /// Column that it begins in, counted from 0.
    pub column: usize,
    /// What was found, the first 256 bytes of it; it may go on in the next lines where these continue the first.
    pub found: String,
    /// All of the row that it begins in.
    pub text: String,
}

/// What a search came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// In order, at most as many as were asked for, and about 256 KiB of text. Where that is reached within a line, the rest of
    /// the line is left out. Empty matches are none.
    pub matches: Vec<Match>,
    /// The line to go on from, when not all was looked through.
    pub next: Option<u64>,
}

/// Looks for a pattern in the history and on the screen, from a line on.
pub(crate) fn search(screen: &Screen, pattern: &Pattern, from: u64, limit: usize) -> Matches {
    let first = screen.first_line();
    let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
    let rows_skipped = skip.saturating_sub(screen.scrollback_len());
    let history = screen.scrollback(skip..usize::MAX);
    let rows = usize::from(screen.size().rows());
    let shown = (rows_skipped..rows).map(|row| screen.row(row));
    let mut matches = Vec::new();
    let (mut searched, mut told) = (0, 0);
    let mut joined = Joined::new(from.max(first));
    for line in history.chain(shown) {
        searched += line.text().len() + 1;
        let goes_on = line.is_wrapped() && joined.text.len() < JOINED_BYTES_MAX;
        joined.push(line);
        if goes_on {
            continue;
        }
        let next = joined.next();
        let room = |matches: &Vec<Match>| limit - matches.len();
        for place in joined.find(pattern).take(room(&matches)) {
            told += place.text.len() + place.found.len();
            matches.push(place);
            if told >= TOLD_BYTES_MAX {
                break;
            }
        }
        let full = room(&matches) == 0 || told >= TOLD_BYTES_MAX;
        if (full || searched >= SEARCHED_BYTES_MAX) && next < screen.top_line() + rows as u64 {
            let next = Some(next);
            return Matches { matches, next };
        }
        if full {
            break;
        }
        joined = Joined::new(next);
    }
    Matches {
        matches,
        next: None,
    }
}

/// Rows that are one line of text.
struct Joined {
    first: u64,
    text: String,
    /// Where each row begins in the text.
    starts: Vec<usize>,
}

impl Joined {
    fn new(first: u64) -> Joined {
        Joined {
            first,
            text: String::new(),
            starts: Vec::new(),
        }
    }

    fn push(&mut self, line: Line) {
        self.starts.push(self.text.len());
        if self.text.is_empty() {
            self.text = line.into_text();
        } else {
            self.text.push_str(line.text());
        }
    }

    /// Number of the line after these.
    fn next(&self) -> u64 {
        self.first + self.starts.len() as u64
    }

    fn find<'a>(&'a self, pattern: &'a Pattern) -> impl Iterator<Item = Match> + 'a {
        let places = pattern.0.find_iter(&self.text);
        places.filter(|place| !place.is_empty()).map(|place| {
            let row = self.starts.partition_point(|start| *start <= place.start()) - 1;
            let start = self.starts[row];
            let end = self.starts.get(row + 1).copied().unwrap_or(self.text.len());
            let found = place.as_str();
            let before = &self.text[start..place.start()];
            Match {
                line: self.first + row as u64,
                column: before.chars().filter_map(columns_of).sum(),
                found: found[..found.floor_char_boundary(FOUND_BYTES_MAX)].to_owned(),
                text: self.text[start..end].to_owned(),
            }
        })
    }
}
