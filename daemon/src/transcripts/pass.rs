//! One look at everything that is watched: which files there are, which have changed, and what they have that is new.
//!
//! It is made in steps, between which others have their turn. A look that finds nothing new allocates nothing.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use leakgate_probe::BusyGuard;
use sessiond_protocol::{TranscriptId, WatchId};

use super::book::Book;
use super::cursor::Change;
use super::file::{self, Found, Stamp};
use super::lines::{Cutter, LINE_BYTES_MAX};
use super::store::Why;
use super::tree::Progress;
use crate::gauges::BUSY;

/// Bytes that are read in one step: half a millisecond's work.
const READ_BYTES: usize = 128 << 10;

/// Files that are looked at in one step.
const LOOKS_MAX: usize = 256;

/// Where a look has come to.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    watch: Option<WatchId>,
    /// All watches have been looked through.
    has_found: bool,
    last: Option<TranscriptId>,
    open: Option<Open>,
    /// What was read and is not done with. Its memory is that of one line of the largest size and one step, and goes with the look.
    buffer: Vec<u8>,
    /// From the first file on that has changed.
    busy: Option<BusyGuard>,
}

/// The file that is being read.
#[derive(Debug)]
struct Open {
    id: TranscriptId,
    file: File,
    /// Where it ended when it was opened: a file that grows all the time does not keep others waiting.
    end: u64,
    /// Bytes at the beginning of the buffer that stand at the transcript's cursor.
    filled: usize,
}

impl Pass {
    /// Makes one step; whether that was the last.
    pub(crate) fn step(&mut self, book: &mut Book, now_ns: i128) -> Progress {
        if let Some(open) = self.open.take() {
            self.open = self.read(book, open);
            return Progress::Halfway;
        }
        if !self.has_found {
            match book.find(self.watch, now_ns) {
                Some((watch, Progress::Through)) => self.watch = Some(watch),
                Some((_, Progress::Halfway)) => {}
                None => self.has_found = true,
            }
            return Progress::Halfway;
        }
        for _ in 0..LOOKS_MAX {
            let Some((id, transcript)) = book.files.after(self.last).next() else {
                return Progress::Through;
            };
            self.last = Some(id);
            match file::look(&transcript.path) {
                Some(Found::File(stamp)) if transcript.stamp == Some(stamp) => {}
                Some(Found::File(stamp)) => {
                    self.open(book, id, stamp);
                    return Progress::Halfway;
                }
                Some(_) => {
                    book.is_dirty = true;
                    book.files.remove(id, Why::Gone);
                }
                None => {}
            }
        }
        Progress::Halfway
    }

    /// Opens a file that has changed.
    fn open(&mut self, book: &mut Book, id: TranscriptId, stamp: Stamp) {
        self.busy.get_or_insert_with(|| BUSY.enter());
        book.is_dirty = true;
        book.files.set_stamp(id, stamp);
        let Some(transcript) = book.files.get(id) else {
            return;
        };
        let cursor = transcript.state.cursor;
        let opened = file::open(&transcript.path).and_then(|(file, identity, bytes)| {
            let print = match bytes >= cursor.offset {
                true => Some(file::print_before(&file, cursor.offset)?),
                false => None,
            };
            Ok((file, identity, bytes, cursor.change(identity, bytes, print)))
        });
        match opened {
            Ok((file, identity, end, change)) => {
                if change != Change::Grown {
                    book.files.follow_change(id, change, identity);
                }
                self.open = Some(Open {
                    id,
                    file,
                    end,
                    filled: 0,
                });
            }
            // It is looked at again when it has changed.
            Err(error) => tracing::warn!(transcript = id.0, %error, "a transcript is not read"),
        }
    }

    /// Reads one piece of a file; gives it back where there is more.
    fn read(&mut self, book: &mut Book, mut open: Open) -> Option<Open> {
        // It may have been forgotten meanwhile.
        let cursor = book.files.get(open.id)?.state.cursor;
        let from = cursor.offset + open.filled as u64;
        let read = match from < open.end {
            true => self.fill(&open, from),
            false => Ok(0),
        };
        let read = match read {
            Ok(0) => {
                finish(book, &open);
                return None;
            }
            Ok(read) => read,
            Err(error) => {
                tracing::warn!(transcript = open.id.0, %error, "a transcript is not read on");
                finish(book, &open);
                return None;
            }
        };
        let filled = open.filled + read;
        let mut cutter = Cutter::new(LINE_BYTES_MAX, cursor.skipping);
        let done = cutter.cut(cursor.offset, &self.buffer[..filled], |line| {
            book.take(open.id, [line]);
        });
        book.files.advance(open.id, done, cutter.skipping());
        self.buffer.copy_within(done..filled, 0);
        open.filled = filled - done;
        Some(open)
    }

    /// Reads behind what is in the buffer.
    fn fill(&mut self, open: &Open, from: u64) -> io::Result<usize> {
        let needed = open.filled + READ_BYTES;
        if self.buffer.len() < needed {
            // Twice as much each time, so that a long line is not copied again and again.
            let most = LINE_BYTES_MAX + READ_BYTES;
            let length = needed.max((2 * self.buffer.len()).min(most));
            self.buffer.resize(length, 0);
        }
        let room = &mut self.buffer[open.filled..needed];
        let left = usize::try_from(open.end - from).unwrap_or(usize::MAX);
        let length = room.len().min(left);
        open.file.read_at(&mut room[..length], from)
    }
}

/// Notes what stands before the place up to which a file has been read.
fn finish(book: &mut Book, open: &Open) {
    let Some(transcript) = book.files.get(open.id) else {
        return;
    };
    // Where it has become shorter meanwhile, the next look sees that.
    if let Ok(print) = file::print_before(&open.file, transcript.state.cursor.offset) {
        book.files.set_print(open.id, print);
    }
}
