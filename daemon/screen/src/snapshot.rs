//! Escape sequences that rebuild a terminal's state.

use crate::cursor::{Charset, Pen};
use crate::drawing::{self, place};
use crate::grid::Region;
use crate::modes::{Mode, Namespace};
use crate::row::Row;
use crate::sgr::{self, decimal};
use crate::tabs::TabStops;
use crate::terminal::Terminal;

/// Most bytes of a snapshot: what a client may be behind by. A screen of 200 columns and 50 rows with a colour change in every
/// third cell fits; one above that is a picture.
pub const SNAPSHOT_BYTES_MAX: usize = 120 * 1024;

/// Of these, what is kept for all that is not text: a thousand tab stops, a title, modes, an unfinished sequence.
const REST_BYTES: usize = 16 * 1024;

/// Known ground for what follows, on a terminal in any state: out of any sequence or string, primary buffer, no margins, absolute
/// addressing, wrapping, no insertion, plain characters.
const PREPARE: &[u8] =
    b"\x18\x1b\\\x1b[?1049l\x1b[r\x1b[?6l\x1b[?7h\x1b[4l\x1b[20l\x0f\x1b(B\x1b)B";
/// A blank screen in the default style.
const CLEAR: &[u8] = b"\x1b[m\x1b[H\x1b[2J";

/// Writes everything that can be seen or that later output depends on, as far as [`SNAPSHOT_BYTES_MAX`] goes.
pub(crate) fn take(terminal: &Terminal) -> Vec<u8> {
    let mut room = SNAPSHOT_BYTES_MAX - REST_BYTES;
    let shown = drawing::rows(&terminal.grid, terminal.pen.row, &mut room);
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(PREPARE);
    out.extend_from_slice(CLEAR);
    if let Some(primary) = &terminal.primary {
        let hidden = drawing::rows(&primary.grid, primary.saved.row, &mut room);
        buffer(&mut out, &hidden, &primary.saved, terminal);
        // The form that saves no cursor: the saved one is in place.
        out.extend_from_slice(b"\x1b[?1047h");
        out.extend_from_slice(CLEAR);
    }
    buffer(&mut out, &shown, &terminal.saved, terminal);
    tabs(&mut out, terminal);
    title(&mut out, terminal);
    modes(&mut out, terminal);
    region(&mut out, terminal);
    last_touch(&mut out, terminal);
    out
}

/// Fills a buffer that is blank: its saved cursor first, because bringing that about may take printing, then its rows.
fn buffer(out: &mut Vec<u8>, rows: &[u8], saved: &Pen, terminal: &Terminal) {
    place_pen(out, saved, &Row::default(), Region::full(terminal.size));
    pen_state(out, saved);
    out.extend_from_slice(b"\x1b7\x1b[?6l\x0f\x1b(B\x1b)B\x1b[m");
    out.extend_from_slice(rows);
}

/// The cursor, and what must come after all drawing. A character that was printed last is printed last here, too.
fn last_touch(out: &mut Vec<u8>, terminal: &Terminal) {
    let blank = Row::default();
    let shown = terminal.grid.row(terminal.pen.row).unwrap_or(&blank);
    let pen = &terminal.pen;
    let inserts = terminal.modes.has(Mode::Insert);
    let repeatable = terminal.last.is_some() && !inserts;
    if !repeatable {
        place_pen(out, pen, shown, terminal.region);
    }
    pen_state(out, pen);
    for (on, sequence) in [
        (terminal.modes.has(Mode::Newline), b"\x1b[20h".as_slice()),
        (!terminal.modes.has(Mode::Autowrap), b"\x1b[?7l"),
        (inserts, b"\x1b[4h"),
    ] {
        if on {
            out.extend_from_slice(sequence);
        }
    }
    if repeatable {
        // Nothing came after it: it stands before the cursor, in the current style.
        let mut column = pen.column - usize::from(!pen.pending_wrap);
        column -= usize::from(shown.glyph(column).is_spacer());
        address(out, pen, terminal.region, column);
        drawing::cell(out, shown, column);
    }
}

/// Puts the cursor in place, on a row that looks like `shown`; `region` is the one in force. Leaves any style behind.
fn place_pen(out: &mut Vec<u8>, pen: &Pen, shown: &Row, region: Region) {
    if pen.pending_wrap {
        // Only printing in the last column brings this state about: what is there is printed once more.
        let column = pen.column - usize::from(shown.glyph(pen.column).is_spacer());
        address(out, pen, region, column);
        sgr::write(out, shown.style(column));
        drawing::cell(out, shown, column);
    } else {
        address(out, pen, region, pen.column);
    }
}

/// Goes to a column of the cursor's row, in the way of addressing that belongs to it.
fn address(out: &mut Vec<u8>, pen: &Pen, region: Region, column: usize) {
    let mut row = pen.row;
    if pen.origin {
        out.extend_from_slice(b"\x1b[?6h");
        row = row.saturating_sub(region.top);
    }
    place(out, row, column);
}

/// Style and characters of what is printed next.
fn pen_state(out: &mut Vec<u8>, pen: &Pen) {
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
        out.extend_from_slice(format!("\x1b[{};{}r", top + 1, bottom + 1).as_bytes());
    }
}
