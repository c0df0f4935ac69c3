//! Bytes in, lines out: whole ones up to a limit, and of longer ones only what they say of themselves.
//!
//! A line that lies within one read is handed out where it lies. Only an unfinished one is held, and what holds it is
//! given back with the line's end: a connection that says nothing holds nothing.

use leakgate_probe::Held;

use super::outline::{Outline, Scanner};
use crate::gauges::MCP_LINE_BYTES;

/// What came on a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// Without its end. Never empty.
    Whole(&'a [u8]),
    /// One above the limit, whose bytes nobody holds.
    Oversized { outline: Outline, bytes: u64 },
}

/// The line that has begun.
#[derive(Debug)]
enum Begun {
    Held(Vec<u8>),
    Skipped { scanner: Box<Scanner>, bytes: u64 },
}

/// Splits what comes on one connection.
#[derive(Debug)]
pub(crate) struct Splitter {
    bytes_max: usize,
    begun: Begun,
    accounted: Held,
}

impl Splitter {
    /// For lines of at most so many bytes, their end not counted.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            begun: Begun::Held(Vec::new()),
            accounted: MCP_LINE_BYTES.hold(0),
        }
    }

    /// Bytes of the unfinished line.
    pub(crate) fn held(&self) -> usize {
        match &self.begun {
            Begun::Held(bytes) => bytes.len(),
            Begun::Skipped { .. } => 0,
        }
    }

    /// Takes what was read, and calls `take` for every line that it ends.
    pub(crate) fn feed(&mut self, mut read: &[u8], mut take: impl FnMut(Line<'_>)) {
        while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            self.end_line(&read[..end], &mut take);
            read = &read[end + 1..];
        }
        self.go_on(read);
    }

    fn end_line(&mut self, rest: &[u8], take: &mut impl FnMut(Line<'_>)) {
        if self.held() == 0 && matches!(self.begun, Begun::Held(_)) && rest.len() <= self.bytes_max
        {
            return whole(rest, take);
        }
        self.go_on(rest);
        match std::mem::replace(&mut self.begun, Begun::Held(Vec::new())) {
            Begun::Held(line) => whole(&line, take),
            Begun::Skipped { scanner, bytes } => take(Line::Oversized {
                outline: scanner.finish(),
                bytes,
            }),
        }
        self.accounted.resize(0);
    }

    fn go_on(&mut self, more: &[u8]) {
        match &mut self.begun {
            Begun::Held(line) if line.len() + more.len() > self.bytes_max => {
                let mut scanner = Box::<Scanner>::default();
                scanner.scan(line);
                scanner.scan(more);
                let bytes = (line.len() + more.len()) as u64;
                self.begun = Begun::Skipped { scanner, bytes };
                self.accounted.resize(0);
            }
            Begun::Held(line) => {
                append(line, more, self.bytes_max);
                self.accounted.resize(line.capacity());
            }
            Begun::Skipped { scanner, bytes } => {
                scanner.scan(more);
                *bytes += more.len() as u64;
            }
        }
    }
}

fn whole(line: &[u8], take: &mut impl FnMut(Line<'_>)) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if !line.trim_ascii().is_empty() {
        take(Line::Whole(line));
    }
}

/// Grows by doubling, and never beyond what a line may have.
fn append(line: &mut Vec<u8>, more: &[u8], bytes_max: usize) {
    let needed = line.len() + more.len();
    if needed > line.capacity() {
        let capacity = (2 * line.capacity()).clamp(needed, bytes_max.max(needed));
        line.reserve_exact(capacity - line.len());
    }
    line.extend_from_slice(more);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 64;

    /// A line, or the id and the length of one that is too long.
    type Found = Result<Vec<u8>, (Option<String>, u64)>;

    /// The lines of `bytes` in pieces of this size: whole ones, and the ids of those above the limit.
    fn split(bytes: &[u8], piece: usize) -> Vec<Found> {
        let (mut splitter, mut lines) = (Splitter::new(LIMIT), Vec::new());
        for piece in bytes.chunks(piece) {
            splitter.feed(piece, |line| {
                lines.push(match line {
                    Line::Whole(line) => Ok(line.to_vec()),
                    Line::Oversized { outline, bytes } => Err((outline.id.map(Into::into), bytes)),
                });
            });
            assert!(splitter.held() <= LIMIT);
            if let Begun::Held(line) = &splitter.begun {
                assert!(line.capacity() <= LIMIT, "{}", line.capacity());
            }
        }
        lines
    }

    #[test]
    fn a_line_of_the_limit_passes_and_one_byte_more_does_not() {
        let line = |length: usize| format!(r#"{{"x":"{}","id":5}}"#, "y".repeat(length - 15));
        for piece in [1, 7, LIMIT, LIMIT + 1, 1000] {
            let text = format!("{}\n{}\n\r\n\n{}\n", line(LIMIT), line(LIMIT + 1), line(20));
            let expected = [
                Ok(line(LIMIT).into_bytes()),
                Err((Some("5".to_owned()), LIMIT as u64 + 1)),
                Ok(line(20).into_bytes()),
            ];
            assert_eq!(split(text.as_bytes(), piece), expected, "pieces of {piece}");
        }
    }

    #[test]
    fn an_unfinished_line_is_given_back_with_its_end() {
        let mut splitter = Splitter::new(1 << 20);
        splitter.feed(&vec![b'x'; 512 << 10], |_| panic!("no line has ended"));
        assert_eq!(splitter.held(), 512 << 10);
        splitter.feed(b"\nabc\n", |_| {});
        let Begun::Held(held) = &splitter.begun else {
            panic!("skipping")
        };
        assert_eq!((held.capacity(), splitter.held()), (0, 0));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            lines in prop::collection::vec("[a-z\"{}:\\\\]{0,90}", 0..12), piece in 1_usize..100
        ) {
            let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            let found = split(text.as_bytes(), piece);
            let full = lines.iter().filter(|line| !line.is_empty());
            prop_assert_eq!(found.len(), full.clone().count());
            for (line, found) in full.zip(found) {
                match found {
                    Ok(bytes) => prop_assert_eq!(bytes, line.as_bytes()),
                    Err((_, bytes)) => {
                        prop_assert!(line.len() > LIMIT);
                        prop_assert_eq!(bytes, line.len() as u64);
                    }
                }
            }
        }
    }
}
