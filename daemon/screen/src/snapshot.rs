//! Escape sequences that rebuild a terminal's state.

use crate::cursor::{Charset, Pen};
use crate::grid::{Grid, Region};
use crate::modes::{Mode, Namespace};
use crate::row::Row;
use crate::sgr::{self, decimal};
use crate::style::Style;
use crate::tabs::TabStops;
use crate::terminal::Terminal;

/// Known ground for what follows, on a terminal in any state: primary buffer, no margins, absolute addressing, wrapping, no
/// insertion, plain characters.
const PREPARE: &[u8] = b"\x1b[?1049l\x1b[r\x1b[?6l\x1b[?7h\x1b[4l\x1b[20l\x0f\x1b(B\x1b)B";
/// A blank screen in the default style.
const CLEAR: &[u8] = b"\x1b[m\x1b[H\x1b[2J";

/// Writes everything that can be seen or that later output depends on.
pub(crate) fn take(terminal: &Terminal) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(PREPARE);
    out.extend_from_slice(CLEAR);
    if let Some(primary) = &terminal.primary {
        buffer(&mut out, &primary.grid, &primary.saved, terminal);
        // The form that saves no cursor: the saved one is in place.
        out.extend_from_slice(b"\x1b[?1047h");
        out.extend_from_slice(CLEAR);
    }
    buffer(&mut out, &terminal.grid, &terminal.saved, terminal);
    tabs(&mut out, terminal);
    title(&mut out, terminal);
    modes(&mut out, terminal);
    region(&mut out, terminal);
    let blank = Row::default();
    let shown = terminal.grid.row(terminal.pen.row).unwrap_or(&blank);
    pen(&mut out, &terminal.pen, shown, terminal.region);
    // Last, because what is drawn above relies on wrapping and on overwriting.
    for (mode, sequence) in [
        (Mode::Insert, b"\x1b[4h".as_slice()),
        (Mode::Newline, b"\x1b[20h"),
    ] {
        if terminal.modes.has(mode) {
            out.extend_from_slice(sequence);
        }
    }
    if !terminal.modes.has(Mode::Autowrap) {
        out.extend_from_slice(b"\x1b[?7l");
    }
    out
}

/// Fills a buffer that is blank: its saved cursor first, because bringing that about may take printing, then its rows.
fn buffer(out: &mut Vec<u8>, grid: &Grid, saved: &Pen, terminal: &Terminal) {
    pen(out, saved, &Row::default(), Region::full(terminal.size));
    out.extend_from_slice(b"\x1b7\x1b[?6l\x0f\x1b(B\x1b)B\x1b[m");
    rows(out, grid, terminal);
}

/// Draws all rows of a grid on a blank screen. A row that goes on in the next one is drawn to the last column and followed
/// without moving the cursor, so that the terminal knows both as one line.
fn rows(out: &mut Vec<u8>, grid: &Grid, terminal: &Terminal) {
    let blank = Row::default();
    let mut style = Style::DEFAULT;
    let mut continued = false;
    for index in 0..terminal.size.height() {
        let row = grid.row(index).unwrap_or(&blank);
        let mut end = if row.is_wrapped() {
            terminal.size.width()
        } else {
            row.used()
        };
        if continued {
            end = end.max(1);
        } else if end > 0 {
            place(out, index, 0);
        }
        let mut column = 0;
        while column < end {
            column += cell(out, row, column, &mut style);
        }
        continued = row.is_wrapped();
    }
    out.extend_from_slice(b"\x1b[m");
}

/// Draws one cell and returns how many columns it took.
fn cell(out: &mut Vec<u8>, row: &Row, column: usize, style: &mut Style) -> usize {
    let (glyph, own) = (row.glyph(column), row.style(column));
    if own != *style {
        sgr::write(out, own);
        *style = own;
    }
    out.extend_from_slice(glyph.character().encode_utf8(&mut [0; 4]).as_bytes());
    out.extend_from_slice(row.marks(column).as_bytes());
    if glyph.is_wide() { 2 } else { 1 }
}

/// Puts the cursor and all that belongs to it in place, on a row that looks like `shown`; `region` is the one in force.
fn pen(out: &mut Vec<u8>, pen: &Pen, shown: &Row, region: Region) {
    let mut row = pen.row;
    if pen.origin {
        out.extend_from_slice(b"\x1b[?6h");
        row = row.saturating_sub(region.top);
    }
    if pen.pending_wrap {
        // Only printing in the last column brings this state about: what is there is printed once more.
        let column = pen.column - usize::from(shown.glyph(pen.column).is_spacer());
        place(out, row, column);
        cell(out, shown, column, &mut Style::default());
    } else {
        place(out, row, pen.column);
    }
    sgr::write(out, pen.style);
    for (slot, charset) in [b'(', b')'].into_iter().zip(pen.charsets) {
        let set = if charset == Charset::Graphics {
            b'0'
        } else {
            b'B'
        };
        out.extend_from_slice(&[0x1b, slot, set]);
    }
    out.push(if pen.shift == 1 { 0x0e } else { 0x0f });
}

fn tabs(out: &mut Vec<u8>, terminal: &Terminal) {
    if terminal.tabs == TabStops::default() {
        out.extend_from_slice(b"\x1b[?5W");
        return;
    }
    out.extend_from_slice(b"\x1b[3g");
    for column in terminal.tabs.columns(terminal.size.width()) {
        place(out, 0, column);
        out.extend_from_slice(b"\x1bH");
    }
}

fn title(out: &mut Vec<u8>, terminal: &Terminal) {
    out.extend_from_slice(b"\x1b]2;");
    out.extend_from_slice(terminal.title.as_bytes());
    out.extend_from_slice(b"\x1b\\");
}

fn modes(out: &mut Vec<u8>, terminal: &Terminal) {
    for (set, letter) in [(false, b'l'), (true, b'h')] {
        for (namespace, number) in terminal.modes.numbers(set) {
            if namespace == Namespace::Private && number != 7 {
                out.extend_from_slice(b"\x1b[?");
                decimal(out, number);
                out.push(letter);
            }
        }
    }
    let keypad = if terminal.modes.has(Mode::ApplicationKeypad) {
        b"\x1b="
    } else {
        b"\x1b>"
    };
    out.extend_from_slice(keypad);
    out.extend_from_slice(b"\x1b[");
    decimal(out, u16::from(terminal.modes.cursor_shape));
    out.extend_from_slice(b" q");
}

fn region(out: &mut Vec<u8>, terminal: &Terminal) {
    let Region { top, bottom } = terminal.region;
    if terminal.region != Region::full(terminal.size) {
        numbers(out, top + 1, bottom + 1, b'r');
    }
}

fn place(out: &mut Vec<u8>, row: usize, column: usize) {
    numbers(out, row + 1, column + 1, b'H');
}

fn numbers(out: &mut Vec<u8>, first: usize, second: usize, letter: u8) {
    out.extend_from_slice(format!("\x1b[{first};{second}").as_bytes());
    out.push(letter);
}
