//! Rows as bytes that draw them, on a blank screen, within a number of bytes.

use crate::grid::Grid;
use crate::row::Row;
use crate::sgr;
use crate::style::Style;

/// How much of a row is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    Nothing,
    /// Characters in the default style.
    Text,
    /// Everything.
    Styled,
}

/// Draws all rows where `room` bytes suffice. Where they do not, what is nearest to the row `around` comes first: as text as far
/// as that goes, then with styles as far as there is room left. Takes what it needs off `room`.
pub(crate) fn rows(grid: &Grid, around: usize, room: &mut usize) -> Vec<u8> {
    let mut out = Vec::new();
    if !draw(&mut out, grid, *room, |_| Detail::Styled) {
        let details = plan(grid, around, *room);
        out.clear();
        draw(&mut out, grid, *room, |row| details[row]);
    }
    *room = room.saturating_sub(out.len());
    out
}

/// Draws one cell as it is and returns how many columns it took.
pub(crate) fn cell(out: &mut Vec<u8>, row: &Row, column: usize) -> usize {
    let glyph = row.glyph(column);
    out.extend_from_slice(glyph.character().encode_utf8(&mut [0; 4]).as_bytes());
    out.extend_from_slice(row.marks(column).as_bytes());
    if glyph.is_wide() { 2 } else { 1 }
}

/// Appends the sequence that puts the cursor somewhere; both are counted from 0.
pub(crate) fn place(out: &mut Vec<u8>, row: usize, column: usize) {
    out.extend_from_slice(format!("\x1b[{};{}H", row + 1, column + 1).as_bytes());
}

/// What fits of each row.
fn plan(grid: &Grid, around: usize, mut room: usize) -> Vec<Detail> {
    let height = grid.size().height();
    let mut details = vec![Detail::Nothing; height];
    let nearest_first = || {
        let above = move |distance| around.checked_sub(distance);
        let below =
            move |distance| Some(around + distance).filter(|row| distance > 0 && *row < height);
        (0..height).flat_map(move |distance| above(distance).into_iter().chain(below(distance)))
    };
    let mut scratch = Vec::new();
    let mut cost = |index: usize, detail: Detail| {
        scratch.clear();
        place(&mut scratch, index, 0);
        if let Some(row) = grid.row(index) {
            draw_row(&mut scratch, row, length(grid, row).max(1), detail);
        }
        scratch.len()
    };
    for (more, less) in [
        (Detail::Text, Detail::Nothing),
        (Detail::Styled, Detail::Text),
    ] {
        for row in nearest_first() {
            let spent = if less == Detail::Nothing {
                0
            } else {
                cost(row, less)
            };
            let needed = cost(row, more).saturating_sub(spent);
            // The first row that does not fit ends it, so that no more is drawn to find out than fits.
            if needed > room || details[row] != less {
                break;
            }
            room -= needed;
            details[row] = more;
        }
    }
    details
}

/// Draws the rows of a grid; false when that takes more than `bytes_max`. A row that goes on in the next one is drawn to the last
/// column and followed without moving the cursor, so that the terminal knows both as one line.
fn draw(
    out: &mut Vec<u8>,
    grid: &Grid,
    bytes_max: usize,
    detail: impl Fn(usize) -> Detail,
) -> bool {
    let blank = Row::default();
    let mut continued = false;
    for index in 0..grid.size().height() {
        if detail(index) == Detail::Nothing {
            continued = false;
            continue;
        }
        let row = grid.row(index).unwrap_or(&blank);
        let mut end = length(grid, row);
        if continued {
            end = end.max(1);
        } else if end > 0 {
            place(out, index, 0);
        }
        draw_row(out, row, end, detail(index));
        if out.len() > bytes_max {
            return false;
        }
        continued = row.is_wrapped();
    }
    true
}

/// Cells of a row that have to be drawn.
fn length(grid: &Grid, row: &Row) -> usize {
    if row.is_wrapped() {
        grid.size().width()
    } else {
        row.used()
    }
}

/// Draws the first cells of a row, from the default style to the default style.
fn draw_row(out: &mut Vec<u8>, row: &Row, end: usize, detail: Detail) {
    let mut style = Style::DEFAULT;
    let mut column = 0;
    while column < end {
        let own = row.style(column);
        if detail == Detail::Styled && own != style {
            sgr::write_change(out, style, own);
            style = own;
        }
        column += cell(out, row, column);
    }
    if style != Style::DEFAULT {
        sgr::write_change(out, style, Style::DEFAULT);
    }
}
