//! Moving the cursor.

use crate::grid::Region;
use crate::terminal::Terminal;

impl Terminal {
    /// CUP and HVP: to a row and column counted from the origin.
    pub(crate) fn move_to(&mut self, row: usize, column: usize) {
        self.move_to_row(row);
        self.move_to_column(column);
    }

    /// VPA: to a row counted from the origin.
    pub(crate) fn move_to_row(&mut self, row: usize) {
        let (first, last) = self.row_bounds();
        self.pen.row = first.saturating_add(row).min(last);
        self.pen.pending_wrap = false;
    }

    /// CHA: to a column.
    pub(crate) fn move_to_column(&mut self, column: usize) {
        self.pen.column = column.min(self.size.width() - 1);
        self.pen.pending_wrap = false;
    }

    /// CUU: up, not across the top margin.
    pub(crate) fn move_up(&mut self, count: usize) {
        let limit = if self.pen.row >= self.region.top {
            self.region.top
        } else {
            0
        };
        self.pen.row = self.pen.row.saturating_sub(count).max(limit);
        self.pen.pending_wrap = false;
    }

    /// CUD: down, not across the bottom margin.
    pub(crate) fn move_down(&mut self, count: usize) {
        let last = self.size.height() - 1;
        let limit = if self.pen.row <= self.region.bottom {
            self.region.bottom
        } else {
            last
        };
        self.pen.row = (self.pen.row + count).min(limit);
        self.pen.pending_wrap = false;
    }

    /// CUB and BS: left within the row.
    pub(crate) fn move_left(&mut self, count: usize) {
        self.move_to_column(self.pen.column.saturating_sub(count));
    }

    /// CUF: right within the row.
    pub(crate) fn move_right(&mut self, count: usize) {
        self.move_to_column(self.pen.column + count);
    }

    /// VPR: down within the screen.
    pub(crate) fn move_rows_down(&mut self, count: usize) {
        let (_, last) = self.row_bounds();
        self.pen.row = (self.pen.row + count).min(last.max(self.pen.row));
        self.pen.pending_wrap = false;
    }

    /// HT and CHT.
    pub(crate) fn tab_forward(&mut self, count: usize) {
        self.move_to_column(self.tabs.after(self.pen.column, count, self.size.width()));
    }

    /// CBT.
    pub(crate) fn tab_back(&mut self, count: usize) {
        self.move_to_column(self.tabs.before(self.pen.column, count));
    }

    /// DECSTBM: rows counted from 1, both included; a region of one row is refused, as terminals do.
    pub(crate) fn set_region(&mut self, top: usize, bottom: usize) {
        let bottom = bottom.min(self.size.height());
        if top < bottom {
            self.region = Region {
                top: top - 1,
                bottom: bottom - 1,
            };
            self.move_to(0, 0);
        }
    }

    /// DECOM: the cursor goes to the new origin.
    pub(crate) fn set_origin(&mut self, origin: bool) {
        self.pen.origin = origin;
        self.move_to(0, 0);
    }

    /// DECSC.
    pub(crate) fn save_cursor(&mut self) {
        self.saved = self.pen;
    }

    /// DECRC.
    pub(crate) fn restore_cursor(&mut self) {
        self.pen = self.saved;
        let (first, last) = self.row_bounds();
        self.pen.row = self.pen.row.clamp(first, last);
        if self.pen.pending_wrap {
            // The line that is about to go on from here is not the one that went on before.
            self.grid.row_mut(self.pen.row).set_wrapped(false);
        }
    }

    /// First and last row that the cursor can be addressed to.
    fn row_bounds(&self) -> (usize, usize) {
        if self.pen.origin {
            (self.region.top, self.region.bottom)
        } else {
            (0, self.size.height() - 1)
        }
    }
}
