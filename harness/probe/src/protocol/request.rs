//! Owns what may be asked: bytes of one line in, a [`Request`] out, or what was allowed instead.

use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use super::seed::Seed;
use super::track::Track;

/// Bytes of the longest request, its line end included: a command, a number and one path in a private directory.
pub(crate) const REQUEST_BYTES_MAX: usize = 512;

/// A daemon must stand still for this long to be called idle: several times a scheduler slice, so that work handed
/// from one thread to another is not missed in between.
pub(crate) const QUIET_WINDOW: Duration = Duration::from_millis(20);

/// At least the quiet window; at most what a client would wait for before it takes the daemon for stuck.
const QUIESCE_MS: RangeInclusive<u64> = 20..=30_000;

/// dhat keeps at least 4 frames; beyond 256 a stack is a recursion.
const DHAT_FRAMES: RangeInclusive<u64> = 4..=256;

/// Something a client asks of the probe.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request<'line> {
    Hello,
    Stats,
    Memory,
    PeakReset,
    Gauges,
    Quiesce { within: Duration },
    Trim,
    DhatStart { frames: usize, path: &'line Path },
    DhatStop,
    Track(Track<'line>),
    Seed(Seed<'line>),
}

/// Why a line is not a request: a message that says what is allowed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadRequest(pub(crate) &'static str);

/// The answer to a line that does not end within [`REQUEST_BYTES_MAX`].
pub(crate) const OVERLONG: BadRequest =
    BadRequest("a request is one line; allowed: at most 512 bytes");

const UNKNOWN: BadRequest = BadRequest(
    "unknown request; allowed: hello, stats, memory, peak reset, gauges, quiesce <ms>, trim, \
     dhat start <frames> <path>, dhat stop, track start exact <frames>, track start sample <bytes> <frames>, \
     track snapshot <path>, track stop, seed <kind>",
);
const BAD_QUIESCE: BadRequest = BadRequest(
    "quiesce takes a whole number of milliseconds; allowed: quiesce 20 to quiesce 30000",
);
const BAD_DHAT_FRAMES: BadRequest = BadRequest(
    "dhat start takes the number of frames to keep; allowed: dhat start 4 <path> to dhat start 256 <path>",
);
const BAD_DHAT_PATH: BadRequest = BadRequest(
    "dhat start takes the file to write; allowed: dhat start <frames> /an/absolute/path",
);

impl<'line> Request<'line> {
    /// Reads one line, without its line end.
    pub(crate) fn parse(line: &'line [u8]) -> Result<Self, BadRequest> {
        match line {
            b"hello" => Ok(Self::Hello),
            b"stats" => Ok(Self::Stats),
            b"memory" => Ok(Self::Memory),
            b"peak reset" => Ok(Self::PeakReset),
            b"gauges" => Ok(Self::Gauges),
            b"trim" => Ok(Self::Trim),
            b"dhat stop" => Ok(Self::DhatStop),
            _ => {
                if let Some(ms) = line.strip_prefix(b"quiesce ") {
                    let ms = number(ms, &QUIESCE_MS).ok_or(BAD_QUIESCE)?;
                    Ok(Self::Quiesce {
                        within: Duration::from_millis(ms),
                    })
                } else if let Some(window) = line.strip_prefix(b"dhat start ") {
                    Self::parse_dhat_start(window)
                } else if let Some(track) = line.strip_prefix(b"track ") {
                    Track::parse(track).map(Self::Track)
                } else if let Some(seed) = line.strip_prefix(b"seed ") {
                    Seed::parse(seed).map(Self::Seed)
                } else {
                    Err(UNKNOWN)
                }
            }
        }
    }

    fn parse_dhat_start(window: &'line [u8]) -> Result<Self, BadRequest> {
        let space = window
            .iter()
            .position(|byte| *byte == b' ')
            .ok_or(BAD_DHAT_PATH)?;
        let (frames, path) = (&window[..space], &window[space + 1..]);
        let frames = number(frames, &DHAT_FRAMES).ok_or(BAD_DHAT_FRAMES)?;
        let path = Path::new(OsStr::from_bytes(path));
        if !path.is_absolute() || path.as_os_str().as_bytes().contains(&0) {
            return Err(BAD_DHAT_PATH);
        }
        Ok(Self::DhatStart {
            frames: usize::try_from(frames).map_err(|_| BAD_DHAT_FRAMES)?,
            path,
        })
    }
}

/// Decimal digits and nothing else.
pub(crate) fn number(digits: &[u8], allowed: &RangeInclusive<u64>) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    allowed.contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_may_hold_spaces() {
        assert_eq!(
            Request::parse(b"dhat start 32 /tmp/a b.json"),
            Ok(Request::DhatStart {
                frames: 32,
                path: Path::new("/tmp/a b.json")
            })
        );
    }

    #[test]
    fn what_is_out_of_range_is_told_the_range() {
        for line in [
            "quiesce",
            "quiesce ",
            "quiesce 19",
            "quiesce 30001",
            "quiesce -1",
            "quiesce +50",
            "quiesce 1e3",
        ] {
            let BadRequest(message) = Request::parse(line.as_bytes()).expect_err(line);
            assert!(message.contains("allowed: "), "{line}: {message}");
        }
        assert_eq!(Request::parse(b"dhat start 3 /tmp/x"), Err(BAD_DHAT_FRAMES));
        assert_eq!(Request::parse(b"dhat start 32 x.json"), Err(BAD_DHAT_PATH));
        assert_eq!(Request::parse(b"dhat start 32"), Err(BAD_DHAT_PATH));
    }

    proptest! {
        #[test]
        fn every_allowed_wait_is_read(ms in QUIESCE_MS) {
            let line = format!("quiesce {ms}");
            let within = Duration::from_millis(ms);
            prop_assert_eq!(Request::parse(line.as_bytes()), Ok(Request::Quiesce { within }));
        }

        #[test]
        fn no_line_makes_the_parser_panic(line in prop::collection::vec(any::<u8>(), 0..REQUEST_BYTES_MAX)) {
            let _ = Request::parse(&line);
        }
    }
}
