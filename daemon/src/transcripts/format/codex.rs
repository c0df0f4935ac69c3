//! What Codex writes: an object a line, with what was sent to the model and what came back in `payload`.
//!
//! What was said is also there as `event_msg`, in some releases; only the items themselves are taken, which all of them write.

use serde::Deserialize;
use sessiond_protocol::TranscriptKind;

use super::blocks::{Blocks, Flat};
use super::text::Text;
use super::{Listener, Speech, time_unix_ms};

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    timestamp: Text<'a>,
    #[serde(borrow, default)]
    payload: Option<Payload<'a>>,
}

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    /// Of the session, in `session_meta`.
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    role: Text<'a>,
    #[serde(borrow, default)]
    content: Blocks<'a>,
    /// What was thought, in short.
    #[serde(borrow, default)]
    summary: Flat<'a>,
    #[serde(borrow, default)]
    name: Text<'a>,
    /// What a tool is called with, by the kind of the tool.
    #[serde(borrow, default)]
    arguments: Text<'a>,
    #[serde(borrow, default)]
    input: Text<'a>,
    #[serde(borrow, default)]
    output: Flat<'a>,
}

/// How texts begin that the program puts before what the person says.
const NOT_BY_A_PERSON: [&str; 3] = [
    "<environment_context>",
    "<user_instructions>",
    "# AGENTS.md instructions",
];

pub(super) fn read(line: &[u8], listener: &mut impl Listener) -> Result<(), serde_json::Error> {
    let line: Line<'_> = serde_json::from_slice(line)?;
    let Some(payload) = line.payload else {
        return Ok(());
    };
    if line.kind.as_str() == "session_meta" && !payload.id.is_empty() {
        listener.session(payload.id.as_str());
    }
    if line.kind.as_str() != "response_item" {
        return Ok(());
    }
    let mut speech = Speech {
        listener,
        time_unix_ms: time_unix_ms(line.timestamp.as_str()),
    };
    let none = Text::default();
    match payload.kind.as_str() {
        "message" => {
            for block in &payload.content.0 {
                speech.say(speaker(&payload.role, &block.text), &none, &block.text);
            }
        }
        "reasoning" => speech.say(TranscriptKind::Thought, &none, &payload.summary.0),
        "function_call" => speech.say(TranscriptKind::ToolCall, &payload.name, &payload.arguments),
        "custom_tool_call" => speech.say(TranscriptKind::ToolCall, &payload.name, &payload.input),
        "function_call_output" | "custom_tool_call_output" => {
            speech.say(TranscriptKind::ToolResult, &none, &payload.output.0);
        }
        _ => {}
    }
    Ok(())
}

fn speaker(role: &Text<'_>, text: &Text<'_>) -> TranscriptKind {
    let by_a_person = || {
        let text = text.as_str().trim_start();
        !NOT_BY_A_PERSON
            .iter()
            .any(|begins| text.starts_with(begins))
    };
    match role.as_str() {
        "user" if by_a_person() => TranscriptKind::Prompt,
        "assistant" => TranscriptKind::Reply,
        _ => TranscriptKind::Note,
    }
}
