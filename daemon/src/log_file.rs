//! A file that what is written to goes on in another one when it is full, so that it stays small, and when somebody has removed
//! it or moved it away, so that what is written is found.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
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
    bytes_max: u64,
    stderr: StandardError,
}

impl LogFile {
    /// Goes on with the file where there is one.
    pub(crate) fn open(path: &Path, bytes_max: u64, stderr: StandardError) -> io::Result<Self> {
        let mut log = Self {
            path: path.to_owned(),
            file: append(path)?,
            bytes_max,
            stderr,
        };
        log.redirect()?;
        Ok(log)
    }

    /// Goes on in what `open` gives where the file is not, or not any more, the one of its name: somebody has removed it, or moved
    /// it away. While none can be opened, what is written stays with the one that was. Returns the bytes of the file.
    fn follow(&mut self, open: impl FnOnce(&Path) -> io::Result<File>) -> io::Result<u64> {
        let ours = self.file.metadata()?;
        let is_gone = match fs::metadata(&self.path) {
            Ok(named) => (named.dev(), named.ino()) != (ours.dev(), ours.ino()),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if is_gone && let Ok(next) = open(&self.path) {
            self.file = next;
            self.redirect()?;
            return Ok(self.file.metadata()?.len());
        }
        Ok(ours.len())
    }

    /// Puts the file of so many bytes aside and goes on in what `open` gives. A log that cannot be put aside begins again: it
    /// must not fill the disk.
    fn rotate(
        &mut self,
        bytes: u64,
        open: impl FnOnce(&Path) -> io::Result<File>,
    ) -> io::Result<()> {
        let old = old(&self.path);
        if fs::rename(&self.path, &old).is_err() {
            self.file.set_len(0)?;
        } else if let Ok(next) = open(&self.path) {
            self.file = next;
        } else {
            // No descriptor is free. What was put aside is the log of just that, and goes on for as much again.
            fs::rename(&old, &self.path)?;
            if bytes < 2 * self.bytes_max {
                return Ok(());
            }
            self.file.set_len(0)?;
        }
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
        // The name is looked at with each line: a timer would wake a daemon that has nothing to say.
        let bytes = self.follow(append)?;
        if bytes > 0 && bytes + line.len() as u64 > self.bytes_max {
            self.rotate(bytes, append)?;
        }
        self.file.write(line)
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

    fn no_descriptor(_: &Path) -> io::Result<File> {
        Err(rustix::io::Errno::MFILE.into())
    }

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
        let mut log = LogFile::open(&path, 20, StandardError::IsSomethingElse).unwrap();
        log.write_all(b"twenty bytes of one\n").unwrap();
        for _ in 0..2 {
            log.rotate(20, no_descriptor).unwrap();
            assert_eq!(read(&path), "twenty bytes of one\n");
        }
        log.file.write_all(b"none is free\n").unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(read(&old(&path)), "twenty bytes of one\nnone is free\n");
        assert_eq!(read(&path), "two\n");
        // It goes on so only for as much again.
        log.write_all(b"more than twice the twenty bytes of a log\n")
            .unwrap();
        log.rotate(42, no_descriptor).unwrap();
        assert_eq!(read(&path), "");
    }

    #[test]
    fn a_log_that_was_removed_or_moved_away_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.log");
        let moved = directory.path().join("s.log.1");
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        let mut log = LogFile::open(&path, 20, StandardError::IsSomethingElse).unwrap();
        log.write_all(b"one\n").unwrap();
        fs::remove_file(&path).unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(read(&path), "two\n");
        // What is written while there is none to be had is not lost to who moved it.
        fs::rename(&path, &moved).unwrap();
        log.follow(no_descriptor).unwrap();
        log.file.write_all(b"three\n").unwrap();
        log.write_all(b"four\n").unwrap();
        assert_eq!(
            (read(&moved), read(&path)),
            ("two\nthree\n".into(), "four\n".into())
        );
        // Somebody has put one in its place already, which is nearly full.
        fs::rename(&path, &moved).unwrap();
        fs::write(&path, "of somebody else\n").unwrap();
        log.write_all(b"five\n").unwrap();
        assert_eq!(
            (read(&old(&path)), read(&path)),
            ("of somebody else\n".into(), "five\n".into())
        );
        // Somebody has emptied it.
        File::create(&path).unwrap();
        log.write_all(b"a line of 18 bytes\n").unwrap();
        assert_eq!(
            (read(&old(&path)), read(&path)),
            ("of somebody else\n".into(), "a line of 18 bytes\n".into())
        );
        // With its directory gone nothing is made, and nothing fails.
        fs::remove_dir_all(directory.path()).unwrap();
        log.write_all(b"to nobody\n").unwrap();
        assert!(!path.exists());
    }
}
