//! Owns how a seed is asked for.

use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::request::{BadRequest, number};

/// Bytes of one seeded block: from the smallest leak there is to more than anybody misses.
const BLOCK_BYTES: RangeInclusive<u64> = 1..=1 << 20;
/// Blocks of 16 bytes in one request.
const BLOCKS: RangeInclusive<u64> = 1..=1024;
/// Bytes that one request adds to the seeded capacity gauge: no memory stands behind it.
const CAPACITY_BYTES: RangeInclusive<u64> = 1..=1 << 30;
/// Bytes that one request makes resident.
const RESIDENT_BYTES: RangeInclusive<u64> = 1..=16 << 20;

/// Entries of the seeded cache, and requests in a period of the sawtooth. Their tables are allocated once, at start.
pub(crate) const TABLE_ENTRIES: usize = 1024;
const ENTRIES: RangeInclusive<u64> = 1..=TABLE_ENTRIES as u64;

/// What one request seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seed<'line> {
    Heap { bytes: usize },
    Blocks { count: usize },
    Fd,
    Thread,
    Zombie,
    File { directory: &'line Path },
    Length,
    Capacity { bytes: usize },
    Resident { bytes: usize },
    Cache { bytes: usize, entries: usize },
    Step { bytes: usize },
    Sawtooth { bytes: usize, period: usize },
    Freelist { bytes: usize },
}

const UNKNOWN: BadRequest = BadRequest(
    "unknown seed; allowed: heap <bytes>, blocks <n>, fd, thread, zombie, file <dir>, length, capacity <bytes>, \
     resident <bytes>, cache <bytes> <entries>, step <bytes>, sawtooth <bytes> <period>, freelist <bytes>",
);
const BAD_BLOCK: BadRequest =
    BadRequest("a seeded block has a size in bytes; allowed: 1 to 1048576");
const BAD_BLOCKS: BadRequest = BadRequest("seed blocks takes their number; allowed: 1 to 1024");
const BAD_CAPACITY: BadRequest =
    BadRequest("seed capacity takes the bytes to claim; allowed: 1 to 1073741824");
const BAD_RESIDENT: BadRequest =
    BadRequest("seed resident takes the bytes to touch; allowed: 1 to 16777216");
const BAD_TABLE: BadRequest = BadRequest(
    "seed cache and seed sawtooth take two numbers; allowed: a block of 1 to 1048576 bytes, then 1 to 1024",
);
const BAD_DIRECTORY: BadRequest =
    BadRequest("seed file takes a directory; allowed: seed file /an/absolute/path");

impl<'line> Seed<'line> {
    /// Reads what follows `seed `.
    pub(crate) fn parse(words: &'line [u8]) -> Result<Self, BadRequest> {
        let (kind, rest) = match words.iter().position(|byte| *byte == b' ') {
            Some(space) => (&words[..space], Some(&words[space + 1..])),
            None => (words, None),
        };
        match (kind, rest) {
            (b"fd", None) => Ok(Self::Fd),
            (b"thread", None) => Ok(Self::Thread),
            (b"zombie", None) => Ok(Self::Zombie),
            (b"length", None) => Ok(Self::Length),
            (b"heap", rest) => Ok(Self::Heap {
                bytes: amount(rest, &BLOCK_BYTES, BAD_BLOCK)?,
            }),
            (b"step", rest) => Ok(Self::Step {
                bytes: amount(rest, &BLOCK_BYTES, BAD_BLOCK)?,
            }),
            (b"freelist", rest) => Ok(Self::Freelist {
                bytes: amount(rest, &BLOCK_BYTES, BAD_BLOCK)?,
            }),
            (b"blocks", rest) => Ok(Self::Blocks {
                count: amount(rest, &BLOCKS, BAD_BLOCKS)?,
            }),
            (b"capacity", rest) => Ok(Self::Capacity {
                bytes: amount(rest, &CAPACITY_BYTES, BAD_CAPACITY)?,
            }),
            (b"resident", rest) => Ok(Self::Resident {
                bytes: amount(rest, &RESIDENT_BYTES, BAD_RESIDENT)?,
            }),
            (b"cache", rest) => {
                let (bytes, entries) = pair(rest)?;
                Ok(Self::Cache { bytes, entries })
            }
            (b"sawtooth", rest) => {
                let (bytes, period) = pair(rest)?;
                Ok(Self::Sawtooth { bytes, period })
            }
            (b"file", rest) => directory(rest).map(|directory| Self::File { directory }),
            _ => Err(UNKNOWN),
        }
    }
}

fn amount(
    digits: Option<&[u8]>,
    allowed: &RangeInclusive<u64>,
    otherwise: BadRequest,
) -> Result<usize, BadRequest> {
    digits
        .and_then(|digits| number(digits, allowed))
        .and_then(|number| usize::try_from(number).ok())
        .ok_or(otherwise)
}

fn pair(words: Option<&[u8]>) -> Result<(usize, usize), BadRequest> {
    let words = words.ok_or(BAD_TABLE)?;
    let space = words
        .iter()
        .position(|byte| *byte == b' ')
        .ok_or(BAD_TABLE)?;
    let bytes = amount(Some(&words[..space]), &BLOCK_BYTES, BAD_TABLE)?;
    let entries = amount(Some(&words[space + 1..]), &ENTRIES, BAD_TABLE)?;
    Ok((bytes, entries))
}

fn directory(path: Option<&[u8]>) -> Result<&Path, BadRequest> {
    let path = path.ok_or(BAD_DIRECTORY)?;
    let absolute = path.starts_with(b"/") && !path.contains(&0);
    absolute
        .then(|| Path::new(OsStr::from_bytes(path)))
        .ok_or(BAD_DIRECTORY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_kind_is_read_with_its_amounts() {
        let cases: [(&str, Seed<'_>); 6] = [
            ("heap 16", Seed::Heap { bytes: 16 }),
            ("fd", Seed::Fd),
            ("blocks 1024", Seed::Blocks { count: 1024 }),
            (
                "cache 64 30",
                Seed::Cache {
                    bytes: 64,
                    entries: 30,
                },
            ),
            (
                "sawtooth 1 1024",
                Seed::Sawtooth {
                    bytes: 1,
                    period: 1024,
                },
            ),
            (
                "file /tmp/a b",
                Seed::File {
                    directory: Path::new("/tmp/a b"),
                },
            ),
        ];
        for (words, seed) in cases {
            assert_eq!(Seed::parse(words.as_bytes()), Ok(seed), "{words}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_told_the_range() {
        for words in [
            "",
            "heap",
            "heap 0",
            "heap 1048577",
            "heap 16 16",
            "fd 1",
            "blocks 1025",
            "cache 64",
            "cache 64 0",
            "sawtooth 64 1025",
            "file here",
            "resident 16777217",
            "rain",
        ] {
            let BadRequest(message) = Seed::parse(words.as_bytes()).expect_err(words);
            assert!(message.contains("allowed: "), "{words}: {message}");
        }
    }

    proptest! {
        #[test]
        fn no_words_make_the_parser_panic(words in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = Seed::parse(&words);
        }
    }
}
