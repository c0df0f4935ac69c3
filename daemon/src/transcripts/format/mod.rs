//! What the lines of a transcript say, in each of the formats. Pure; what is parsed borrows from the line.
//!
//! Agents change what they write with every release: a field of another type than is known here is a field without a text, and a
//! line of another kind has no events. Only what is no JSON object is a bad line.

mod blocks;
mod claude;
mod codex;
mod generic;
mod text;

use serde::Deserialize;
use sessiond_protocol::{TranscriptFormat, TranscriptKind};

use text::Text;
pub(crate) use text::beginning;

/// An event as a line says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said<'a> {
    pub(crate) kind: TranscriptKind,
    /// In milliseconds since 1970 UTC.
    pub(crate) time_unix_ms: Option<u64>,
    /// Of the tool that is called; else empty.
    pub(crate) name: &'a str,
    /// No longer than an event may have it.
    pub(crate) text: &'a str,
    /// Of the whole text.
    pub(crate) bytes: u64,
}

/// Takes what a line says.
pub(crate) trait Listener {
    fn said(&mut self, said: Said<'_>);

    /// What the agent calls its session.
    fn session(&mut self, name: &str);
}

/// What one line says, at its time.
struct Speech<'l, L> {
    listener: &'l mut L,
    time_unix_ms: Option<u64>,
}

impl<L: Listener> Speech<'_, L> {
    /// Tells an event, unless nothing is in it.
    fn say(&mut self, kind: TranscriptKind, name: &Text<'_>, text: &Text<'_>) {
        if !text.is_empty() || !name.is_empty() {
            self.listener.said(Said {
                kind,
                time_unix_ms: self.time_unix_ms,
                name: name.as_str(),
                text: text.as_str(),
                bytes: text.bytes(),
            });
        }
    }
}

/// Why a line says nothing.
#[derive(Debug, thiserror::Error)]
#[error("not a JSON object of this format: {0}")]
pub(crate) struct BadLine(#[from] serde_json::Error);

/// Tells what a line says.
pub(crate) fn read(
    format: TranscriptFormat,
    line: &[u8],
    listener: &mut impl Listener,
) -> Result<(), BadLine> {
    match format {
        TranscriptFormat::Claude => claude::read(line, listener)?,
        TranscriptFormat::Codex => codex::read(line, listener)?,
        TranscriptFormat::Generic => generic::read(line, listener)?,
    }
    Ok(())
}

/// Who has written a line.
#[derive(Deserialize)]
struct Signs<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(default)]
    payload: Option<serde::de::IgnoredAny>,
}

/// The format of a file that has this line.
pub(crate) fn recognise(line: &[u8]) -> Result<TranscriptFormat, BadLine> {
    let signs: Signs<'_> = serde_json::from_slice(line)?;
    Ok(match (signs.kind.is_empty(), signs.payload) {
        (true, _) => TranscriptFormat::Generic,
        (false, Some(_)) => TranscriptFormat::Codex,
        (false, None) => TranscriptFormat::Claude,
    })
}

/// Reads `2026-01-31T23:59:59.999Z`.
fn time_unix_ms(text: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339_weak(text).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

#[cfg(test)]
mod tests;
