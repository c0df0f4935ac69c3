//! The reader: `events.jsonl` back into lines, refusing what it does not know.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::event::{Event, Line, SCHEMA};

/// A recording in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Its lines, in order; the first is `run_started`.
    pub lines: Vec<Line>,
    /// Whether the last line had been cut short (the writer died while writing it) and was dropped.
    pub cut_short: bool,
}

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("cannot read {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is not an event that this version knows.
    #[error("{path}:{line}: not an event of schema {SCHEMA}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What serde found.
        source: serde_json::Error,
    },
    /// The first line is missing or of another schema.
    #[error("{path}: does not begin with run_started of schema {SCHEMA}")]
    Header {
        /// The file.
        path: PathBuf,
    },
}

impl Recording {
    /// Reads `events.jsonl` whole.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let (lines, cut_short) = lines_from(path, 0)?;
        match lines.first().map(|line| &line.event) {
            Some(Event::RunStarted(run)) if run.schema == SCHEMA => Ok(Self { lines, cut_short }),
            _ => Err(ReadError::Header {
                path: path.to_owned(),
            }),
        }
    }

    /// The lines from byte `position` on, where a line begins; one that has been cut short is left out.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read_from(path: &Path, position: u64) -> Result<Vec<Line>, ReadError> {
        Ok(lines_from(path, position)?.0)
    }
}

/// The lines from byte `position` on, and whether the last one had been cut short.
fn lines_from(path: &Path, position: u64) -> Result<(Vec<Line>, bool), ReadError> {
    let io = |source| ReadError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(io)?;
    file.seek(SeekFrom::Start(position)).map_err(io)?;
    let mut reader = BufReader::new(file);
    // A list that grows by doubling holds up to three times of what it needs while it moves.
    let mut lines = Vec::with_capacity(count(&mut reader).map_err(io)?);
    reader.seek(SeekFrom::Start(position)).map_err(io)?;
    let mut text = String::new();
    let mut cut_short = false;
    while reader.read_line(&mut text).map_err(io)? > 0 {
        match serde_json::from_str::<Line>(&text) {
            Ok(line) => lines.push(line),
            Err(_) if !text.ends_with('\n') => cut_short = true,
            Err(source) => {
                return Err(ReadError::Line {
                    path: path.to_owned(),
                    line: lines.len() + 1,
                    source,
                });
            }
        }
        text.clear();
    }
    Ok((lines, cut_short))
}

/// Lines from here to the end, one that has been cut short included.
fn count(reader: &mut impl BufRead) -> io::Result<usize> {
    let mut lines = 0;
    while reader.skip_until(b'\n')? > 0 {
        lines += 1;
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Recorder;
    use crate::record::event::{FalseAlarmBudget, RunStarted};

    fn header() -> Event {
        Event::RunStarted(RunStarted {
            schema: SCHEMA,
            run_id: "r".into(),
            leakgate: "0".into(),
            commit: None,
            kernel: "k".into(),
            cpus: 2,
            seed: 1,
            quick: false,
            date: "2026-01-01".into(),
            shard: None,
            budget: FalseAlarmBudget::default(),
        })
    }

    fn written(events: Vec<Event>) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let mut observer = |_: &Line| {};
        let mut recorder = Recorder::create(&path, &mut observer).unwrap();
        for event in events {
            recorder.record(event).unwrap();
        }
        (dir, path)
    }

    #[test]
    fn what_was_recorded_is_read_back() {
        let end = Event::RunFinished {
            duration_ms: 7,
            harness_cpu_ms: 3,
        };
        let (_dir, path) = written(vec![header(), end.clone()]);
        let recording = Recording::read(&path).unwrap();
        assert_eq!(
            recording
                .lines
                .iter()
                .map(|l| l.event.clone())
                .collect::<Vec<_>>(),
            [header(), end]
        );
        assert!(!recording.cut_short);
    }

    #[test]
    fn a_last_line_that_was_cut_short_is_dropped_and_said_so() {
        let (_dir, path) = written(vec![
            header(),
            Event::RunFinished {
                duration_ms: 7,
                harness_cpu_ms: 3,
            },
        ]);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        let recording = Recording::read(&path).unwrap();
        assert_eq!((recording.lines.len(), recording.cut_short), (1, true));
    }

    #[test]
    fn an_unknown_event_is_refused_with_its_line() {
        let (_dir, path) = written(vec![header()]);
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"t_ms\":1,\"event\":\"party\"}\n");
        std::fs::write(&path, text).unwrap();
        let error = Recording::read(&path).unwrap_err().to_string();
        assert!(
            error.ends_with("events.jsonl:2: not an event of schema 1"),
            "{error}"
        );
    }
}
