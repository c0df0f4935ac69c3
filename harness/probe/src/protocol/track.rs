//! Owns what may be asked of the tracking allocator, after the word `track`.

use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::request::{BadRequest, number};

/// At least what names a line and its callers; beyond 256 a stack is a recursion.
const FRAMES: RangeInclusive<u64> = 4..=256;

/// From "nearly every block" to "nearly none".
const INTERVAL_BYTES: RangeInclusive<u64> = 64..=1 << 30;

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Every block.
    Exact,
    /// One in so many bytes, on average.
    Sample {
        /// Mean distance of two sampled bytes.
        interval_bytes: u32,
    },
}

/// Something that is asked of the tracker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Track<'line> {
    Start { mode: Mode, frames: usize },
    Snapshot { path: &'line Path },
    Stop,
}

const UNKNOWN: BadRequest = BadRequest(
    "unknown request; allowed: track start exact <frames>, track start sample <bytes> <frames>, \
     track snapshot <path>, track stop",
);
const BAD_FRAMES: BadRequest = BadRequest(
    "track start takes the number of frames to keep; allowed: track start exact 4 to track start exact 256",
);
const BAD_INTERVAL: BadRequest = BadRequest(
    "track start sample takes the mean bytes between samples and the frames to keep; \
     allowed: track start sample 64 <frames> to track start sample 1073741824 <frames>",
);
const BAD_PATH: BadRequest =
    BadRequest("track snapshot takes the file to write; allowed: track snapshot /an/absolute/path");

impl<'line> Track<'line> {
    /// Reads what follows `track `.
    pub(super) fn parse(line: &'line [u8]) -> Result<Self, BadRequest> {
        if line == b"stop" {
            Ok(Self::Stop)
        } else if let Some(path) = line.strip_prefix(b"snapshot ") {
            let path = Path::new(OsStr::from_bytes(path));
            if !path.is_absolute() || path.as_os_str().as_bytes().contains(&0) {
                return Err(BAD_PATH);
            }
            Ok(Self::Snapshot { path })
        } else if let Some(frames) = line.strip_prefix(b"start exact ") {
            Ok(Self::Start {
                mode: Mode::Exact,
                frames: Self::parse_frames(frames)?,
            })
        } else if let Some(sample) = line.strip_prefix(b"start sample ") {
            let space = sample.iter().position(|byte| *byte == b' ');
            let (interval, frames) = sample.split_at(space.ok_or(BAD_INTERVAL)?);
            let interval = number(interval, &INTERVAL_BYTES).ok_or(BAD_INTERVAL)?;
            let interval_bytes = u32::try_from(interval).map_err(|_| BAD_INTERVAL)?;
            Ok(Self::Start {
                mode: Mode::Sample { interval_bytes },
                frames: Self::parse_frames(&frames[1..])?,
            })
        } else {
            Err(UNKNOWN)
        }
    }

    fn parse_frames(frames: &[u8]) -> Result<usize, BadRequest> {
        let frames = number(frames, &FRAMES).ok_or(BAD_FRAMES)?;
        usize::try_from(frames).map_err(|_| BAD_FRAMES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_read() {
        let start = |mode, frames| Ok(Track::Start { mode, frames });
        assert_eq!(Track::parse(b"start exact 64"), start(Mode::Exact, 64));
        let mode = Mode::Sample {
            interval_bytes: 524_288,
        };
        assert_eq!(Track::parse(b"start sample 524288 32"), start(mode, 32));
        let path = Path::new("/tmp/a b.json");
        assert_eq!(
            Track::parse(b"snapshot /tmp/a b.json"),
            Ok(Track::Snapshot { path })
        );
        assert_eq!(Track::parse(b"stop"), Ok(Track::Stop));
    }

    #[test]
    fn what_is_out_of_range_is_told_the_range() {
        for (line, refusal) in [
            ("", UNKNOWN),
            ("start", UNKNOWN),
            ("start exact 3", BAD_FRAMES),
            ("start exact 257", BAD_FRAMES),
            ("start sample 64", BAD_INTERVAL),
            ("start sample 63 64", BAD_INTERVAL),
            ("start sample 64 x", BAD_FRAMES),
            ("start sample 4294967297 64", BAD_INTERVAL),
            ("snapshot here.json", BAD_PATH),
        ] {
            assert_eq!(Track::parse(line.as_bytes()), Err(refusal), "{line}");
        }
    }
}
