//! Zero-width characters of one row: combining marks, joiners and selectors, beside the cells that they modify.

use std::ops::Range;

/// Most bytes of zero-width characters that one cell keeps; further ones are dropped. Four marks of three bytes cover
/// what scripts stack on one letter, and an entry fills exactly 16 bytes.
const CELL_BYTES_MAX: usize = 13;

/// The zero-width characters of one cell, as UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    column: u16,
    len: u8,
    bytes: [u8; CELL_BYTES_MAX],
}

/// A row's side table, sorted by column. It dies with the row's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(Vec<Mark>);

impl Marks {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// First column after the last cell that has marks.
    pub(crate) fn end(&self) -> usize {
        self.0.last().map_or(0, |mark| usize::from(mark.column) + 1)
    }

    /// What the cell at `column` carries beside its character.
    pub(crate) fn of(&self, column: usize) -> &str {
        let Ok(at) = self.find(column) else {
            return "";
        };
        let mark = &self.0[at];
        str::from_utf8(&mark.bytes[..usize::from(mark.len)])
            .expect("only whole characters are appended")
    }

    /// Bytes of the marks on some cells.
    pub(crate) fn bytes_on(&self, columns: &Range<usize>) -> usize {
        let inside = self
            .0
            .iter()
            .filter(|mark| columns.contains(&usize::from(mark.column)));
        inside.map(|mark| usize::from(mark.len)).sum()
    }

    /// The columns that have marks, in order.
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|mark| usize::from(mark.column))
    }

    /// Adds a character to a cell, if the cell has room.
    pub(crate) fn add(&mut self, column: usize, character: char) {
        let at = match self.find(column) {
            Ok(at) => at,
            Err(at) => {
                let column = u16::try_from(column).expect("a column is below SIDE_MAX");
                let mark = Mark {
                    column,
                    len: 0,
                    bytes: [0; CELL_BYTES_MAX],
                };
                self.0.insert(at, mark);
                at
            }
        };
        let mark = &mut self.0[at];
        let from = usize::from(mark.len);
        let to = from + character.len_utf8();
        if to <= CELL_BYTES_MAX {
            character.encode_utf8(&mut mark.bytes[from..to]);
            mark.len = u8::try_from(to).expect("at most CELL_BYTES_MAX");
        }
    }

    /// Forgets the marks of some cells.
    pub(crate) fn remove(&mut self, columns: Range<usize>) {
        self.0
            .retain(|mark| !columns.contains(&usize::from(mark.column)));
    }

    /// Moves the marks from `column` on to the right, those that pass `end` fall off.
    pub(crate) fn shift_right(&mut self, column: usize, by: usize, end: usize) {
        for mark in &mut self.0 {
            if usize::from(mark.column) >= column {
                mark.column = mark
                    .column
                    .saturating_add(u16::try_from(by).unwrap_or(u16::MAX));
            }
        }
        self.0.retain(|mark| usize::from(mark.column) < end);
    }

    /// Moves the marks from `column + by` on to the left; those in between are gone.
    pub(crate) fn shift_left(&mut self, column: usize, by: usize) {
        self.remove(column..column + by);
        for mark in &mut self.0 {
            if usize::from(mark.column) >= column + by {
                mark.column -=
                    u16::try_from(by).expect("no more than the column that it is taken from");
            }
        }
    }

    /// Bytes held on the heap, this value included (it is boxed).
    pub(crate) fn retained_bytes(&self) -> usize {
        size_of::<Self>() + self.0.capacity() * size_of::<Mark>()
    }

    fn find(&self, column: usize) -> Result<usize, usize> {
        self.0
            .binary_search_by_key(&column, |mark| usize::from(mark.column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_keeps_thirteen_bytes_of_marks_and_no_more() {
        let mut marks = Marks::default();
        for _ in 0..1000 {
            marks.add(3, '\u{301}');
            marks.add(1, '\u{20dd}');
        }
        assert_eq!(marks.of(3).len(), 12);
        assert_eq!(marks.of(1).len(), 12);
        assert_eq!(marks.of(2), "");
        assert_eq!(marks.end(), 4);
    }

    #[test]
    fn marks_move_with_their_cells() {
        let mut marks = Marks::default();
        for column in [0, 4, 9] {
            marks.add(column, '\u{301}');
        }
        marks.shift_right(4, 2, 10);
        assert_eq!((marks.of(6), marks.of(4), marks.end()), ("\u{301}", "", 7));
        marks.shift_left(3, 3);
        assert_eq!(
            (marks.of(3), marks.of(0), marks.end()),
            ("\u{301}", "\u{301}", 4)
        );
        marks.remove(0..10);
        assert!(marks.is_empty());
    }
}
