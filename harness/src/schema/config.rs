//! The schema of `leakgate.toml`.

use serde_json::{Map, Value, json};

use super::pieces::{bytes, described, document, duration, integer, table, text, words};
use crate::config::{ExecStep, Framing};

/// The schema of `leakgate.toml`.
pub(super) fn schema() -> Value {
    let targets = json!({ "type": "object", "additionalProperties": target() });
    let body = table(
        properties([
            ("target", targets),
            ("prove", prove()),
            ("coverage", coverage()),
        ]),
        &["target"],
    );
    document("leakgate.toml: the targets that leakgate can measure", body)
}

fn coverage() -> Value {
    let except =
        json!({ "type": "object", "additionalProperties": { "type": "string", "minLength": 1 } });
    table(
        properties([(
            "except",
            described(
                except,
                "gauges and counts that no scenario can exercise, each with the reason",
            ),
        )]),
        &[],
    )
}

fn prove() -> Value {
    let env = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    table(
        properties([
            (
                "apply",
                described(
                    words(),
                    "puts the bug `{patch}` into the copy that it runs in [default: git apply]",
                ),
            ),
            (
                "env",
                described(
                    env,
                    "what the copies' builds and tests get beside the environment",
                ),
            ),
            (
                "cargo",
                described(
                    words(),
                    "lines of Cargo's configuration for the copies [default: those that make a rebuild short]",
                ),
            ),
        ]),
        &[],
    )
}

fn target() -> Value {
    let steps = ExecStep::ALL.map(|step| (step.name(), words()));
    let process = || [("build", words()), ("command", words())];
    let mut schema = table(
        properties([
            (
                "driver",
                json!({ "enum": ["sessiond", "exec", "socket", "stdio", "http"] }),
            ),
            (
                "build",
                described(words(), "how it is built, in the directory of this file"),
            ),
            (
                "command",
                described(words(), "how it is started; it stays in the foreground"),
            ),
            (
                "env",
                json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            ),
            ("ready", ready()),
            (
                "probe",
                json!({ "type": "boolean", "description": "whether it links leakgate-probe" }),
            ),
            ("stop", stop()),
            (
                "requires",
                described(words(), "programs without which its scenarios are skipped"),
            ),
            ("profile", table(properties(process()), &["command"])),
            ("track", table(properties(process()), &["command"])),
            ("steps", table(properties(steps), &[])),
            ("socket", endpoint(Some(("framing", framing())))),
            (
                "stdio",
                table(properties([("framing", framing())]), &["framing"]),
            ),
            ("http", endpoint(None)),
            ("selftest", selftest()),
        ]),
        &["driver", "command"],
    );
    // Each driver but `sessiond` has a table of its own, and no other takes it.
    let tables = [
        ("exec", "steps"),
        ("socket", "socket"),
        ("stdio", "stdio"),
        ("http", "http"),
    ];
    let each = tables.map(|(driver, table)| {
        json!({
            "if": { "properties": { "driver": { "const": driver } } },
            "then": { "required": needed(driver, table) },
            "else": { "properties": { table: false } },
        })
    });
    schema["allOf"] = json!(each);
    schema
}

/// Where a target listens: one of a Unix socket and a loopback port.
fn endpoint(more: Option<(&str, Value)>) -> Value {
    let framed: Vec<&str> = more.iter().map(|(key, _)| *key).collect();
    let way = |key: &str| {
        let mut own = properties([(key, text())]);
        own.extend(
            more.iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone())),
        );
        table(own, &[&[key], framed.as_slice()].concat())
    };
    json!({ "oneOf": [way("unix"), way("tcp")] })
}

/// What a driver cannot do without; how `sessiond` and `exec` are ready cannot be guessed from their tables.
fn needed(driver: &str, table: &str) -> Vec<String> {
    let ready = (driver == "exec").then(|| "ready".to_owned());
    ready.into_iter().chain([table.to_owned()]).collect()
}

fn framing() -> Value {
    json!({ "enum": Framing::CHOICES.map(|(name, _)| name) })
}

fn ready() -> Value {
    let way =
        |key: &str, value: Value| table(properties([(key, value), ("within", duration())]), &[key]);
    let asked = properties([
        ("request", text()),
        ("then", text()),
        ("within", duration()),
    ]);
    json!({ "oneOf": [
        way("socket", text()),
        way("tcp", text()),
        way("command", words()),
        table(asked, &["request"]),
    ]})
}

/// The smallest leaks that a self-test must see.
fn selftest() -> Value {
    let one_in = || integer(1, 1000);
    let share = json!({ "type": "number", "minimum": 0, "maximum": 1 });
    table(
        properties([
            ("heap", bytes()),
            ("resident", bytes()),
            ("fd", one_in()),
            ("thread", one_in()),
            ("zombie", one_in()),
            ("file", one_in()),
            ("length", one_in()),
            ("false_alarms", share),
        ]),
        &[],
    )
}

fn stop() -> Value {
    let signal = json!({ "enum": ["TERM", "INT", "HUP", "QUIT"] });
    table(
        properties([("signal", signal), ("within", duration())]),
        &[],
    )
}

fn properties<const N: usize>(properties: [(&str, Value); N]) -> Map<String, Value> {
    let owned = properties
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value));
    owned.collect()
}
