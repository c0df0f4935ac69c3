//! What the kernel tells of a file: without opening it, and its bytes.

use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};

use rustix::fs::FileType;
use rustix::io::Errno;

use super::cursor::{Identity, PRINT_BYTES, print};

/// What changes when a file does. Reading it allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) identity: Identity,
    pub(crate) bytes: u64,
    /// Of the last change, in nanoseconds since 1970 UTC.
    pub(crate) changed_ns: i128,
}

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    File(Stamp),
    Directory(Stamp),
    /// Nothing, or nothing of use.
    Nothing,
}

/// Looks at what a path names; `None` where that cannot be told at the moment.
pub(crate) fn look(path: &CStr) -> Option<Found> {
    let stat = match rustix::fs::stat(path) {
        Ok(stat) => stat,
        Err(Errno::NOENT | Errno::NOTDIR) => return Some(Found::Nothing),
        Err(_) => return None,
    };
    let stamp = Stamp {
        identity: Identity {
            device: stat.st_dev,
            inode: stat.st_ino,
        },
        bytes: u64::try_from(stat.st_size).unwrap_or(0),
        changed_ns: i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec),
    };
    Some(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Found::File(stamp),
        FileType::Directory => Found::Directory(stamp),
        _ => Found::Nothing,
    })
}

/// Opens a file to be read; what it is meanwhile.
pub(crate) fn open(path: &CStr) -> io::Result<(File, Identity, u64)> {
    let file = File::open(OsStr::from_bytes(path.to_bytes()))?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let identity = Identity {
        device: facts.dev(),
        inode: facts.ino(),
    };
    Ok((file, identity, facts.len()))
}

/// The fingerprint of what stands before `offset`.
pub(crate) fn print_before(file: &File, offset: u64) -> io::Result<u64> {
    let part = usize::try_from(offset).map_or(PRINT_BYTES, |offset| offset.min(PRINT_BYTES));
    let (mut first, mut last) = ([0; PRINT_BYTES], [0; PRINT_BYTES]);
    file.read_exact_at(&mut first[..part], 0)?;
    file.read_exact_at(&mut last[..part], offset - part as u64)?;
    Ok(print([&first[..part], &last[..part]]))
}
