//! Lines as the agents write them, and lines as nobody does.

use proptest::prelude::*;
use serde_json::json;
use sessiond_protocol::{TranscriptFormat, TranscriptKind};

use super::text::EVENT_BYTES_MAX;
use super::*;

#[derive(Debug, Default, PartialEq)]
struct Heard {
    said: Vec<(TranscriptKind, String, String)>,
    time: Option<u64>,
    session: String,
    bytes: u64,
}

impl Listener for Heard {
    fn said(&mut self, said: Said<'_>) {
        self.said
            .push((said.kind, said.name.to_owned(), said.text.to_owned()));
        self.time = said.time_unix_ms;
        self.bytes = said.bytes;
        assert!(said.text.len() <= EVENT_BYTES_MAX);
    }

    fn session(&mut self, name: &str) {
        name.clone_into(&mut self.session);
    }
}

fn heard(format: TranscriptFormat, line: &serde_json::Value) -> Heard {
    let line = line.to_string();
    assert_eq!(recognise(line.as_bytes()).unwrap(), format, "{line}");
    let mut heard = Heard::default();
    read(format, line.as_bytes(), &mut heard).unwrap();
    heard
}

fn said(kind: TranscriptKind, name: &str, text: &str) -> (TranscriptKind, String, String) {
    (kind, name.to_owned(), text.to_owned())
}

#[test]
fn a_prompt_of_claude_code_is_read_with_its_time_and_session() {
    let line = json!({"parentUuid": null, "isSidechain": false, "sessionId": "c7d1", "type": "user",
        "message": {"role": "user", "content": "Say \"hi\"\nplease"}, "timestamp": "2026-01-31T23:59:59.250Z"});
    let heard = heard(TranscriptFormat::Claude, &line);
    assert_eq!(
        heard.said,
        [said(TranscriptKind::Prompt, "", "Say \"hi\"\nplease")]
    );
    assert_eq!(
        (heard.time, heard.session.as_str()),
        (Some(1_769_903_999_250), "c7d1")
    );
}

#[test]
fn the_blocks_of_claude_code_are_events_of_their_own() {
    let line = json!({"type": "assistant", "message": {"content": [
        {"type": "thinking", "thinking": "hm", "signature": "x"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}},
    ]}});
    let expected = [
        said(TranscriptKind::Thought, "", "hm"),
        said(TranscriptKind::Reply, "", "I look."),
        said(TranscriptKind::ToolCall, "Bash", "{\"command\":\"ls\"}"),
    ];
    assert_eq!(heard(TranscriptFormat::Claude, &line).said, expected);
    let line = json!({"type": "user", "toolUseResult": {"stdout": "a\nb"}, "message": {"content": [
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "a"}, {"type": "image", "source": {}}, {"type": "text", "text": "b"}]},
    ]}});
    assert_eq!(
        heard(TranscriptFormat::Claude, &line).said,
        [said(TranscriptKind::ToolResult, "", "a\nb")]
    );
    let line =
        json!({"type": "user", "isMeta": true, "message": {"content": "Caveat: not by a person"}});
    assert_eq!(
        heard(TranscriptFormat::Claude, &line).said[0].0,
        TranscriptKind::Note
    );
    let line = json!({"type": "summary", "summary": "All of it", "leafUuid": "u"});
    assert_eq!(
        heard(TranscriptFormat::Claude, &line).said,
        [said(TranscriptKind::Note, "", "All of it")]
    );
}

#[test]
fn the_items_of_codex_are_events_and_what_is_told_twice_is_one() {
    let line = |kind: &str, payload: serde_json::Value| json!({"timestamp": "2026-01-31T23:59:59Z", "type": kind, "payload": payload});
    let codex = |kind: &str, payload| heard(TranscriptFormat::Codex, &line(kind, payload));
    let meta = codex("session_meta", json!({"id": "0199", "cwd": "/"}));
    assert_eq!((meta.session.as_str(), meta.said.len()), ("0199", 0));
    let message = |role: &str, text: &str| json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]});
    let of = |role: &str, text: &str| codex("response_item", message(role, text)).said[0].0;
    assert_eq!(of("user", "fix it"), TranscriptKind::Prompt);
    assert_eq!(of("user", "<environment_context>x"), TranscriptKind::Note);
    assert_eq!(of("assistant", "done"), TranscriptKind::Reply);
    let twice = codex(
        "event_msg",
        json!({"type": "user_message", "message": "fix it"}),
    );
    assert_eq!(twice.said, []);
    let call = codex(
        "response_item",
        json!({"type": "function_call", "name": "shell", "arguments": "{\"command\":[\"ls\"]}", "call_id": "c"}),
    );
    assert_eq!(
        call.said,
        [said(
            TranscriptKind::ToolCall,
            "shell",
            "{\"command\":[\"ls\"]}"
        )]
    );
    for output in [
        json!("a file"),
        json!({"content": "a file", "success": true}),
        json!([{"text": "a file"}]),
    ] {
        let result = codex(
            "response_item",
            json!({"type": "function_call_output", "output": output}),
        );
        assert_eq!(
            result.said,
            [said(TranscriptKind::ToolResult, "", "a file")]
        );
    }
    let thought = codex(
        "response_item",
        json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}),
    );
    assert_eq!(thought.said, [said(TranscriptKind::Thought, "", "hm")]);
}

#[test]
fn the_generic_format_is_read_as_documented() {
    let line = json!({"time": "2026-01-31T23:59:59Z", "kind": "tool_call", "name": "make", "text": "all", "session": "mine"});
    let heard = heard(TranscriptFormat::Generic, &line);
    assert_eq!(heard.said, [said(TranscriptKind::ToolCall, "make", "all")]);
    assert_eq!(heard.session, "mine");
}

#[test]
fn a_long_text_is_cut_at_a_character_and_its_length_is_known() {
    for text in ["ä".repeat(EVENT_BYTES_MAX), "\"ä".repeat(EVENT_BYTES_MAX)] {
        let line = json!({"kind": "prompt", "text": text});
        let heard = heard(TranscriptFormat::Generic, &line);
        assert_eq!(heard.bytes, text.len() as u64);
        let kept = &heard.said[0].2;
        assert!(kept.len() > EVENT_BYTES_MAX - 4 && text.starts_with(kept));
    }
}

#[test]
fn no_line_makes_more_events_than_a_message_has_blocks() {
    let content = vec![json!({"type": "text", "text": "x"}); 100_000];
    let line = json!({"type": "user", "message": {"content": content}});
    assert_eq!(heard(TranscriptFormat::Claude, &line).said.len(), 256);
    let nested = "[".repeat(100_000);
    let line = format!("{{\"type\":\"user\",\"message\":{{\"content\":{nested}");
    assert!(
        read(
            TranscriptFormat::Claude,
            line.as_bytes(),
            &mut Heard::default()
        )
        .is_err()
    );
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let names = "type|payload|message|content|text|thinking|name|input|timestamp|summary|kind|isMeta|output|arguments|sessionId|x";
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        "user|assistant|text|tool_use|tool_result|response_item|message|.*"
            .prop_map(|value| json!(value)),
    ];
    leaf.prop_recursive(6, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|values| json!(values)),
            prop::collection::btree_map(names, inner, 0..6).prop_map(|members| json!(members)),
        ]
    })
}

const FORMATS: [TranscriptFormat; 3] = [
    TranscriptFormat::Claude,
    TranscriptFormat::Codex,
    TranscriptFormat::Generic,
];

proptest! {
    #[test]
    fn arbitrary_bytes_are_a_bad_line_or_a_line(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = recognise(&bytes);
        for format in FORMATS {
            let _ = read(format, &bytes, &mut Heard::default());
        }
    }

    #[test]
    fn arbitrary_json_is_read_in_every_format(value in any_json(), cut in 0..4096_usize) {
        let line = value.to_string();
        let cut = &line.as_bytes()[..cut.min(line.len())];
        for format in FORMATS {
            let _ = read(format, line.as_bytes(), &mut Heard::default());
            let _ = read(format, cut, &mut Heard::default());
        }
    }
}
