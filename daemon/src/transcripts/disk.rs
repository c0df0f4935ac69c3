//! Events that are not held any more, from the file: one piece of it, as large as one line may be.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use sessiond_protocol::TranscriptFormat;

use super::format::{self, Listener, Said};
use super::lines::{Cutter, LINE_BYTES_MAX, Line};
use super::segment::Segment;

/// Bytes that are read at first: some hundred events.
const FIRST_BYTES: u64 = 256 << 10;

/// Bytes that are read at most: a line of the largest size, and what stands around it.
const MOST_BYTES: u64 = LINE_BYTES_MAX as u64 + FIRST_BYTES;

/// A piece of a file.
pub(crate) struct Piece {
    pub(crate) events: Segment,
    /// Where the first line begins that is not in it.
    pub(crate) end: u64,
}

struct Collector {
    at: u64,
    events: Segment,
}

impl Listener for Collector {
    fn said(&mut self, said: Said<'_>) {
        self.events.push(self.at, said);
    }

    fn session(&mut self, _name: &str) {}
}

/// The events of lines from `from` on, which must be where a line begins, up to `end`.
///
/// # Errors
/// When the file cannot be read, or no line begins there.
pub(crate) fn from(
    file: &File,
    format: TranscriptFormat,
    from: u64,
    end: u64,
) -> io::Result<Piece> {
    if !begins_line(file, from)? {
        let message = "no line begins there";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut length = FIRST_BYTES;
    loop {
        let bytes = read(file, from, (from + length).min(end))?;
        let piece = collect(format, from, &bytes);
        let is_all = from + length >= end || length >= MOST_BYTES;
        if is_all || piece.events.len() > 0 {
            return Ok(piece);
        }
        length = (length * 4).min(MOST_BYTES);
    }
}

/// The events of the last lines before `end`.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn last(file: &File, format: TranscriptFormat, end: u64) -> io::Result<Piece> {
    let mut length = FIRST_BYTES;
    loop {
        let from = end.saturating_sub(length);
        let bytes = read(file, from, end)?;
        // What may be the rest of a line is none.
        let skipped = match from {
            0 => 0,
            _ => memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |end| end + 1),
        };
        let piece = collect(format, from + skipped as u64, &bytes[skipped..]);
        if from == 0 || length >= MOST_BYTES || piece.events.len() > 0 {
            return Ok(piece);
        }
        length = (length * 4).min(MOST_BYTES);
    }
}

fn begins_line(file: &File, at: u64) -> io::Result<bool> {
    let Some(before) = at.checked_sub(1) else {
        return Ok(true);
    };
    let mut byte = [0];
    Ok(file.read_at(&mut byte, before)? == 1 && byte == *b"\n")
}

/// What stands from `from` to `end`; less where the file has become shorter.
fn read(file: &File, from: u64, end: u64) -> io::Result<Vec<u8>> {
    let length = end.saturating_sub(from).min(MOST_BYTES);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], from + filled as u64)? {
            0 => break,
            more => filled += more,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn collect(format: TranscriptFormat, from: u64, bytes: &[u8]) -> Piece {
    let mut collector = Collector {
        at: from,
        events: Segment::new(0),
    };
    let mut cutter = Cutter::new(LINE_BYTES_MAX, None);
    let done = cutter.cut(from, bytes, |line| {
        if let Line::Whole { at, bytes } = line {
            collector.at = at;
            // A bad line was counted when it was read first.
            let _ = format::read(format, bytes, &mut collector);
        }
    });
    Piece {
        events: collector.events,
        end: from + done as u64,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const GENERIC: TranscriptFormat = TranscriptFormat::Generic;

    fn line(number: usize, bytes: usize) -> String {
        let text = "x".repeat(bytes);
        format!("{{\"kind\":\"reply\",\"name\":\"{number}\",\"text\":\"{text}\"}}\n")
    }

    fn file(lines: impl Iterator<Item = String>) -> (File, u64) {
        let mut file = tempfile::tempfile().unwrap();
        for line in lines {
            file.write_all(line.as_bytes()).unwrap();
        }
        let end = file.metadata().unwrap().len();
        (file, end)
    }

    fn names(piece: &Piece) -> Vec<usize> {
        let events = piece.events.iter();
        events.map(|kept| kept.said.name.parse().unwrap()).collect()
    }

    #[test]
    fn pieces_from_the_beginning_are_everything_once() {
        let (file, end) = file((0..3000).map(|number| line(number, number % 700)));
        let (mut at, mut seen) = (0, Vec::new());
        while at < end {
            let piece = from(&file, GENERIC, at, end).unwrap();
            assert!(piece.end > at);
            seen.extend(names(&piece));
            at = piece.end;
        }
        assert_eq!(seen, (0..3000).collect::<Vec<_>>());
        let tail = names(&last(&file, GENERIC, end).unwrap());
        assert_eq!(tail, (3000 - tail.len()..3000).collect::<Vec<_>>());
        assert!(tail.len() > 300);
        assert!(from(&file, GENERIC, 1, end).is_err(), "in a line");
    }

    #[test]
    fn a_long_line_is_read_and_a_longer_one_is_passed_over() {
        let long = line(1, 2 << 20);
        let (a, b) = (line(0, 1), line(2, LINE_BYTES_MAX));
        let (file, end) = file([a.clone(), long, b, line(3, 1)].into_iter());
        let piece = from(&file, GENERIC, a.len() as u64, end).unwrap();
        assert_eq!(names(&piece), [1]);
        let piece = from(&file, GENERIC, piece.end, end).unwrap();
        assert_eq!(names(&piece), [3]);
        assert_eq!(piece.end, end);
        assert_eq!(names(&last(&file, GENERIC, end).unwrap()), [3]);
    }
}
