//! One TOML file: its text, what it says, and where its lines are.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use toml::de::DeTable;

use super::value::{Entries, entries};
use super::{Problems, Table};

/// A file of more bytes is not one that a person wrote.
const TEXT_BYTES_MAX: u64 = 1 << 20;

/// The text of a file that a person wrote.
///
/// # Errors
/// When it cannot be read, is too large, or is not UTF-8.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?
        .take(TEXT_BYTES_MAX + 1)
        .read_to_string(&mut text)?;
    if read as u64 > TEXT_BYTES_MAX {
        let message = format!("the file has more than {TEXT_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

/// A file that has been read; it holds on to nothing but itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    path: Arc<str>,
    text: String,
    entries: Entries,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
}

impl Document {
    /// Reads `text`, the contents of `path`, as TOML. A text that is not TOML becomes problems and an empty document:
    /// what a parser recovers after a syntax error would only add problems that are not there.
    pub(crate) fn parse(path: &str, text: &str, problems: &mut Problems) -> Document {
        let before = problems.count();
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            problems.add(
                within(text, error.span().unwrap_or(0..0)),
                "this is not TOML",
                error.message().replace('\n', ", "),
            );
        }
        let entries = match problems.count() == before {
            true => entries(table.get_ref()),
            false => Entries::new(),
        };
        let begins = text.match_indices('\n').map(|(at, _)| at + 1);
        Document {
            path: path.into(),
            text: text.to_owned(),
            entries,
            lines: std::iter::once(0).chain(begins).collect(),
        }
    }

    /// What it is called in messages.
    pub(crate) fn path(&self) -> &Arc<str> {
        &self.path
    }

    /// Its text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The table that is the whole file.
    pub(crate) fn root(&self) -> Table<'_> {
        Table::new(0..0, &self.entries)
    }

    /// The line, from 1, of the byte at `offset`.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|&begin| begin <= offset)
    }
}

/// The parser counts bytes; a message can only underline whole characters.
fn within(text: &str, span: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    start..end
}
