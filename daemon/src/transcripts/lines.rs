//! Where the lines are in what was read of a file, and which of them are too long to be held. Pure.

/// Bytes of a line, its end not counted. Agents write a screenshot or the output of a build into one; what is beyond that says
/// nothing that anybody would read.
pub(crate) const LINE_BYTES_MAX: usize = 4 << 20;

/// A line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// All of it, without its end.
    Whole {
        /// Where it begins.
        at: u64,
        bytes: &'a [u8],
    },
    /// One above the limit, which was skipped.
    Oversized {
        /// Where it begins.
        at: u64,
        /// How many there were.
        bytes: u64,
    },
}

/// Cuts what is read into lines. It holds no bytes: what has begun and not ended is left to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cutter {
    limit: usize,
    /// Where the line begins that is being skipped.
    skipping: Option<u64>,
}

impl Cutter {
    pub(crate) const fn new(limit: usize, skipping: Option<u64>) -> Self {
        Self { limit, skipping }
    }

    /// Where the line begins whose end is still to come and of which nothing is held.
    pub(crate) const fn skipping(&self) -> Option<u64> {
        self.skipping
    }

    /// Calls `each` with the lines in `bytes`, which stand at `offset` of the file; returns how many bytes are done with.
    ///
    /// The rest has at most as many bytes as a line may have, and is to be given again with what follows it.
    pub(crate) fn cut<'a>(
        &mut self,
        offset: u64,
        bytes: &'a [u8],
        mut each: impl FnMut(Line<'a>),
    ) -> usize {
        let mut done = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let at = offset + done as u64;
            let line = &bytes[done..end];
            let line = match self.skipping.take() {
                Some(from) => Line::Oversized {
                    at: from,
                    bytes: offset + end as u64 - from,
                },
                None if line.len() > self.limit => Line::Oversized {
                    at,
                    bytes: line.len() as u64,
                },
                None => Line::Whole { at, bytes: line },
            };
            each(line);
            done = end + 1;
        }
        let rest = bytes.len() - done;
        if self.skipping.is_none() && rest > self.limit {
            self.skipping = Some(offset + done as u64);
        }
        match self.skipping {
            Some(_) => bytes.len(),
            None => done,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 8;

    /// Where a line begins, its bytes where they are held, and how many there are.
    type Seen = (u64, Option<Vec<u8>>, u64);

    /// What a file's lines are that grows by these pieces and is read after each.
    fn cut_all(pieces: &[Vec<u8>]) -> Vec<Seen> {
        let mut cutter = Cutter::new(LIMIT, None);
        let (mut file, mut offset, mut lines) = (Vec::new(), 0, Vec::new());
        for piece in pieces {
            file.extend_from_slice(piece);
            // As it is when a daemon is restarted in between.
            cutter = Cutter::new(LIMIT, cutter.skipping());
            let taken = cutter.cut(offset as u64, &file[offset..], |line| {
                lines.push(match line {
                    Line::Whole { at, bytes } => (at, Some(bytes.to_vec()), bytes.len() as u64),
                    Line::Oversized { at, bytes } => (at, None, bytes),
                });
            });
            offset += taken;
            let held = file.len() - offset;
            assert!(held <= LIMIT, "more is held than a line may have");
        }
        lines
    }

    proptest! {
        #[test]
        fn lines_are_the_same_however_the_file_grows(
            pieces in prop::collection::vec(prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'x'), Just(b'y')], 0..20), 0..20),
        ) {
            let whole = vec![pieces.concat()];
            let lines = cut_all(&pieces);
            prop_assert_eq!(&lines, &cut_all(&whole));
            let mut expected = Vec::new();
            let mut at = 0_u64;
            let text = &whole[0];
            for line in text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
                let bytes = &line[..line.len() - 1];
                let held = (bytes.len() <= LIMIT).then(|| bytes.to_vec());
                expected.push((at, held, bytes.len() as u64));
                at += line.len() as u64;
            }
            prop_assert_eq!(lines, expected);
        }
    }
}
