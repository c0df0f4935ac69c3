//! The record of one line in the scrollback: UTF-8 text, then runs of style, both of exactly the bytes they need.
//!
//! ```text
//! record = varint(text bytes * 2 + wrapped) varint(run bytes) text runs
//! run    = varint(text bytes covered) flags [foreground] [background] [varint(attributes)]
//! flags  = foreground kind | background kind << 2 | has attributes << 4
//! ```
//! A varint has 7 bits per byte, the lowest first. Text behind the last run has the default style.

use std::ops::Range;

use crate::marks::Marks;
use crate::row::Row;
use crate::style::{Color, Style};

/// A line of text with its styles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    text: String,
    runs: Vec<u8>,
    wrapped: bool,
}

impl Line {
    /// A row of the screen as a line.
    pub(crate) fn of_row(row: &Row) -> Line {
        let used = row.used();
        let mut runs = Vec::new();
        let text_bytes = measure(row, used, &mut runs);
        let mut text = Vec::with_capacity(text_bytes);
        put_text(&mut text, row, used);
        Line {
            text: String::from_utf8(text).expect("text is written from characters"),
            runs,
            wrapped: row.is_wrapped(),
        }
    }

    /// The line's text; trailing blanks in the default style are not kept.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text alone.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    /// Whether the next line goes on with this one, which was as long as the screen was wide.
    #[must_use]
    pub fn is_wrapped(&self) -> bool {
        self.wrapped
    }

    /// Byte ranges of the text and their styles, in order; text outside of all ranges has the default style.
    #[must_use]
    pub fn runs(&self) -> Runs<'_> {
        Runs {
            bytes: &self.runs,
            at: 0,
        }
    }

    /// All of the text in pieces of one style, in order.
    pub fn pieces(&self) -> impl Iterator<Item = (&str, Style)> {
        let styled = self.runs().last().map_or(0, |(range, _)| range.end);
        let rest = (styled < self.text.len()).then_some((styled..self.text.len(), Style::DEFAULT));
        self.runs()
            .chain(rest)
            .map(|(range, style)| (&self.text[range], style))
    }
}

/// Iterator over the styled ranges of a line.
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Iterator for Runs<'_> {
    type Item = (Range<usize>, Style);

    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.is_empty() {
            return None;
        }
        let length = take_varint(&mut self.bytes);
        let flags = take(&mut self.bytes);
        let foreground = take_color(&mut self.bytes, flags & 3);
        let background = take_color(&mut self.bytes, flags >> 2 & 3);
        let attributes = if flags >> 4 == 0 {
            0
        } else {
            take_varint(&mut self.bytes)
        };
        let start = self.at;
        self.at += length;
        Some((
            start..self.at,
            Style::from_parts(foreground, background, attributes as u64),
        ))
    }
}

/// Measures a row: the bytes of its text up to cell `used`; its runs are appended to `runs`.
pub(crate) fn measure(row: &Row, used: usize, runs: &mut Vec<u8>) -> usize {
    let ascii = is_ascii(row, used);
    let styles = row.styles();
    if styles.is_empty() {
        return if ascii {
            used
        } else {
            text_bytes(row, 0..used)
        };
    }
    let styles = &styles[..used];
    let (mut total, mut start) = (0, 0);
    while start < used {
        let style = styles[start];
        let end = styles[start..]
            .iter()
            .position(|other| *other != style)
            .map_or(used, |length| start + length);
        let length = if ascii {
            end - start
        } else {
            text_bytes(row, start..end)
        };
        if end < used || style != Style::DEFAULT {
            put_run(runs, length, style);
        }
        total += length;
        start = end;
    }
    total
}

/// Appends a record; `text_bytes` and `runs` come from [`measure`].
pub(crate) fn put(out: &mut Vec<u8>, row: &Row, used: usize, text_bytes: usize, runs: &[u8]) {
    put_varint(out, text_bytes << 1 | usize::from(row.is_wrapped()));
    put_varint(out, runs.len());
    if is_ascii(row, used) {
        out.extend(
            row.glyphs()[..used]
                .iter()
                .map(|glyph| glyph.bits().to_le_bytes()[0]),
        );
    } else {
        put_text(out, row, used);
    }
    out.extend_from_slice(runs);
}

/// Most bytes that a record takes beside its text and its runs: two varints of at most 4 bytes, because a row has at most
/// 1000 cells of 17 bytes.
pub(crate) const HEADER_BYTES_MAX: usize = 8;

/// Takes the first record off a block.
pub(crate) fn take_line(bytes: &mut &[u8]) -> Line {
    let head = take_varint(bytes);
    let run_bytes = take_varint(bytes);
    let (text, rest) = bytes.split_at(head >> 1);
    let (runs, rest) = rest.split_at(run_bytes);
    *bytes = rest;
    Line {
        text: str::from_utf8(text)
            .expect("records are written from characters")
            .to_owned(),
        runs: runs.to_vec(),
        wrapped: head & 1 == 1,
    }
}

/// Length of the record that starts a block, without looking at its text.
pub(crate) fn record_bytes(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    let text = take_varint(&mut rest) >> 1;
    let runs = take_varint(&mut rest);
    bytes.len() - rest.len() + text + runs
}

fn is_ascii(row: &Row, used: usize) -> bool {
    row.marked().is_none()
        && row.glyphs()[..used]
            .iter()
            .fold(0, |union, glyph| union | glyph.bits())
            < 0x80
}

fn text_bytes(row: &Row, columns: Range<usize>) -> usize {
    let marks = row.marked().map_or(0, |marks| marks.bytes_on(&columns));
    let glyphs = row.glyphs()[columns]
        .iter()
        .filter(|glyph| !glyph.is_spacer());
    marks
        + glyphs
            .map(|glyph| glyph.character().len_utf8())
            .sum::<usize>()
}

fn put_text(out: &mut Vec<u8>, row: &Row, used: usize) {
    let mut marked = row.marked().into_iter().flat_map(Marks::columns).peekable();
    for (column, glyph) in row.glyphs()[..used].iter().enumerate() {
        if !glyph.is_spacer() {
            put_character(out, glyph.character());
        }
        if marked.next_if_eq(&column).is_some() {
            out.extend_from_slice(row.marks(column).as_bytes());
        }
    }
}

/// Appends a character; the lengths are spelled out because copies of a known length need no call.
fn put_character(out: &mut Vec<u8>, character: char) {
    let mut buffer = [0; 4];
    match *character.encode_utf8(&mut buffer).as_bytes() {
        [one] => out.push(one),
        [one, two] => out.extend_from_slice(&[one, two]),
        [one, two, three] => out.extend_from_slice(&[one, two, three]),
        _ => out.extend_from_slice(&buffer),
    }
}

fn put_run(out: &mut Vec<u8>, length: usize, style: Style) {
    put_varint(out, length);
    let attributes = usize::try_from(style.attribute_bits()).expect("a handful of bits");
    let (foreground, background) = (style.foreground(), style.background());
    out.push(color_kind(foreground) | color_kind(background) << 2 | u8::from(attributes != 0) << 4);
    put_color(out, foreground);
    put_color(out, background);
    if attributes != 0 {
        put_varint(out, attributes);
    }
}

fn color_kind(color: Color) -> u8 {
    match color {
        Color::Default => 0,
        Color::Indexed(_) => 1,
        Color::Rgb(..) => 2,
    }
}

fn put_color(out: &mut Vec<u8>, color: Color) {
    match color {
        Color::Default => {}
        Color::Indexed(index) => out.push(index),
        Color::Rgb(red, green, blue) => out.extend_from_slice(&[red, green, blue]),
    }
}

fn take_color(bytes: &mut &[u8], kind: u8) -> Color {
    match kind {
        0 => Color::Default,
        1 => Color::Indexed(take(bytes)),
        _ => Color::Rgb(take(bytes), take(bytes), take(bytes)),
    }
}

fn put_varint(out: &mut Vec<u8>, mut number: usize) {
    loop {
        let [low, ..] = (number & 0x7f).to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn take_varint(bytes: &mut &[u8]) -> usize {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = take(bytes);
        number |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
        shift += 7;
    }
}

fn take(bytes: &mut &[u8]) -> u8 {
    let (first, rest) = bytes
        .split_first()
        .expect("records are read as they were written");
    *bytes = rest;
    *first
}
