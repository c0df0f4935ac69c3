//! Erasing, inserting and deleting on the screen.

use crate::grid::Region;
use crate::size::SIDE_MAX;
use crate::style::Style;
use crate::terminal::Terminal;

impl Terminal {
    /// ED: 0 from the cursor on, 1 up to it, 2 everything, 3 the history.
    pub(crate) fn erase_display(&mut self, what: u16) {
        let style = self.pen.style.erased();
        let height = self.size.height();
        match what {
            // All of it is below: rows then cease to exist instead of being blanked.
            0 if self.pen.row == 0 && self.pen.column == 0 => {
                self.grid.erase_rows(0, height, style)
            }
            0 => {
                self.erase_line(0);
                self.grid.erase_rows(self.pen.row + 1, height, style);
            }
            1 => {
                self.erase_line(1);
                self.grid.erase_rows(0, self.pen.row, style);
            }
            2 => self.grid.erase_rows(0, height, style),
            3 => self.scrollback.clear(),
            _ => {}
        }
    }

    /// EL: 0 from the cursor on, 1 up to it, 2 the whole line.
    pub(crate) fn erase_line(&mut self, what: u16) {
        let columns = self.size.width();
        match what {
            0 => self.erase_cells(self.pen.column, columns),
            1 => self.erase_cells(0, self.pen.column + 1),
            2 => self.erase_cells(0, columns),
            _ => {}
        }
    }

    /// ECH.
    pub(crate) fn erase_characters(&mut self, count: usize) {
        self.erase_cells(
            self.pen.column,
            (self.pen.column + count).min(self.size.width()),
        );
    }

    /// ICH.
    pub(crate) fn insert_characters(&mut self, count: usize) {
        let (style, columns) = (self.pen.style.erased(), self.size.width());
        self.grid
            .row_mut(self.pen.row)
            .insert(self.pen.column, count, style, columns);
    }

    /// DCH.
    pub(crate) fn delete_characters(&mut self, count: usize) {
        let (style, columns) = (self.pen.style.erased(), self.size.width());
        self.grid
            .row_mut(self.pen.row)
            .delete(self.pen.column, count, style, columns);
    }

    /// IL: within the margins only.
    pub(crate) fn insert_lines(&mut self, count: usize) {
        if let Some(region) = self.region_below() {
            self.grid
                .scroll_down(region, count, self.pen.style.erased());
            self.move_to_column(0);
        }
    }

    /// DL: within the margins only; deleted lines are not history.
    pub(crate) fn delete_lines(&mut self, count: usize) {
        if let Some(region) = self.region_below() {
            self.grid
                .scroll_up(region, count, self.pen.style.erased(), None);
            self.move_to_column(0);
        }
    }

    /// DECALN: an `E` in every cell.
    pub(crate) fn alignment_test(&mut self) {
        self.region = Region::full(self.size);
        let columns = self.size.width();
        for row in 0..self.size.height() {
            let line = [b'E'; SIDE_MAX as usize];
            self.grid
                .row_mut(row)
                .write_ascii(0, &line[..columns], Style::DEFAULT, columns);
        }
        self.pen.origin = false;
        self.move_to(0, 0);
    }

    fn erase_cells(&mut self, column: usize, end: usize) {
        let style = self.pen.style.erased();
        // A row that does not exist is blank already.
        if style != Style::DEFAULT || self.grid.row(self.pen.row).is_some() {
            self.grid
                .row_mut(self.pen.row)
                .erase(column, end, style, self.size.width());
        }
    }

    /// The rows from the cursor to the bottom margin, when the cursor is within the margins.
    fn region_below(&self) -> Option<Region> {
        let row = self.pen.row;
        (self.region.top..=self.region.bottom)
            .contains(&row)
            .then_some(Region {
                top: row,
                bottom: self.region.bottom,
            })
    }
}
