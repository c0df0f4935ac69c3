//! The state of the emulated terminal, and its control characters.

use crate::buffers::Primary;
use crate::cursor::Pen;
use crate::grid::{Grid, Region};
use crate::modes::{Mode, Modes};
use crate::origin::Origin;
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
    /// Counts what changed the screen: pieces of output, new sizes.
    pub(crate) revision: u64,
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
    /// How often BEL has rung.
    pub(crate) bells: u64,
    /// The character that was printed last, for REP; none once a control or sequence came after it. So it always stands in the
    /// cell before the cursor, where a snapshot can print it once more.
    pub(crate) last: Option<char>,
    /// Set when the parser has dispatched a sequence or a string.
    pub(crate) sequence_ended: bool,
}

impl Terminal {
    pub(crate) fn new(size: Size, limit: ScrollbackLimit, origin: Origin) -> Terminal {
        Terminal {
            size,
            grid: Grid::new(size, origin.revision),
            revision: origin.revision,
            pen: Pen::default(),
            saved: Pen::default(),
            primary: None,
            region: Region::full(size),
            modes: Modes::default(),
            tabs: TabStops::default(),
            title: String::new(),
            replies: Replies::default(),
            scrollback: Scrollback::new(limit).numbered_from(origin.line),
            bells: 0,
            last: None,
            sequence_ended: false,
        }
    }

    /// Begins a new revision: what changes from now on has changed after the one before.
    pub(crate) fn begin_revision(&mut self) {
        self.revision += 1;
        self.grid.begin(self.revision);
    }

    /// Executes a control character, C0 or C1.
    pub(crate) fn control(&mut self, byte: u8) {
        self.last = None;
        match byte {
            0x07 => self.bells += 1,
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
}
