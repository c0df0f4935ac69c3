//! One row of cells, as long as what was written to it.

use crate::glyph::Glyph;
use crate::marks::Marks;
use crate::style::Style;

/// Cells of a new row; short prompts never need more.
const CELLS_MIN: usize = 16;

/// Characters and styles of a row, side by side. Cells beyond the end are blank in the default style, and a row in the
/// default style has no styles at all: `styles` is empty or as long as `glyphs`.
///
/// The `columns` that methods take are the width of the grid, which a row never outgrows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    glyphs: Vec<Glyph>,
    styles: Vec<Style>,
    marks: Option<Box<Marks>>,
    /// The revision in which it was written to last.
    changed: u64,
    wrapped: bool,
}

impl Row {
    /// Whether the text goes on in the next row because the line was full.
    pub(crate) fn is_wrapped(&self) -> bool {
        self.wrapped
    }

    pub(crate) fn set_wrapped(&mut self, wrapped: bool) {
        self.wrapped = wrapped;
    }

    pub(crate) fn changed(&self) -> u64 {
        self.changed
    }

    pub(crate) fn set_changed(&mut self, revision: u64) {
        self.changed = revision;
    }

    pub(crate) fn glyphs(&self) -> &[Glyph] {
        &self.glyphs
    }

    /// Styles of the cells; empty when all have the default style.
    pub(crate) fn styles(&self) -> &[Style] {
        &self.styles
    }

    pub(crate) fn glyph(&self, column: usize) -> Glyph {
        self.glyphs.get(column).copied().unwrap_or(Glyph::BLANK)
    }

    pub(crate) fn style(&self, column: usize) -> Style {
        self.styles.get(column).copied().unwrap_or_default()
    }

    /// The zero-width characters on a cell.
    pub(crate) fn marks(&self, column: usize) -> &str {
        self.marks.as_ref().map_or("", |marks| marks.of(column))
    }

    /// The side table of zero-width characters, where there is one.
    pub(crate) fn marked(&self) -> Option<&Marks> {
        self.marks.as_deref()
    }

    /// Number of cells up to the last one that is not blank in the default style.
    pub(crate) fn used(&self) -> usize {
        let marked = self.marks.as_ref().map_or(0, |marks| marks.end());
        let mut used = self.glyphs.len();
        while used > marked
            && self.glyphs[used - 1] == Glyph::BLANK
            && self.style(used - 1) == Style::DEFAULT
        {
            used -= 1;
        }
        used
    }

    /// The row's text, trailing blanks removed.
    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(self.glyphs.len());
        for (column, glyph) in self.glyphs.iter().enumerate() {
            if !glyph.is_spacer() {
                text.push(glyph.character());
                text.push_str(self.marks(column));
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text
    }

    /// Writes printable ASCII, a cell per byte.
    pub(crate) fn write_ascii(&mut self, column: usize, text: &[u8], style: Style, columns: usize) {
        let end = column + text.len();
        self.prepare(column, end, columns);
        let (over, append) = text.split_at((self.glyphs.len() - column).min(text.len()));
        for (glyph, byte) in self.glyphs[column..].iter_mut().zip(over) {
            *glyph = Glyph::ascii(*byte);
        }
        self.glyphs
            .extend(append.iter().map(|byte| Glyph::ascii(*byte)));
        self.paint(column, end, style);
    }

    /// Writes cells as they are; wide glyphs come with their spacers.
    pub(crate) fn write_glyphs(
        &mut self,
        column: usize,
        glyphs: &[Glyph],
        style: Style,
        columns: usize,
    ) {
        let end = column + glyphs.len();
        self.prepare(column, end, columns);
        let (over, append) = glyphs.split_at((self.glyphs.len() - column).min(glyphs.len()));
        self.glyphs[column..column + over.len()].copy_from_slice(over);
        self.glyphs.extend_from_slice(append);
        self.paint(column, end, style);
    }

    /// Writes one cell, or two when the glyph is wide.
    pub(crate) fn write(&mut self, column: usize, glyph: Glyph, style: Style, columns: usize) {
        let both = [glyph, Glyph::SPACER];
        self.write_glyphs(
            column,
            if glyph.is_wide() { &both } else { &both[..1] },
            style,
            columns,
        );
    }

    /// Adds a zero-width character to a cell.
    pub(crate) fn mark(&mut self, column: usize, character: char, columns: usize) {
        if self.glyphs.len() <= column {
            self.reserve(column + 1, columns);
            self.glyphs.resize(column + 1, Glyph::BLANK);
            self.level_styles();
        }
        self.marks.get_or_insert_default().add(column, character);
    }

    /// Makes cells blank in the given style.
    pub(crate) fn erase(&mut self, column: usize, end: usize, style: Style, columns: usize) {
        if column >= end {
            return;
        }
        if style == Style::DEFAULT && end >= self.glyphs.len() {
            self.heal(column);
            self.remove_marks(column, columns);
            self.glyphs.truncate(column);
            self.styles.truncate(column);
            if end == columns {
                self.wrapped = false;
            }
            return;
        }
        self.prepare(column, end, columns);
        if self.glyphs.len() < end {
            self.glyphs.resize(end, Glyph::BLANK);
        }
        self.glyphs[column..end].fill(Glyph::BLANK);
        self.paint(column, end, style);
    }

    /// Empties the row and keeps its buffers, for a row that scrolled off and comes back at the bottom.
    pub(crate) fn recycle(&mut self) {
        self.glyphs.clear();
        self.styles.clear();
        self.marks = None;
        self.wrapped = false;
    }

    /// Bytes held on the heap.
    pub(crate) fn retained_bytes(&self) -> usize {
        self.glyphs.capacity() * size_of::<Glyph>()
            + self.styles.capacity() * size_of::<Style>()
            + self
                .marks
                .as_ref()
                .map_or(0, |marks| marks.retained_bytes())
    }

    /// Before cells are overwritten: no marks, no halves of wide characters at the edges, no gap before them.
    #[inline]
    fn prepare(&mut self, column: usize, end: usize, columns: usize) {
        self.remove_marks(column, end);
        if end == columns {
            self.wrapped = false;
        }
        let len = self.glyphs.len();
        if column < len {
            self.heal(column);
            self.heal(end);
        }
        self.reserve(end, columns);
        if len < column {
            self.glyphs.resize(column, Glyph::BLANK);
        }
    }

    /// Gives cells a style; the glyphs are there already.
    #[inline]
    fn paint(&mut self, column: usize, end: usize, style: Style) {
        if self.styles.is_empty() && style == Style::DEFAULT {
            return;
        }
        self.styles
            .reserve_exact(self.glyphs.capacity() - self.styles.len());
        if self.styles.len() < column {
            self.styles.resize(column, Style::DEFAULT);
        }
        let over = self.styles.len().min(end);
        self.styles[column..over].fill(style);
        if self.styles.len() < end {
            self.styles.resize(end, style);
        }
        self.level_styles();
    }

    /// Brings the styles, where there are any, to the length of the glyphs.
    fn level_styles(&mut self) {
        if !self.styles.is_empty() && self.styles.len() < self.glyphs.len() {
            self.styles
                .reserve_exact(self.glyphs.capacity() - self.styles.len());
            self.styles.resize(self.glyphs.len(), Style::DEFAULT);
        }
    }

    /// Room for `len` cells, in steps of powers of two and never beyond the width.
    #[inline]
    fn reserve(&mut self, len: usize, columns: usize) {
        if self.glyphs.capacity() < len {
            let target = len.next_power_of_two().max(CELLS_MIN).min(columns).max(len);
            self.glyphs.reserve_exact(target - self.glyphs.len());
        }
    }

    /// If the edge before `column` cuts a wide character, makes both halves blank.
    #[inline]
    fn heal(&mut self, column: usize) {
        if column > 0
            && self
                .glyphs
                .get(column)
                .is_some_and(|glyph| glyph.is_spacer())
        {
            self.blank(column - 1);
            self.glyphs[column] = Glyph::BLANK;
        }
    }

    fn blank(&mut self, column: usize) {
        self.glyphs[column] = Glyph::BLANK;
        self.remove_marks(column, column + 1);
    }

    #[inline]
    fn remove_marks(&mut self, column: usize, end: usize) {
        // Text is mostly written from left to right, past the marks that are there.
        if let Some(marks) = &mut self.marks
            && column < marks.end()
        {
            marks.remove(column..end);
            self.drop_empty_marks();
        }
    }

    fn drop_empty_marks(&mut self) {
        if self.marks.as_ref().is_some_and(|marks| marks.is_empty()) {
            self.marks = None;
        }
    }
}

/// Two rows are equal when they look equal: blanks beyond the end of one are as good as blanks written to the other.
impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        let used = self.used();
        used == other.used()
            && self.wrapped == other.wrapped
            && (0..used).all(|at| {
                self.glyph(at) == other.glyph(at)
                    && self.style(at) == other.style(at)
                    && self.marks(at) == other.marks(at)
            })
    }
}

mod shift;
#[cfg(test)]
mod tests;
