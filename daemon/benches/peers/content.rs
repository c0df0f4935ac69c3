//! What programs put out: plain, coloured and multi-byte text.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// A kind of output, in lines of at most 80 columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Plain,
    /// A listing: a colour per column.
    Coloured,
    /// Accents, wide characters, symbols.
    MultiByte,
}

impl Content {
    pub(crate) const ALL: [Self; 3] = [Self::Plain, Self::Coloured, Self::MultiByte];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Coloured => "coloured",
            Self::MultiByte => "multi-byte",
        }
    }

    fn line(self, number: usize) -> String {
        match self {
            Self::Plain => format!(
                "{number:>10} The quick brown fox jumps over the lazy dog; 0123456789 abcdefghijklmno\n"
            ),
            Self::Coloured => format!(
                "\x1b[32m{number:>10}\x1b[0m \x1b[1;34mdrwxr-xr-x\x1b[0m \x1b[38;5;208m{:>8}\x1b[0m \
                 \x1b[33muser\x1b[0m \x1b[36m2026-01-01 12:00\x1b[0m \x1b[1;31msome-file-{:04}.tar.gz\x1b[0m\n",
                number * 37 % 100_000,
                number % 10_000
            ),
            Self::MultiByte => format!(
                "{number:>10} Größe naïve façade — 日本語の文字列 漢字かな交じり文 → 完了 ✓ żółć Ελληνικά\n"
            ),
        }
    }

    /// Fills the file at `path` with at least `bytes` bytes; returns how many.
    pub(crate) fn write(self, path: &Path, bytes: usize) -> io::Result<usize> {
        let mut file = BufWriter::new(File::create(path)?);
        let mut written = 0;
        for number in 0.. {
            if written >= bytes {
                break;
            }
            let line = self.line(number);
            file.write_all(line.as_bytes())?;
            written += line.len();
        }
        file.flush()?;
        Ok(written)
    }

    /// The same by lines.
    pub(crate) fn write_lines(self, path: &Path, lines: usize) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for number in 0..lines {
            file.write_all(self.line(number).as_bytes())?;
        }
        file.flush()
    }
}
