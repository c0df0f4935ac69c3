//! The screen of one session: bytes go in, what a terminal would show comes out.

use std::ops::Range;

use crate::cursor::Cursor;
use crate::final_screen::FinalScreen;
use crate::line::Line;
use crate::modes::Mode;
use crate::origin::Origin;
use crate::params::Params;
use crate::perform::OSC_BYTES_MAX;
use crate::scrollback::ScrollbackLimit;
use crate::search::{self, Matches, Pattern};
use crate::sequence::Unfinished;
use crate::size::Size;
use crate::terminal::Terminal;
use crate::utf8::Partial;
use crate::{csi, ground, snapshot};

/// An emulated terminal with a bounded history.
///
/// Its memory follows what was written: a new one holds nothing on the heap, a full one holds its cells (12 bytes each, at
/// most 44 with zero-width characters on every one, in both buffers) and the history within its limit. Everything else is
/// bounded by constants, for any input: an unfinished sequence, a title, answers that nobody takes.
pub struct Screen {
    terminal: Terminal,
    parser: vte::Parser<OSC_BYTES_MAX>,
    /// While this is not empty the parser has the word. It gets it with ESC and keeps it to the sequence's end; text goes past
    /// it.
    unfinished: Unfinished,
    partial: Partial,
}

impl Screen {
    /// A blank screen. Nothing is allocated: rows exist once they are written to.
    #[must_use]
    pub fn new(size: Size, limit: ScrollbackLimit) -> Screen {
        Screen::continuing(size, limit, Origin::default())
    }

    /// A blank screen whose revisions and line numbers begin at `origin`.
    #[must_use]
    pub fn continuing(size: Size, limit: ScrollbackLimit, origin: Origin) -> Screen {
        Screen {
            terminal: Terminal::new(size, limit, origin),
            parser: vte::Parser::default(),
            unfinished: Unfinished::default(),
            partial: Partial::default(),
        }
    }

    /// Takes output of the program, cut anywhere.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        if !bytes.is_empty() {
            self.terminal.begin_revision();
        }
        while !bytes.is_empty() {
            let used = if self.unfinished.is_empty() {
                self.feed_ground(bytes)
            } else {
                self.feed_sequence(bytes)
            };
            bytes = &bytes[used..];
        }
    }

    /// Takes the answers to what the program asked (DSR, DA): bytes to write to it. At most
    /// [`REPLY_BYTES_MAX`](crate::REPLY_BYTES_MAX) wait, further ones are dropped.
    pub fn take_replies(&mut self) -> Option<Vec<u8>> {
        self.terminal.replies.take()
    }

    /// Takes a new size. Lines are kept and not reflowed: rows that no longer fit go to the scrollback (those of the alternate
    /// buffer are gone), columns that no longer fit are cut, and half of a wide character becomes blank.
    pub fn resize(&mut self, size: Size) {
        self.terminal.resize(size);
    }

    /// Rows and columns.
    #[must_use]
    pub fn size(&self) -> Size {
        self.terminal.size
    }

    /// Where the cursor is.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        let side = |index: usize| u16::try_from(index).expect("the cursor is on the screen");
        Cursor {
            row: side(self.terminal.pen.row),
            column: side(self.terminal.pen.column),
            visible: self.terminal.modes.has(Mode::CursorVisible),
        }
    }

    /// The window title, at most [`TITLE_BYTES_MAX`](crate::TITLE_BYTES_MAX) bytes, without control characters.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.terminal.title
    }

    /// Whether the alternate buffer is shown, as editors and pagers do.
    #[must_use]
    pub fn is_alternate(&self) -> bool {
        self.terminal.primary.is_some()
    }

    /// The text of every row that is shown, from the top, trailing blanks removed.
    #[must_use]
    pub fn text_rows(&self) -> Vec<String> {
        self.terminal.grid.text()
    }

    /// Number of lines in the history.
    #[must_use]
    pub fn scrollback_len(&self) -> usize {
        self.terminal.scrollback.len()
    }

    /// Lines of the history with their styles; 0 is the oldest, and what lies beyond the last is left out.
    pub fn scrollback(&self, range: Range<usize>) -> impl Iterator<Item = Line> {
        self.terminal.scrollback.lines(range)
    }

    /// Number of the oldest line of the history. Lines are numbered from the first one on that ever left the screen, for good.
    #[must_use]
    pub fn first_line(&self) -> u64 {
        self.terminal.scrollback.first()
    }

    /// Number of the screen's first row: the one that it will have in the history.
    #[must_use]
    pub fn top_line(&self) -> u64 {
        self.first_line() + self.scrollback_len() as u64
    }

    /// A row that is shown, with its styles; blank beyond the last one.
    #[must_use]
    pub fn row(&self, index: usize) -> Line {
        self.terminal
            .grid
            .row(index)
            .map_or_else(Line::default, Line::of_row)
    }

    /// Where a screen's counts begin that takes this one's place: behind everything that was ever shown here.
    #[must_use]
    pub fn next_origin(&self) -> Origin {
        Origin {
            revision: self.revision() + 1,
            line: self.top_line() + u64::from(self.size().rows()),
        }
    }

    /// Counts what may have changed the screen: pieces of output and new sizes, from that of its [`Origin`] for a blank one.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.terminal.revision
    }

    /// The rows that look different, or may, than after the revision `since`, from the top. A reader that knows rows by the numbers
    /// of their lines ([`Screen::top_line`] on) needs only these, takes as blank what it was never told, and forgets what lies
    /// below the screen: output that scrolls changes the lines that are written, not those that move. A revision that this screen has not reached is another screen's:
    /// all rows have changed.
    pub fn changed_rows(&self, since: u64) -> impl Iterator<Item = usize> {
        let known = if since > self.revision() { 0 } else { since };
        self.terminal.grid.changed_after(known)
    }

    /// Looks for a pattern in the history and on the screen, from the line with the number `from` on, oldest first; at most `limit`
    /// places, and at most [`SEARCHED_BYTES_MAX`](crate::SEARCHED_BYTES_MAX) of text. A line that went over several rows is
    /// looked at as one.
    #[must_use]
    pub fn search(&self, pattern: &Pattern, from: u64, limit: usize) -> Matches {
        search::search(self, pattern, from, limit)
    }

    /// How often BEL has rung.
    #[must_use]
    pub fn bells(&self) -> u64 {
        self.terminal.bells
    }

    /// Names of the switches that are set, such as `bracketed-paste`.
    pub fn mode_names(&self) -> impl Iterator<Item = &'static str> {
        self.terminal.modes.names()
    }

    /// Says that a while has passed since this was said last: pieces of the history that were full then, and that the output since
    /// has not pushed out, are cold.
    pub fn age(&mut self) {
        self.terminal.scrollback.age();
    }

    /// Says that the output has paused: the whole history is cold.
    pub fn cool(&mut self) {
        self.terminal.scrollback.cool();
    }

    /// Whether a part of the history is cold and not compressed.
    #[must_use]
    pub fn is_cold(&self) -> bool {
        self.terminal.scrollback.is_cold()
    }

    /// Whether a part of the history could be compressed and is not, cold or not.
    #[must_use]
    pub fn is_warm(&self) -> bool {
        self.terminal.scrollback.is_warm()
    }

    /// Compresses up to `blocks_max` cold pieces of the history, 16 KiB of about 20 µs each. What is not cold is compressed only
    /// where the history is short of bytes.
    pub fn compact(&mut self, blocks_max: usize) {
        self.terminal.scrollback.compact(blocks_max);
    }

    /// Gives the history another limit; what is beyond it goes.
    pub fn set_scrollback_limit(&mut self, limit: ScrollbackLimit) {
        self.terminal.scrollback.set_limit(limit);
    }

    /// Text of lines of the history; 0 is the oldest, and what lies beyond the last is left out.
    #[must_use]
    pub fn scrollback_text(&self, range: Range<usize>) -> Vec<String> {
        self.scrollback(range).map(Line::into_text).collect()
    }

    /// Bytes that make a terminal of the same size show this screen and go on like it, whatever it showed before and whatever
    /// sequence it was inside of: both buffers, attributes, cursor, modes, margins, tab stops, title, and the beginning of a
    /// sequence or character that the output so far ended in. The history is not part of it.
    ///
    /// At most [`SNAPSHOT_BYTES_MAX`](crate::SNAPSHOT_BYTES_MAX): a screen that needs more is given around its cursor, nearest
    /// rows first, as text as far as that goes and with styles as far as there is room for them too.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = snapshot::take(&self.terminal);
        out.extend_from_slice(self.unfinished.bytes());
        out.extend_from_slice(self.partial.bytes());
        out
    }

    /// The same without an unfinished sequence or character: text, for whoever only wants to show it.
    #[must_use]
    pub fn redraw(&self) -> String {
        String::from_utf8(snapshot::take(&self.terminal)).expect("written from characters")
    }

    /// Whether both look the same and behave the same from now on: everything but the history and answers.
    #[must_use]
    pub fn shows_same_as(&self, other: &Screen) -> bool {
        self.terminal.shows_same_as(&other.terminal)
            && self.unfinished.bytes() == other.unfinished.bytes()
            && self.partial.bytes() == other.partial.bytes()
    }

    /// Bytes held on the heap, as allocated: rows, history, title, answers. `size_of::<Screen>()` comes on top, wherever the
    /// value itself is kept.
    #[must_use]
    pub fn retained_bytes(&self) -> usize {
        self.terminal.retained_bytes() + self.unfinished.retained_bytes()
    }

    /// Gives up everything but the text that is shown, for the tombstone of a session that ended.
    #[must_use]
    pub fn shed(self) -> FinalScreen {
        FinalScreen::new(&self)
    }

    /// Takes bytes while text is expected. Returns how many were used: all, or those before a sequence for the parser.
    fn feed_ground(&mut self, bytes: &[u8]) -> usize {
        let mut at = self.partial.complete(bytes, &mut self.terminal);
        let mut params = Params::new();
        while let Some(byte) = bytes.get(at) {
            let rest = &bytes[at..];
            at += match *byte {
                0x20..=0x7e => {
                    let run = ground::printable_run(rest);
                    self.terminal.print_ascii(&rest[..run]);
                    run
                }
                0x1b => match csi::whole_sequence(rest, &mut params) {
                    Some((action, length)) => {
                        self.terminal.csi(&params, &[], action);
                        length
                    }
                    None => {
                        self.feed_sequence(&rest[..1]);
                        return at + 1;
                    }
                },
                0x00..=0x1f => {
                    self.terminal.control(*byte);
                    1
                }
                0x7f => 1,
                0x80.. => {
                    let run = ground::high_run(rest);
                    let at_end = run == rest.len();
                    self.partial.feed(&rest[..run], at_end, &mut self.terminal);
                    run
                }
            };
        }
        at
    }

    /// Takes bytes while the parser has the word. Returns how many were used: all, or those up to the end of a sequence.
    ///
    /// It gets them one by one, so that it is known where it stands, and never text, which it decodes wrongly when a character
    /// is split: vte 0.15 then drops one (`advance_partial_utf8`: all valid bytes are counted, the first character is printed).
    fn feed_sequence(&mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            let cut_off = self.unfinished.is_ended_by(*byte);
            if let Some(seen) = self.unfinished.take(*byte) {
                self.parser.advance(&mut self.terminal, &[seen]);
            }
            // A string that ESC ends is dispatched, and the next sequence has begun.
            let dispatched = std::mem::take(&mut self.terminal.sequence_ended) && *byte != 0x1b;
            if cut_off || dispatched {
                self.unfinished.clear();
                return at + 1;
            }
        }
        bytes.len()
    }
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen")
            .field("size", &self.size())
            .field("cursor", &self.cursor())
            .field("is_alternate", &self.is_alternate())
            .field("scrollback_len", &self.scrollback_len())
            .finish_non_exhaustive()
    }
}
