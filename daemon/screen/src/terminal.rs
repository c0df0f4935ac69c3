//! The state of the emulated terminal, and printing into it.

use unicode_width::UnicodeWidthChar;

use crate::buffers::Primary;
use crate::cursor::{Charset, Pen};
use crate::glyph::Glyph;
use crate::grid::{Grid, Region};
use crate::modes::{Mode, Modes};
use crate::replies::Replies;
use crate::scrollback::{Scrollback, ScrollbackLimit};
use crate::size::Size;
use crate::tabs::TabStops;

/// What the bytes so far have made of the terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    pub(crate) size: Size,
    /// The buffer that is shown.
    pub(crate) grid: Grid,
    pub(crate) pen: Pen,
    /// What DECRC restores in the buffer that is shown.
    pub(crate) saved: Pen,
    /// The primary buffer while the alternate one is shown.
    pub(crate) primary: Option<Box<Primary>>,
    pub(crate) region: Region,
    pub(crate) modes: Modes,
    pub(crate) tabs: TabStops,
    pub(crate) title: String,
    pub(crate) replies: Replies,
    pub(crate) scrollback: Scrollback,
    /// The last character that was printed, for REP.
    pub(crate) last: Option<char>,
    /// Set when the parser is certain to be in its ground state: it has dispatched a sequence, or printed ASCII.
    pub(crate) sequence_ended: bool,
}

impl Terminal {
    pub(crate) fn new(size: Size, limit: ScrollbackLimit) -> Terminal {
        Terminal {
            size,
            grid: Grid::new(size),
            pen: Pen::default(),
            saved: Pen::default(),
            primary: None,
            region: Region::full(size),
            modes: Modes::default(),
            tabs: TabStops::default(),
            title: String::new(),
            replies: Replies::default(),
            scrollback: Scrollback::new(limit),
            last: None,
            sequence_ended: false,
        }
    }

    /// Prints a run of printable ASCII.
    pub(crate) fn print_ascii(&mut self, mut text: &[u8]) {
        if self.pen.charset() == Charset::Graphics {
            text.iter().for_each(|byte| self.print(char::from(*byte)));
            return;
        }
        let Some(last) = text.last() else { return };
        self.last = Some(char::from(*last));
        let columns = self.size.width();
        while !text.is_empty() {
            self.wrap_if_pending();
            let column = self.pen.column;
            let (fitting, rest) = text.split_at(text.len().min(columns - column));
            let insert = self.modes.has(Mode::Insert);
            let row = self.grid.row_mut(self.pen.row);
            if insert {
                row.insert(column, fitting.len(), self.pen.style.erased(), columns);
            }
            row.write_ascii(column, fitting, self.pen.style, columns);
            self.advance(fitting.len());
            text = rest;
            if !text.is_empty() && !self.modes.has(Mode::Autowrap) {
                // Without wrapping every further character replaces the last cell; only the last one stays.
                text = &text[text.len() - 1..];
            }
        }
    }

    /// Prints one character, which may be zero, one or two columns wide.
    pub(crate) fn print(&mut self, character: char) {
        let mut character = self.pen.charset().map(character);
        let columns = self.size.width();
        let width = match character.width() {
            None => return,
            Some(0) => return self.combine(character),
            Some(2) if columns == 1 => {
                // No wide character fits: show that there is one.
                character = char::REPLACEMENT_CHARACTER;
                1
            }
            Some(width) => width,
        };
        self.last = Some(character);
        self.wrap_if_pending();
        if self.pen.column + width > columns {
            if self.modes.has(Mode::Autowrap) {
                self.wrap();
            } else {
                self.pen.column = columns - width;
            }
        }
        let glyph = if width == 2 {
            Glyph::wide(character)
        } else {
            Glyph::narrow(character)
        };
        let insert = self.modes.has(Mode::Insert);
        let row = self.grid.row_mut(self.pen.row);
        if insert {
            row.insert(self.pen.column, width, self.pen.style.erased(), columns);
        }
        row.write(self.pen.column, glyph, self.pen.style, columns);
        self.advance(width);
    }

    /// Executes a control character, C0 or C1.
    pub(crate) fn control(&mut self, byte: u8) {
        match byte {
            0x08 => self.move_left(1),
            b'\t' => self.tab_forward(1),
            b'\n' | 0x0b | 0x0c => {
                self.index();
                if self.modes.has(Mode::Newline) {
                    self.pen.column = 0;
                }
            }
            b'\r' => self.move_to_column(0),
            0x0e => self.pen.shift = 1,
            0x0f => self.pen.shift = 0,
            0x84 => self.index(),
            0x85 => {
                self.move_to_column(0);
                self.index();
            }
            0x88 => self.tabs.set(self.pen.column),
            0x8d => self.reverse_index(),
            _ => {}
        }
    }

    /// Moves down a row; at the bottom margin the region scrolls instead.
    pub(crate) fn index(&mut self) {
        self.pen.pending_wrap = false;
        if self.pen.row == self.region.bottom {
            self.scroll_up(self.region, 1);
        } else if self.pen.row + 1 < self.size.height() {
            self.pen.row += 1;
        }
    }

    /// Moves up a row; at the top margin the region scrolls instead.
    pub(crate) fn reverse_index(&mut self) {
        self.pen.pending_wrap = false;
        if self.pen.row == self.region.top {
            self.grid
                .scroll_down(self.region, 1, self.pen.style.erased());
        } else {
            self.pen.row = self.pen.row.saturating_sub(1);
        }
    }

    /// SU.
    pub(crate) fn scroll_region_up(&mut self, count: usize) {
        self.pen.pending_wrap = false;
        self.scroll_up(self.region, count);
    }

    /// SD.
    pub(crate) fn scroll_region_down(&mut self, count: usize) {
        self.pen.pending_wrap = false;
        self.grid
            .scroll_down(self.region, count, self.pen.style.erased());
    }

    /// Scrolls rows; only the primary buffer has a history.
    fn scroll_up(&mut self, region: Region, count: usize) {
        let sink = self.primary.is_none().then_some(&mut self.scrollback);
        self.grid
            .scroll_up(region, count, self.pen.style.erased(), sink);
    }

    #[inline]
    fn wrap_if_pending(&mut self) {
        if self.pen.pending_wrap && self.modes.has(Mode::Autowrap) {
            self.wrap();
        }
    }

    fn wrap(&mut self) {
        // Below the region, on the last row, there is nowhere to go: the row is overwritten and no line goes on.
        if self.pen.row == self.region.bottom || self.pen.row + 1 < self.size.height() {
            self.grid.row_mut(self.pen.row).set_wrapped(true);
        }
        self.pen.column = 0;
        self.index();
    }

    #[inline]
    fn advance(&mut self, width: usize) {
        self.pen.column += width;
        self.pen.pending_wrap = self.pen.column >= self.size.width();
        if self.pen.pending_wrap {
            self.pen.column = self.size.width() - 1;
        }
    }

    /// Adds a zero-width character to the character before the cursor; at the start of a row there is none.
    fn combine(&mut self, character: char) {
        let at = if self.pen.pending_wrap {
            Some(self.pen.column)
        } else {
            self.pen.column.checked_sub(1)
        };
        let Some(mut column) = at else { return };
        let row = self.grid.row_mut(self.pen.row);
        if row.glyph(column).is_spacer() {
            column -= 1;
        }
        row.mark(column, character, self.size.width());
    }
}
