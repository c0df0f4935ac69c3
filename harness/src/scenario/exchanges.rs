//! The steps `send`, `expect`, `call`, `notify` and `request`, from TOML.

use serde_json::Value;

use super::model::Action;
use super::steps::Reader;
use super::wire::{Answer, Exchange, Expected, Framed, HttpRequest, Length, Payload};
use crate::source::{Node, listed};
use crate::template::{Values, expand};
use crate::units::Bytes;

impl Reader<'_, '_> {
    /// The exchange of that name; none for any other name, or when anything about it is wrong.
    pub(super) fn exchange(&mut self, name: &str) -> Option<Action> {
        // Without a name, it is on the connection that lasts as long as the target.
        let client = match self.table.get("client") {
            Some(_) => Some(self.name("client")?),
            None => None,
        };
        let exchange = match name {
            "send" => self.send(),
            "expect" => self.expect().map(Exchange::Expect),
            "call" => self.call(),
            "notify" => {
                let (method, params) = (self.text("method"), self.params());
                Some(Exchange::Notify {
                    method: method?,
                    params: params?,
                })
            }
            "request" => self.request(),
            _ => None,
        };
        Some(Action::Exchange {
            client,
            exchange: exchange?,
        })
    }

    fn send(&mut self) -> Option<Exchange> {
        let payload = match self.one_of(&["text", "bytes", "hex"])? {
            "text" => self.text("text").map(Payload::Text),
            "bytes" => self.bytes("bytes").map(Payload::Fill),
            _ => self.hex("hex").map(Payload::Exact),
        };
        let framed = match self.flag("raw")? {
            true => Framed::Raw,
            false => Framed::Whole,
        };
        Some(Exchange::Send {
            payload: payload?,
            framed,
        })
    }

    fn expect(&mut self) -> Option<Expected> {
        const KEYS: [&str; 5] = ["contains", "line", "at_least", "silence", "closed"];
        match self.one_of(&KEYS)? {
            "contains" => self.text("contains").map(Expected::Contains),
            "line" => self.text("line").map(Expected::Line),
            "at_least" => self.bytes("at_least").map(Expected::AtLeast),
            "silence" => self.must_be_true("silence").map(|()| Expected::Silence),
            _ => self.must_be_true("closed").map(|()| Expected::Closed),
        }
    }

    fn call(&mut self) -> Option<Exchange> {
        let (method, params) = (self.text("method"), self.params());
        let answer = match (self.table.get("contains"), self.table.get("expect_error")) {
            (None, None) => Some(Answer::Result),
            (Some(_), None) => self.text("contains").map(Answer::Containing),
            (None, Some(node)) => {
                let code = node.integer();
                if code.is_none() {
                    self.problems.add(
                        node.span,
                        "expected the code of a JSON-RPC error",
                        "expected a whole number, such as -32601",
                    );
                }
                code.map(Answer::Error)
            }
            (Some(_), Some(node)) => {
                self.problems.add(
                    node.span,
                    "a call takes one of `contains` and `expect_error`",
                    "an error has no result that could contain anything",
                );
                None
            }
        };
        Some(Exchange::Call {
            method: method?,
            params: params?,
            answer: answer?,
        })
    }

    fn request(&mut self) -> Option<Exchange> {
        let method = self.text_or("method", "GET");
        let path = self.path();
        let headers = self.headers();
        let body = match (self.table.get("body"), self.table.get("bytes")) {
            (None, None) => Some(None),
            (Some(_), None) => self.text("body").map(|text| Some(Payload::Text(text))),
            (None, Some(_)) => self.bytes("bytes").map(|bytes| Some(Payload::Fill(bytes))),
            (Some(_), Some(node)) => {
                self.problems.add(
                    node.span,
                    "a request takes one of `body` and `bytes`",
                    "the second body",
                );
                None
            }
        };
        let length = match self.flag("chunked")? {
            true => Length::Chunked,
            false => Length::Declared,
        };
        let status = self.count("status", "an HTTP status", Some(200));
        let contains = match self.table.get("contains") {
            Some(_) => Some(self.text("contains")?),
            None => None,
        };
        let at_least = match self.table.get("at_least") {
            Some(_) => self.bytes("at_least"),
            None => Some(Bytes(0)),
        };
        Some(Exchange::Request(Box::new(HttpRequest {
            method: method?,
            path: path?,
            headers: headers?,
            body: body?,
            length,
            status: u16::try_from(status?).ok()?,
            contains,
            at_least: at_least?,
        })))
    }

    fn path(&mut self) -> Option<String> {
        let path = self.text("path")?;
        if path.starts_with('/') {
            return Some(path);
        }
        self.problems.add(
            self.table.get("path")?.span,
            format!("\"{path}\" is not a path"),
            "expected what follows the host, such as \"/status\"",
        );
        None
    }

    fn headers(&mut self) -> Option<Vec<(String, String)>> {
        let Some(node) = self.table.get("headers") else {
            return Some(Vec::new());
        };
        let table = node.table("a table of headers", self.problems)?;
        let mut headers = Vec::new();
        for (_, name, node) in table.entries() {
            headers.push((name.to_owned(), self.text_at(&node)?));
        }
        Some(headers)
    }

    /// `params`, which may be absent; its strings may hold placeholders.
    fn params(&mut self) -> Option<Option<Value>> {
        let Some(node) = self.table.get("params") else {
            return Some(None);
        };
        let mut json = node.json(self.problems)?;
        if !json.is_object() && !json.is_array() {
            self.problems.add(
                node.span,
                "the parameters of a method are a table or an array",
                "expected { name = value, ... } or [value, ...]",
            );
            return None;
        }
        let mut known = true;
        for text in strings_of(&json) {
            known &= self.known_placeholders(&node, text);
        }
        expand_json(&mut json, self.scope());
        known.then_some(Some(json))
    }

    fn text_or(&mut self, key: &str, default: &str) -> Option<String> {
        match self.table.get(key) {
            Some(_) => self.text(key),
            None => Some(default.to_owned()),
        }
    }

    /// A flag that is off when absent.
    fn flag(&mut self, key: &str) -> Option<bool> {
        match self.table.get(key) {
            Some(node) => node.flag(self.problems),
            None => Some(false),
        }
    }

    fn must_be_true(&mut self, key: &str) -> Option<()> {
        let node = self.require(key)?;
        if node.flag(self.problems)? {
            return Some(());
        }
        self.problems.add(
            node.span,
            format!("`{key} = false` expects nothing"),
            format!("leave the step out, or write `{key} = true`"),
        );
        None
    }

    /// Bytes in hexadecimal; blanks between them are ignored.
    fn hex(&mut self, key: &str) -> Option<Vec<u8>> {
        let node = self.require(key)?;
        let text = node.string("bytes in hexadecimal", self.problems)?;
        let bytes = parse_hex(text);
        if bytes.is_none() {
            self.problems.add(
                node.span,
                format!("\"{text}\" is not hexadecimal"),
                "expected two digits for each byte, such as \"00 ff 7f\"",
            );
        }
        bytes
    }

    /// The one of `keys` that the step has.
    pub(super) fn one_of(&mut self, keys: &[&'static str]) -> Option<&'static str> {
        let given: Vec<(&'static str, Node<'_>)> = keys
            .iter()
            .filter_map(|&key| Some((key, self.table.get(key)?)))
            .collect();
        match given.as_slice() {
            [(key, _)] => Some(key),
            [] => {
                self.problems.add(
                    self.table.span(),
                    format!("this step needs one of {}", listed(keys)),
                    "none of them is here",
                );
                None
            }
            [(first, _), (second, node), ..] => {
                self.problems.add(
                    node.span.clone(),
                    format!("this step takes one of `{first}` and `{second}`"),
                    format!("allowed: one of {}", listed(keys)),
                );
                None
            }
        }
    }
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| !digits.is_empty())?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Every string in a JSON value, the names of members aside.
fn strings_of(json: &Value) -> Vec<&str> {
    match json {
        Value::String(text) => vec![text],
        Value::Array(elements) => elements.iter().flat_map(strings_of).collect(),
        Value::Object(members) => members.values().flat_map(strings_of).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// Replaces every placeholder in a JSON value, the names of members aside.
fn expand_json(json: &mut Value, scope: &Values) {
    match json {
        Value::String(text) => *text = expand(text, scope),
        Value::Array(elements) => elements
            .iter_mut()
            .for_each(|element| expand_json(element, scope)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| expand_json(member, scope)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_whole_bytes_and_nothing_else() {
        assert_eq!(parse_hex("00 fF\n7a"), Some(vec![0, 255, 0x7a]));
        for wrong in ["", "0", "0g", "0x00", "000"] {
            assert_eq!(parse_hex(wrong), None, "{wrong}");
        }
    }
}
