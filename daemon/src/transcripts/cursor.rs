//! How far a file has been read, and what has become of it since. Pure.

use serde::{Deserialize, Serialize};

/// Bytes of a fingerprint at either end of what was read.
pub(crate) const PRINT_BYTES: usize = 64;

/// Which file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// The place up to which a file has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    pub(crate) identity: Identity,
    /// Where the next line begins, or the next byte of one that is being skipped.
    pub(crate) offset: u64,
    /// Where the line begins that is being skipped.
    pub(crate) skipping: Option<u64>,
    /// Of the first and the last bytes before the offset.
    pub(crate) print: u64,
}

/// What has become of a file since its cursor was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// What was read is still there; what follows it is new.
    Grown,
    /// There is less than was read.
    Truncated,
    /// Another file has its name.
    Rotated,
    /// Other bytes are where something was read.
    Rewritten,
}

impl Cursor {
    /// Of a file of which nothing has been read.
    pub(crate) const fn start(identity: Identity) -> Self {
        Self {
            identity,
            offset: 0,
            skipping: None,
            print: NO_PRINT,
        }
    }

    /// Compares with what the file is now; `print` is that of the bytes now before the offset, where there are as many.
    pub(crate) fn change(&self, identity: Identity, bytes: u64, print: Option<u64>) -> Change {
        if identity != self.identity {
            Change::Rotated
        } else if bytes < self.offset {
            Change::Truncated
        } else if print.is_some_and(|print| print != self.print) {
            Change::Rewritten
        } else {
            Change::Grown
        }
    }
}

/// The fingerprint of no bytes.
const NO_PRINT: u64 = 0xcbf2_9ce4_8422_2325;

/// A fingerprint of these bytes (FNV-1a, 64 bits): whoever rewrites a file does not mean to deceive.
pub(crate) fn print(parts: [&[u8]; 2]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    bytes.fold(NO_PRINT, |print, byte| {
        (print ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_another_shorter_or_different_is_told_from_one_that_has_grown() {
        let identity = Identity {
            device: 1,
            inode: 2,
        };
        let cursor = Cursor {
            offset: 10,
            print: print([b"0123456789", b"0123456789"]),
            ..Cursor::start(identity)
        };
        let now = Some(cursor.print);
        assert_eq!(cursor.change(identity, 10, now), Change::Grown);
        assert_eq!(cursor.change(identity, 9, None), Change::Truncated);
        let other = Some(print([b"0123456789", b"012345678x"]));
        assert_eq!(cursor.change(identity, 99, other), Change::Rewritten);
        let other = Identity {
            device: 1,
            inode: 3,
        };
        assert_eq!(cursor.change(other, 99, now), Change::Rotated);
        assert_eq!(print([b"", b""]), Cursor::start(identity).print);
    }
}
