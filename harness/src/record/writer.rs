//! The recorder: appends events to `events.jsonl` and shows each to an observer.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use super::event::{Event, Line};
use crate::units::milliseconds;

/// Appends events to a recording as they happen.
///
/// The observer sees every line after it is on its way to the disk: progress is a reader of the
/// same events as the judge.
pub struct Recorder<'a> {
    file: File,
    /// Bytes written so far.
    position: u64,
    began: Instant,
    observer: &'a mut dyn FnMut(&Line),
}

impl<'a> Recorder<'a> {
    /// Creates `path`, which must not exist yet.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: &Path, observer: &'a mut dyn FnMut(&Line)) -> io::Result<Self> {
        Ok(Self {
            file: File::create_new(path)?,
            position: 0,
            began: Instant::now(),
            observer,
        })
    }

    /// Appends one event; on return the line has been handed to the kernel, whole.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record(&mut self, event: Event) -> io::Result<()> {
        let t_ms = milliseconds(self.began.elapsed());
        let line = Line { t_ms, event };
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        self.position += text.len() as u64;
        (self.observer)(&line);
        Ok(())
    }

    /// Where the next event will begin in the file, bytes.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Milliseconds since the recording began.
    pub fn elapsed_ms(&self) -> u64 {
        milliseconds(self.began.elapsed())
    }
}
