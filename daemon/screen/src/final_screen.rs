//! What is kept of a screen when its session has ended.

use crate::origin::Origin;
use crate::screen::Screen;
use crate::scrollback::ScrollbackLimit;
use crate::size::Size;

/// Most bytes of text that a tombstone keeps: a screen of 200 columns by 100 rows in three-byte characters. Of a larger one the
/// last rows are kept.
pub const FINAL_TEXT_BYTES_MAX: usize = 64 * 1024;

/// The last text of a screen, in exactly the memory that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalScreen {
    text: Box<str>,
    title: Box<str>,
    /// Of the screen at its end.
    revision: u64,
    /// Number of the first row of the text.
    line: u64,
}

impl FinalScreen {
    pub(crate) fn new(screen: &Screen) -> FinalScreen {
        let rows = screen.text_rows();
        let used = rows
            .iter()
            .rposition(|row| !row.is_empty())
            .map_or(0, |last| last + 1);
        let mut room = FINAL_TEXT_BYTES_MAX;
        let fitting = rows[..used].iter().rev().take_while(|row| {
            let needed = row.len() + 1;
            let fits = needed <= room;
            room -= needed.min(room);
            fits
        });
        let first = used - fitting.count();
        FinalScreen {
            text: rows[first..used].join("\n").into_boxed_str(),
            title: screen.title().into(),
            revision: screen.revision(),
            line: screen.top_line() + first as u64,
        }
    }

    /// A screen of the given size that shows it again, without styles and without a history. Its rows have the numbers that they
    /// had, and all of them have changed since the screen's last revision.
    #[must_use]
    pub fn restored(&self, size: Size) -> Screen {
        let origin = Origin {
            revision: self.revision + 1,
            line: self.line,
        };
        let limit = ScrollbackLimit { lines: 0, bytes: 0 };
        let mut screen = Screen::continuing(size, limit, origin);
        for (index, row) in self.text.lines().enumerate() {
            // Rows that were full must not be followed by a blank one.
            screen.feed(format!("\x1b[{};1H{row}", index + 1).as_bytes());
        }
        screen.feed(format!("\x1b]2;{}\x07", self.title).as_bytes());
        screen
    }

    /// The rows, separated by line feeds, trailing blanks and trailing blank rows removed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The last window title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Bytes held on the heap.
    #[must_use]
    pub fn retained_bytes(&self) -> usize {
        self.text.len() + self.title.len()
    }
}
