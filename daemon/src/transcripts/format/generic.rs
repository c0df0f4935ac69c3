//! What any other program may write: `{"time":"2026-01-31T23:59:59Z","kind":"prompt","text":"..","name":"..","session":".."}`.

use serde::Deserialize;
use sessiond_protocol::TranscriptKind;

use super::text::Text;
use super::{Listener, Speech, time_unix_ms};

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    time: Text<'a>,
    #[serde(borrow, default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    text: Text<'a>,
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    session: Text<'a>,
}

pub(super) fn read(line: &[u8], listener: &mut impl Listener) -> Result<(), serde_json::Error> {
    let line: Line<'_> = serde_json::from_slice(line)?;
    if !line.session.is_empty() {
        listener.session(line.session.as_str());
    }
    let kind = match line.kind.as_str() {
        "prompt" => TranscriptKind::Prompt,
        "reply" => TranscriptKind::Reply,
        "thought" => TranscriptKind::Thought,
        "tool_call" => TranscriptKind::ToolCall,
        "tool_result" => TranscriptKind::ToolResult,
        _ => TranscriptKind::Note,
    };
    let mut speech = Speech {
        listener,
        time_unix_ms: time_unix_ms(line.time.as_str()),
    };
    speech.say(kind, &line.name, &line.text);
    Ok(())
}
