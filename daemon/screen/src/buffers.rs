//! Primary and alternate buffer, new sizes, and resets: what replaces whole parts of the terminal at once.

use crate::cursor::Pen;
use crate::grid::{Grid, Region};
use crate::modes::{Mode, Modes};
use crate::size::Size;
use crate::tabs::TabStops;
use crate::terminal::Terminal;

/// The primary buffer and its saved cursor, while the alternate one is shown.
#[derive(Debug, PartialEq)]
pub(crate) struct Primary {
    pub(crate) grid: Grid,
    pub(crate) saved: Pen,
}

impl Terminal {
    /// Shows the alternate buffer, which is always a blank one: what it held before died when it was left.
    pub(crate) fn enter_alternate(&mut self) {
        if self.primary.is_none() {
            let grid = std::mem::replace(&mut self.grid, Grid::new(self.size, self.revision));
            let saved = std::mem::take(&mut self.saved);
            self.primary = Some(Box::new(Primary { grid, saved }));
            self.pen.pending_wrap = false;
        }
    }

    /// Shows the primary buffer again.
    pub(crate) fn leave_alternate(&mut self) {
        if let Some(primary) = self.primary.take() {
            self.grid = primary.grid;
            self.grid.begin(self.revision);
            self.grid.touch_all();
            self.saved = primary.saved;
            self.pen.pending_wrap = false;
        }
    }

    /// Takes a new size: lines are kept, the margins go, the cursor stays on its character where that still exists.
    pub(crate) fn resize(&mut self, size: Size) {
        if size == self.size {
            return;
        }
        self.begin_revision();
        self.size = size;
        self.last = None;
        self.region = Region::full(size);
        match &mut self.primary {
            None => {
                let moved = self
                    .grid
                    .resize(size, self.pen.row, Some(&mut self.scrollback));
                follow(&mut self.pen, moved, size);
                follow(&mut self.saved, moved, size);
            }
            Some(primary) => {
                let moved =
                    primary
                        .grid
                        .resize(size, primary.saved.row, Some(&mut self.scrollback));
                follow(&mut primary.saved, moved, size);
                let moved = self.grid.resize(size, self.pen.row, None);
                follow(&mut self.pen, moved, size);
                follow(&mut self.saved, moved, size);
            }
        }
    }

    /// Whether a snapshot of one would rebuild the other: all but history and answers.
    pub(crate) fn shows_same_as(&self, other: &Terminal) -> bool {
        let stops = |terminal: &Terminal| {
            terminal
                .tabs
                .columns(terminal.size.width())
                .collect::<Vec<_>>()
        };
        self.size == other.size
            && self.grid == other.grid
            && self.pen == other.pen
            && self.saved == other.saved
            && self.primary == other.primary
            && self.region == other.region
            && self.modes == other.modes
            && stops(self) == stops(other)
            && self.title == other.title
            && (self.last == other.last || self.modes.has(Mode::Insert))
    }

    /// Bytes held on the heap.
    pub(crate) fn retained_bytes(&self) -> usize {
        let primary = self.primary.as_ref();
        self.grid.retained_bytes()
            + primary.map_or(0, |primary| {
                size_of::<Primary>() + primary.grid.retained_bytes()
            })
            + self.title.capacity()
            + self.replies.retained_bytes()
            + self.scrollback.retained_bytes()
    }

    /// RIS: everything as it was at first, except the history, which is the user's.
    pub(crate) fn reset(&mut self) {
        self.leave_alternate();
        self.soft_reset();
        self.grid = Grid::new(self.size, self.revision);
        self.pen = Pen::default();
        self.modes = Modes::default();
        self.tabs = TabStops::default();
        self.title = String::new();
        self.last = None;
    }

    /// DECSTR: modes, margins and attributes, not the text and not the cursor's place.
    pub(crate) fn soft_reset(&mut self) {
        for mode in [
            Mode::Insert,
            Mode::Newline,
            Mode::ApplicationCursor,
            Mode::ApplicationKeypad,
        ] {
            self.modes.reset(mode);
        }
        self.modes.set(Mode::CursorVisible);
        self.modes.set(Mode::Autowrap);
        self.region = Region::full(self.size);
        self.pen = Pen {
            row: self.pen.row,
            column: self.pen.column,
            ..Pen::default()
        };
        self.saved = Pen::default();
    }
}

/// Keeps a cursor on its character through a resize, or as near as there is room.
fn follow(pen: &mut Pen, moved: usize, new: Size) {
    pen.row = pen.row.saturating_sub(moved).min(new.height() - 1);
    pen.column = pen.column.min(new.width() - 1);
    pen.pending_wrap = false;
}
