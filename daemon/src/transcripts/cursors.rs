//! The file in which cursors are kept over a restart: a line of JSON each, written whole under another name first.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::transcript::State;
use crate::causes::with_causes;
use crate::paths::{PathError, make_private};

/// The first line: what follows is of this version.
const HEAD: &str = "{\"sessiond_cursors\":1}";

/// Bytes of a line: a path and the beginnings of two texts, with every byte escaped.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// Lines that are read: more transcripts than that are not followed.
pub(crate) const CURSORS_MAX: usize = 4096;

/// The file.
#[derive(Debug)]
pub(crate) struct CursorFile {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<T> {
    path: String,
    state: T,
}

impl CursorFile {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What an earlier daemon has written, by path. A line that is broken, and what follows it, is as if it were not there: those files
    /// are read again.
    pub(crate) fn read(&self) -> BTreeMap<CString, State> {
        let mut found = BTreeMap::new();
        let Ok(file) = File::open(&self.path) else {
            return found; // there are none
        };
        let mut lines = BufReader::new(file);
        let mut line = String::new();
        let mut next = |line: &mut String| -> io::Result<bool> {
            line.clear();
            lines.by_ref().take(LINE_BYTES_MAX).read_line(line)?;
            Ok(line.ends_with('\n'))
        };
        match next(&mut line) {
            Ok(true) if line.trim_end() == HEAD => {}
            _ => return found,
        }
        while found.len() < CURSORS_MAX
            && let Ok(true) = next(&mut line)
            && let Ok(Line { path, state }) = serde_json::from_str(&line)
            && let Ok(path) = CString::new(path)
        {
            found.insert(path, state);
        }
        found
    }

    /// Writes the cursors of these files; none are no file. A path that is no text is left out: its file is read again.
    pub(crate) fn write<'a>(&self, states: impl Iterator<Item = (&'a CStr, &'a State)>) {
        let mut states = states.peekable();
        let written = match states.peek() {
            None => self.remove(),
            Some(_) => self.replace(states),
        };
        if let Err(error) = written {
            let path = self.path.display();
            let error = with_causes(&error);
            tracing::warn!(%path, error, "the cursors of transcripts were not written");
        }
    }

    fn remove(&self) -> Result<(), PathError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.io(error)),
            _ => Ok(()),
        }
    }

    fn replace<'a>(
        &self,
        states: impl Iterator<Item = (&'a CStr, &'a State)>,
    ) -> Result<(), PathError> {
        make_private(self.path.parent().unwrap_or(Path::new("/")))?;
        let unfinished = self.path.with_extension("unfinished");
        let write = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            let mut file = BufWriter::new(options.open(&unfinished)?);
            writeln!(file, "{HEAD}")?;
            for (path, state) in states {
                if let Ok(path) = path.to_str() {
                    let path = path.to_owned();
                    serde_json::to_writer(&mut file, &Line { path, state })?;
                    writeln!(file)?;
                }
            }
            file.flush()?;
            fs::rename(&unfinished, &self.path)
        };
        write().map_err(|error| {
            let _ = fs::remove_file(&unfinished); // it may not even be there
            self.io(error)
        })
    }

    fn io(&self, source: io::Error) -> PathError {
        PathError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cursor::Identity;
    use super::*;

    fn state(offset: u64) -> State {
        let mut state = State::new(
            Identity {
                device: 1,
                inode: 2,
            },
            None,
        );
        state.cursor.offset = offset;
        state.prompt = "fix \"it\"".to_owned();
        state
    }

    #[test]
    fn what_was_written_is_read_and_nothing_is_no_file() {
        let place = tempfile::tempdir().unwrap();
        let file = CursorFile::new(place.path().join("state/s.cursors"));
        assert!(file.read().is_empty());
        let states = [(c"/a.jsonl", state(7)), (c"/b \"c\".jsonl", state(9))];
        file.write(states.iter().map(|(path, state)| (*path, state)));
        let read = file.read();
        let expected = states.map(|(path, state)| (path.to_owned(), state));
        assert_eq!(read, BTreeMap::from(expected));
        file.write(std::iter::empty());
        assert_eq!(fs::read_dir(place.path().join("state")).unwrap().count(), 0);
    }

    #[test]
    fn of_a_broken_file_the_lines_before_the_break_are_read() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("state/s.cursors");
        let file = CursorFile::new(path.clone());
        let states = [(c"/a", state(1)), (c"/b", state(2)), (c"/c", state(3))];
        file.write(states.iter().map(|(path, state)| (*path, state)));
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 10]).unwrap();
        assert_eq!(file.read().len(), 2);
        fs::write(&path, b"\xff\xfe").unwrap();
        assert!(file.read().is_empty());
        let long = [HEAD.as_bytes(), b"\n", &vec![b'x'; 1 << 20]].concat();
        fs::write(&path, long).unwrap();
        assert!(file.read().is_empty());
    }
}
