//! What Claude Code writes: an object a line, with the message as its API has it.

use serde::Deserialize;
use sessiond_protocol::TranscriptKind;

use super::blocks::Blocks;
use super::text::Text;
use super::{Listener, Speech, time_unix_ms};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    timestamp: Text<'a>,
    #[serde(borrow, default)]
    session_id: Text<'a>,
    /// Nobody has said this: the agent has put it there.
    #[serde(default)]
    is_meta: bool,
    #[serde(default)]
    is_compact_summary: bool,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    /// Of lines that have no message.
    #[serde(borrow, default)]
    content: Text<'a>,
    #[serde(borrow, default)]
    summary: Text<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Blocks<'a>,
}

pub(super) fn read(line: &[u8], listener: &mut impl Listener) -> Result<(), serde_json::Error> {
    let line: Line<'_> = serde_json::from_slice(line)?;
    if !line.session_id.is_empty() {
        listener.session(line.session_id.as_str());
    }
    let mut speech = Speech {
        listener,
        time_unix_ms: time_unix_ms(line.timestamp.as_str()),
    };
    let none = Text::default();
    let by_person = match line.is_meta || line.is_compact_summary {
        true => TranscriptKind::Note,
        false => TranscriptKind::Prompt,
    };
    let speaker = match line.kind.as_str() {
        "user" => by_person,
        "assistant" => TranscriptKind::Reply,
        _ => TranscriptKind::Note,
    };
    for block in line.message.iter().flat_map(|message| &message.content.0) {
        match block.kind.as_str() {
            "text" => speech.say(speaker, &none, &block.text),
            "thinking" => speech.say(TranscriptKind::Thought, &none, &block.text),
            "tool_use" => speech.say(TranscriptKind::ToolCall, &block.name, &block.input),
            "tool_result" => speech.say(TranscriptKind::ToolResult, &none, &block.content.0),
            _ => {}
        }
    }
    if line.message.is_none() {
        speech.say(TranscriptKind::Note, &none, &line.content);
        speech.say(TranscriptKind::Note, &none, &line.summary);
    }
    Ok(())
}
