//! Moving the cells of a row sideways: insertion, deletion, and a narrower screen.

use super::Row;
use crate::glyph::Glyph;
use crate::style::Style;

impl Row {
    /// Makes room for `count` blank cells; what is pushed over the right edge is gone.
    pub(crate) fn insert(&mut self, column: usize, count: usize, style: Style, columns: usize) {
        let count = count.min(columns - column);
        self.wrapped = false;
        if column < self.glyphs.len() {
            self.heal(column);
            let len = (self.glyphs.len() + count).min(columns);
            self.reserve(len, columns);
            self.glyphs.resize(len, Glyph::BLANK);
            self.glyphs.copy_within(column..len - count, column + count);
            if !self.styles.is_empty() {
                self.level_styles();
                self.styles.copy_within(column..len - count, column + count);
            }
            if let Some(marks) = &mut self.marks {
                marks.shift_right(column, count, columns);
            }
            self.drop_empty_marks();
            // What is moved is about to be erased: a half at either edge must not be taken for a whole.
            self.glyphs[column..column + count].fill(Glyph::BLANK);
            if self.glyphs[len - 1].is_wide() {
                self.blank(len - 1);
            }
        }
        self.erase(column, column + count, style, columns);
    }

    /// Removes cells; what follows moves left, and blanks come in at the right edge.
    pub(crate) fn delete(&mut self, column: usize, count: usize, style: Style, columns: usize) {
        let count = count.min(columns - column);
        let len = self.glyphs.len();
        self.wrapped = false;
        if column + count >= len {
            // What moves in from beyond the end of the row is in the default style.
            self.erase(column, columns, Style::DEFAULT, columns);
            self.erase(columns - count, columns, style, columns);
            return;
        }
        self.heal(column);
        self.heal(column + count);
        self.glyphs.copy_within(column + count.., column);
        self.glyphs.truncate(len - count);
        if !self.styles.is_empty() {
            self.styles.copy_within(column + count.., column);
            self.styles.truncate(len - count);
        }
        if let Some(marks) = &mut self.marks {
            marks.shift_left(column, count);
        }
        self.drop_empty_marks();
        self.erase(columns - count, columns, style, columns);
    }

    /// Cuts the row to a new width; a wide character cut in half becomes blank.
    pub(crate) fn narrow_to(&mut self, columns: usize) {
        if columns < self.glyphs.len() {
            self.heal(columns);
            self.remove_marks(columns, self.glyphs.len());
            self.glyphs.truncate(columns);
            self.styles.truncate(columns);
        }
        self.glyphs.shrink_to(columns);
        self.styles.shrink_to(columns);
    }
}
