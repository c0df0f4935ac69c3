//! A file that what is written to goes on in another one when it is full, so that it stays small.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Bytes of one log file: weeks of a program that has nothing to complain about. There are two at most; one may become
/// twice as long while no descriptor is free.
pub(crate) const LOG_BYTES_MAX: u64 = 1 << 20;

/// Where the log before this one is.
pub(crate) fn old(path: &Path) -> PathBuf {
    let mut old = path.as_os_str().to_owned();
    old.push(".old");
    PathBuf::from(old)
}

/// Whether what the process says outside the log, such as a panic, goes to the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StandardError {
    IsTheLog,
    IsSomethingElse,
}

/// A file that is put aside when it is full, in place of the one that was put aside before.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
    stderr: StandardError,
}

impl LogFile {
    /// Goes on with the file where there is one.
    pub(crate) fn open(path: &Path, bytes_max: u64, stderr: StandardError) -> io::Result<Self> {
        let file = append(path)?;
        let mut log = Self {
            path: path.to_owned(),
            bytes: file.metadata()?.len(),
            file,
            bytes_max,
            stderr,
        };
        log.redirect()?;
        Ok(log)
    }

    /// Puts the file aside and goes on in what `open` gives. A log that cannot be put aside begins again: it must not
    /// fill the disk.
    fn rotate(&mut self, open: impl FnOnce(&Path) -> io::Result<File>) -> io::Result<()> {
        let old = old(&self.path);
        if fs::rename(&self.path, &old).is_err() {
            self.file.set_len(0)?;
        } else if let Ok(next) = open(&self.path) {
            self.file = next;
        } else {
            // No descriptor is free. What was put aside is the log of just that, and goes on for as much again.
            fs::rename(&old, &self.path)?;
            if self.bytes < 2 * self.bytes_max {
                return Ok(());
            }
            self.file.set_len(0)?;
        }
        self.bytes = 0;
        self.redirect()
    }

    fn redirect(&mut self) -> io::Result<()> {
        if self.stderr == StandardError::IsTheLog {
            rustix::stdio::dup2_stderr(&self.file)?;
        }
        Ok(())
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let length = line.len() as u64;
        if self.bytes > 0 && self.bytes + length > self.bytes_max {
            self.rotate(append)?;
        }
        let written = self.file.write(line)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_goes_on_where_it_was_and_keeps_one_full_file_before_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.log");
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        fs::write(&path, "before\n").unwrap();
        let mut log = LogFile::open(&path, 20, StandardError::IsSomethingElse).unwrap();
        log.write_all(b"one\n").unwrap();
        assert_eq!(read(&path), "before\none\n");
        for line in ["twenty bytes of two\n", "three\n", "four\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(read(&path), "three\nfour\n");
        assert_eq!(read(&old(&path)), "twenty bytes of two\n");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_full_log_goes_on_where_no_other_file_can_be_opened_and_is_put_aside_later() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.log");
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        let no_descriptor = |_: &Path| Err(rustix::io::Errno::MFILE.into());
        let mut log = LogFile::open(&path, 20, StandardError::IsSomethingElse).unwrap();
        log.write_all(b"twenty bytes of one\n").unwrap();
        for _ in 0..2 {
            log.rotate(no_descriptor).unwrap();
            assert_eq!(read(&path), "twenty bytes of one\n");
        }
        log.file.write_all(b"none is free\n").unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(read(&old(&path)), "twenty bytes of one\nnone is free\n");
        assert_eq!(read(&path), "two\n");
        // It goes on so only for as much again.
        log.write_all(b"more than twice the twenty bytes of a log\n")
            .unwrap();
        log.rotate(no_descriptor).unwrap();
        assert_eq!(read(&path), "");
    }
}
