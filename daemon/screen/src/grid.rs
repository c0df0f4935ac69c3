//! The rows of one screen buffer; rows exist once something is written to them.

use std::collections::VecDeque;

use crate::row::Row;
use crate::scrollback::Scrollback;
use crate::size::Size;
use crate::style::Style;

/// Rows from the top down; those beyond the last existing one are blank.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    rows: VecDeque<Row>,
    size: Size,
    /// The revision that changes belong to.
    revision: u64,
    /// The one in which all rows changed last: each shows, or may show, something else than before.
    all_changed: u64,
}

/// Rows of the grid between two margins, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) top: usize,
    pub(crate) bottom: usize,
}

impl Region {
    pub(crate) fn full(size: Size) -> Region {
        Region {
            top: 0,
            bottom: size.height() - 1,
        }
    }
}

impl Grid {
    pub(crate) fn new(size: Size, revision: u64) -> Grid {
        Grid {
            rows: VecDeque::new(),
            size,
            revision,
            all_changed: revision,
        }
    }

    /// Begins a revision of the screen.
    pub(crate) fn begin(&mut self, revision: u64) {
        self.revision = revision;
    }

    /// Counts every row as changed: another buffer is shown, or rows have moved.
    pub(crate) fn touch_all(&mut self) {
        self.all_changed = self.revision;
    }

    /// The rows that were changed after a revision, from the top. A row that scrolled and was not written to is none, as long as
    /// it is known by its line's number; one that nothing was ever written to may be left out.
    pub(crate) fn changed_after(&self, revision: u64) -> impl Iterator<Item = usize> {
        let all = self.all_changed > revision;
        (0..self.size.height()).filter(move |index| {
            all || self.row(*index).is_some_and(|row| row.changed() > revision)
        })
    }

    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// A row that exists; blank ones beyond the last written row do not.
    pub(crate) fn row(&self, index: usize) -> Option<&Row> {
        self.rows.get(index)
    }

    /// A row to write to; it exists from now on.
    #[inline]
    pub(crate) fn row_mut(&mut self, index: usize) -> &mut Row {
        if index >= self.rows.len() {
            self.materialise(index);
        }
        let row = &mut self.rows[index];
        row.set_changed(self.revision);
        row
    }

    /// Text of every row, blank ones included.
    pub(crate) fn text(&self) -> Vec<String> {
        (0..self.size.height())
            .map(|index| self.row(index).map_or_else(String::new, Row::text))
            .collect()
    }

    /// Moves the rows of a region up by `count`. What leaves from the grid's first row goes to the scrollback.
    pub(crate) fn scroll_up(
        &mut self,
        region: Region,
        count: usize,
        style: Style,
        mut sink: Option<&mut Scrollback>,
    ) {
        let count = count.min(region.bottom - region.top + 1);
        let whole = region == Region::full(self.size);
        if !whole || sink.is_none() {
            // Rows keep their numbers only when all of them move, into the history.
            self.touch_all();
        }
        if whole {
            for _ in 0..count {
                self.scroll_line(style, sink.as_deref_mut());
            }
            return;
        }
        self.materialise(region.bottom);
        let rows = &mut self.rows.make_contiguous()[region.top..=region.bottom];
        if let (0, Some(scrollback)) = (region.top, sink) {
            rows[..count].iter().for_each(|row| scrollback.push(row));
        }
        rows.rotate_left(count);
        let kept = rows.len() - count;
        let columns = self.size.width();
        for row in &mut rows[kept..] {
            row.recycle();
            row.erase(0, columns, style, columns);
        }
    }

    /// Moves the rows of a region down by `count`; what leaves at the bottom is gone.
    pub(crate) fn scroll_down(&mut self, region: Region, count: usize, style: Style) {
        let count = count.min(region.bottom - region.top + 1);
        self.touch_all();
        self.materialise(region.bottom);
        let rows = &mut self.rows.make_contiguous()[region.top..=region.bottom];
        rows.rotate_right(count);
        let columns = self.size.width();
        for row in &mut rows[..count] {
            row.recycle();
            row.erase(0, columns, style, columns);
        }
        if let Some(last) = rows.last_mut() {
            last.set_wrapped(false);
        }
    }

    /// Makes whole rows blank. Without a background their buffers go too: a cleared screen holds nothing.
    pub(crate) fn erase_rows(&mut self, first: usize, end: usize, style: Style) {
        if style == Style::DEFAULT {
            if end == self.size.height() {
                if first < self.rows.len() {
                    self.touch_all();
                }
                self.rows.truncate(first);
            } else {
                let kept = first.min(self.rows.len())..end.min(self.rows.len());
                for row in self.rows.range_mut(kept) {
                    *row = Row::default();
                    row.set_changed(self.revision);
                }
            }
            return;
        }
        let columns = self.size.width();
        for index in first..end {
            self.row_mut(index).erase(0, columns, style, columns);
        }
    }

    /// Takes a new size. Rows that no longer fit leave at the bottom while they are blank and below the cursor, then at
    /// the top, to the scrollback. Returns by how many rows the rest moved up.
    pub(crate) fn resize(
        &mut self,
        size: Size,
        cursor_row: usize,
        mut sink: Option<&mut Scrollback>,
    ) -> usize {
        let used = self
            .rows
            .iter()
            .rposition(|row| row.used() > 0)
            .map_or(0, |last| last + 1);
        let excess = used.max(cursor_row + 1).saturating_sub(size.height());
        for _ in 0..excess {
            self.leave(sink.as_deref_mut());
        }
        self.rows.truncate(size.height());
        self.rows.shrink_to(size.height());
        if size.columns() < self.size.columns() {
            self.rows
                .iter_mut()
                .for_each(|row| row.narrow_to(size.width()));
        }
        self.size = size;
        self.touch_all();
        if let Some(last) = self.rows.get_mut(size.height() - 1) {
            last.set_wrapped(false);
        }
        excess
    }

    /// Bytes held on the heap.
    pub(crate) fn retained_bytes(&self) -> usize {
        self.rows.capacity() * size_of::<Row>()
            + self.rows.iter().map(Row::retained_bytes).sum::<usize>()
    }

    /// Scrolls the whole grid by one line: the first row comes back as the last one, with its buffers.
    fn scroll_line(&mut self, style: Style, sink: Option<&mut Scrollback>) {
        let first = self.leave(sink);
        if let Some(mut row) = first {
            row.recycle();
            self.rows.push_back(row);
        }
        if style != Style::DEFAULT {
            let columns = self.size.width();
            self.row_mut(self.size.height() - 1)
                .erase(0, columns, style, columns);
        }
    }

    /// Takes the first row out, as text that goes to the scrollback.
    fn leave(&mut self, sink: Option<&mut Scrollback>) -> Option<Row> {
        let first = self.rows.pop_front();
        if let Some(scrollback) = sink {
            match &first {
                Some(row) => scrollback.push(row),
                None => scrollback.push(&Row::default()),
            }
        }
        first
    }

    fn materialise(&mut self, index: usize) {
        if index >= self.rows.len() {
            let target = (index + 1).next_power_of_two().min(self.size.height());
            if target > self.rows.capacity() {
                self.rows.reserve_exact(target - self.rows.len());
            }
            self.rows.resize_with(index + 1, Row::default);
        }
    }
}

/// Two grids are equal when they look equal.
impl PartialEq for Grid {
    fn eq(&self, other: &Grid) -> bool {
        let blank = Row::default();
        self.size == other.size
            && (0..self.size.height())
                .all(|at| self.row(at).unwrap_or(&blank) == other.row(at).unwrap_or(&blank))
    }
}
