//! `leakgate emit`: terminal output of an exact length and a chosen kind, as fast as it can be written.
//!
//! Scenarios run it as the child of a session. It writes straight from one prepared block, so that
//! the terminal is the bottleneck and not the generator.

use std::io::{self, Write};

/// What the output is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Content {
    /// Lines of 78 printable ASCII characters.
    Plain,
    /// Lines with a colour change per word, like a coloured listing.
    Sgr,
    /// Lines of CJK, emoji and combining marks.
    Utf8,
    /// Printable ASCII that never ends its line.
    NoNewline,
    /// The start of an operating-system command, and then its text for ever.
    OpenOsc,
}

/// Repeated to make the output; large enough that a write call is worth its cost.
const BLOCK_BYTES: usize = 64 * 1024;

/// Writes exactly `bytes` bytes of `content` to `out`; the last line may be cut.
///
/// # Errors
/// Those of `out`.
pub fn emit(content: Content, bytes: u64, out: &mut dyn Write) -> io::Result<()> {
    let mut left = bytes;
    let mut put = |block: &[u8]| -> io::Result<bool> {
        let take = usize::try_from(left).map_or(block.len(), |left| left.min(block.len()));
        out.write_all(&block[..take])?;
        left -= take as u64;
        Ok(left > 0)
    };
    if content == Content::OpenOsc && !put(b"\x1b]2;")? {
        return out.flush();
    }
    let block = block(content);
    while put(&block)? {}
    out.flush()
}

/// Whole lines of `content`, about [`BLOCK_BYTES`] of them.
fn block(content: Content) -> Vec<u8> {
    let mut block = Vec::with_capacity(BLOCK_BYTES + 256);
    let mut number = 0_u32;
    while block.len() < BLOCK_BYTES {
        line(content, number, &mut block);
        number += 1;
    }
    block
}

fn line(content: Content, number: u32, block: &mut Vec<u8>) {
    let text = match content {
        Content::Plain => format!(
            "{number:08} {}\r\n",
            "the quick brown fox jumps over the lazy dog and runs on to the next one"
                .get(..69)
                .unwrap_or("")
        ),
        Content::Sgr => format!(
            "\x1b[01;34mdirectory-{number:04}\x1b[0m  \x1b[01;32mscript-{number:04}.sh\x1b[0m  \x1b[38;5;{}mfile\x1b[0m  \x1b[1;3{}mnotes\x1b[m\r\n",
            number % 256,
            number % 8
        ),
        Content::Utf8 => format!(
            "{number:06} 漢字かな交じり文 한국어 e\u{301}a\u{308}o\u{302} 🦀🚀 — “naïve café” Ωμέγα\r\n"
        ),
        Content::NoNewline | Content::OpenOsc => "0123456789abcdef".to_owned(),
    };
    block.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_so_many_bytes_are_written() {
        for content in [
            Content::Plain,
            Content::Sgr,
            Content::Utf8,
            Content::NoNewline,
            Content::OpenOsc,
        ] {
            for bytes in [0, 1, 3, 70_000, 200_001] {
                let mut out = Vec::new();
                emit(content, bytes, &mut out).unwrap();
                assert_eq!(out.len() as u64, bytes, "{content:?}");
            }
        }
    }

    #[test]
    fn plain_lines_fit_a_terminal_of_80_columns() {
        let mut out = Vec::new();
        emit(Content::Plain, 10_000, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.len() <= 80));
        assert_eq!(text.lines().next().map(str::len), Some(78));
    }
}
