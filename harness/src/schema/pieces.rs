//! What the schemas of files that people write have in common: measures, texts with placeholders, closed tables.

use serde_json::{Map, Value, json};

/// A text that holds a placeholder: its value is known in each cycle only.
const PLACEHOLDER: &str = r"\{[A-Za-z][A-Za-z0-9_-]*\}";

/// A whole document.
pub(super) fn document(title: &str, body: Value) -> Value {
    let mut document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
    });
    if let (Some(document), Value::Object(body)) = (document.as_object_mut(), body) {
        document.extend(body);
    }
    document
}

/// A table that holds nothing but these properties.
pub(super) fn table(properties: Map<String, Value>, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// A text that matches `pattern`, or that holds a placeholder.
fn measure(pattern: &str, example: &str) -> Value {
    json!({
        "type": "string",
        "pattern": format!("{pattern}|{PLACEHOLDER}"),
        "examples": [example],
    })
}

/// A size with its unit.
pub(super) fn bytes() -> Value {
    measure(r"^[0-9.]+ *(B|kB|KB|KiB|MB|MiB|GB|GiB)$", "10MiB")
}

/// A duration with its unit.
pub(super) fn duration() -> Value {
    measure(r"^( *[0-9]+ *[a-zA-Z]+)+ *$", "200ms")
}

/// Rows and columns.
pub(super) fn terminal_size() -> Value {
    measure(r"^[0-9]{1,4}x[0-9]{1,4}$", "24x80")
}

/// A whole number, or a text with a placeholder for one.
pub(super) fn count(from: u32, to: u32) -> Value {
    json!({ "anyOf": [
        { "type": "integer", "minimum": from, "maximum": to },
        { "type": "string", "pattern": PLACEHOLDER },
    ]})
}

/// A whole number.
pub(super) fn integer(from: u32, to: u32) -> Value {
    json!({ "type": "integer", "minimum": from, "maximum": to })
}

/// One of these words, or a text with a placeholder for one.
pub(super) fn choice(words: &[&str]) -> Value {
    json!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": PLACEHOLDER }] })
}

/// A text.
pub(super) fn text() -> Value {
    json!({ "type": "string" })
}

/// A program and its arguments.
pub(super) fn words() -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 })
}

/// The same with what it is for, where an editor shows it.
pub(super) fn described(mut schema: Value, description: &str) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), json!(description));
    }
    schema
}
