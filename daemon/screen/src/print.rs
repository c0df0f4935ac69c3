//! Printing: wrapping, wide and zero-width characters.

use std::str::Chars;

use crate::cursor::Charset;
use crate::glyph::Glyph;
use crate::modes::Mode;
use crate::terminal::Terminal;
use crate::width::columns_of;

/// Cells of text beyond ASCII that are written together; a buffer of this size is on the stack.
const GLYPHS_AT_ONCE: usize = 64;

impl Terminal {
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

    /// Prints text, several characters at a time where they go beside each other.
    pub(crate) fn print_text(&mut self, text: &str) {
        let mut rest = text.chars();
        while let Some(character) = rest.clone().next() {
            if self.print_beside(&mut rest) == 0 {
                rest.next();
                match character {
                    '\u{80}'..='\u{9f}' => self.control(character as u8),
                    _ => self.print(character),
                }
            }
        }
    }

    /// Prints the characters that need nothing but a place in the current row, as far as the row and a buffer go. Returns the
    /// number of cells; 0 when the next character, or the state of the terminal, needs more care.
    fn print_beside(&mut self, text: &mut Chars<'_>) -> usize {
        let mut glyphs = [Glyph::BLANK; GLYPHS_AT_ONCE];
        let pen = &self.pen;
        if pen.pending_wrap || pen.charset() != Charset::Ascii || self.modes.has(Mode::Insert) {
            return 0;
        }
        let room = (self.size.width() - pen.column).min(GLYPHS_AT_ONCE);
        let mut count = 0;
        while let Some(character) = text.clone().next() {
            match columns_of(character) {
                Some(1) if count < room => glyphs[count] = Glyph::narrow(character),
                Some(2) if count + 1 < room => {
                    glyphs[count] = Glyph::wide(character);
                    count += 1;
                    glyphs[count] = Glyph::SPACER;
                }
                _ => break,
            }
            count += 1;
            self.last = Some(character);
            text.next();
        }
        if count > 0 {
            let row = self.grid.row_mut(self.pen.row);
            row.write_glyphs(
                self.pen.column,
                &glyphs[..count],
                self.pen.style,
                self.size.width(),
            );
            self.advance(count);
        }
        count
    }

    /// Prints one character, which may be zero, one or two columns wide.
    pub(crate) fn print(&mut self, character: char) {
        let mut character = self.pen.charset().map(character);
        let columns = self.size.width();
        let width = match columns_of(character) {
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
