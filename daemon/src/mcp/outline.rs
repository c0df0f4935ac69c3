//! What is found in a message without holding it: its `id` and its `method`, wherever they stand.
//!
//! The TypeScript SDK writes `id` last, behind whatever a message carries. So the whole of a message goes through here,
//! piece by piece, and nothing of it is kept but these two.

/// Bytes of an id or a method that are kept. What is longer counts as none: no client waits under such an id.
pub(super) const FIELD_BYTES_MAX: usize = 256;

/// Bytes of a key that tell all keys that matter apart from all others.
const KEY_BYTES_MAX: usize = 8;

/// What a message says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    /// As it was written, with its quotation marks if it is a string.
    pub(crate) id: Option<Box<str>>,
    /// As it was written, without its quotation marks.
    pub(crate) method: Option<Box<str>>,
}

/// A field at the top that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Id,
    Method,
}

/// What comes next at the top of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Key,
    Colon,
    Value,
}

/// Reads one message in pieces.
#[derive(Debug)]
pub(crate) struct Scanner {
    depth: usize,
    in_string: bool,
    escaped: bool,
    expected: Expected,
    key: Vec<u8>,
    kept: Option<Field>,
    id: Vec<u8>,
    method: Vec<u8>,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            depth: 0,
            in_string: false,
            escaped: false,
            expected: Expected::Key,
            key: Vec::new(),
            kept: None,
            id: Vec::new(),
            method: Vec::new(),
        }
    }
}

impl Scanner {
    /// Takes the next piece.
    pub(crate) fn scan(&mut self, mut piece: &[u8]) {
        while let [byte, rest @ ..] = piece {
            piece = rest;
            if !self.in_string {
                self.outside(*byte);
                continue;
            }
            self.inside(*byte);
            let passes_by = self.in_string && !self.escaped && !self.is_of_interest();
            if passes_by {
                let end = piece.iter().position(|byte| matches!(byte, b'"' | b'\\'));
                piece = &piece[end.unwrap_or(piece.len())..];
            }
        }
    }

    /// What was found in all pieces.
    pub(crate) fn finish(self) -> Outline {
        Outline {
            id: scalar(self.id),
            method: scalar(self.method).and_then(|method| {
                let inner = method.strip_prefix('"')?.strip_suffix('"')?;
                Some(inner.into())
            }),
        }
    }

    /// Whether what is being read at the moment is kept: a key at the top, or one of the two values.
    fn is_of_interest(&self) -> bool {
        self.depth == 1 && (self.expected == Expected::Key || self.kept.is_some())
    }

    fn inside(&mut self, byte: u8) {
        self.keep(byte);
        if self.escaped {
            self.escaped = false;
        } else if byte == b'\\' {
            self.escaped = true;
        } else if byte == b'"' {
            self.in_string = false;
            if self.depth == 1 && self.expected == Expected::Key {
                self.expected = Expected::Colon;
            }
        }
    }

    fn outside(&mut self, byte: u8) {
        let is_top = self.depth == 1;
        match byte {
            b'"' => {
                self.in_string = true;
                self.keep(byte);
            }
            b'{' | b'[' => {
                self.keep(byte); // no id and no method begins so: it is not taken for one
                self.depth += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if is_top {
                    self.kept = None;
                }
            }
            b':' if is_top && self.expected == Expected::Colon => {
                self.expected = Expected::Value;
                self.kept = match &self.key[..] {
                    b"\"id\"" => Some(Field::Id),
                    b"\"method\"" => Some(Field::Method),
                    _ => None,
                };
                self.key.clear();
            }
            b',' if is_top => {
                self.expected = Expected::Key;
                self.kept = None;
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => self.keep(byte),
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.depth != 1 {
            return;
        }
        let (kept, bytes_max) = match (self.expected, self.kept) {
            (Expected::Key, _) => (&mut self.key, KEY_BYTES_MAX),
            (Expected::Value, Some(Field::Id)) => (&mut self.id, FIELD_BYTES_MAX),
            (Expected::Value, Some(Field::Method)) => (&mut self.method, FIELD_BYTES_MAX),
            (Expected::Value, None) | (Expected::Colon, _) => return,
        };
        // One more than is allowed says that it is too long.
        if kept.len() <= bytes_max {
            kept.push(byte);
        }
    }
}

/// The text of a whole string or number.
fn scalar(bytes: Vec<u8>) -> Option<Box<str>> {
    if bytes.len() > FIELD_BYTES_MAX {
        return None;
    }
    let text = String::from_utf8(bytes).ok()?;
    let is_scalar = matches!(text.as_bytes().first()?, b'"' | b'-' | b'0'..=b'9');
    let is_whole = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
    (is_scalar && is_whole).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outline(text: &str, piece: usize) -> Outline {
        let mut scanner = Scanner::default();
        for piece in text.as_bytes().chunks(piece) {
            scanner.scan(piece);
        }
        scanner.finish()
    }

    fn found(id: Option<&str>, method: Option<&str>) -> Outline {
        Outline {
            id: id.map(Into::into),
            method: method.map(Into::into),
        }
    }

    #[test]
    fn only_what_stands_at_the_top_counts_and_only_a_string_or_a_number_is_an_id() {
        for piece in [1, 3, 1000] {
            for (text, expected) in [
                (r#"{"id":7,"method":"a/b"}"#, found(Some("7"), Some("a/b"))),
                (r#"{ "id" : -7 , "x":1}"#, found(Some("-7"), None)),
                (
                    r#"{"params":{"id":1,"method":"no","x":["id",{"id":2}]},"id":"a\"b\\"}"#,
                    found(Some(r#""a\"b\\""#), None),
                ),
                (r#"{"x":"\"id\":9","y":"id"}"#, found(None, None)),
                (r#"{"id":null}"#, found(None, None)),
                (r#"{"id":{"a":1}}"#, found(None, None)),
                (r#"{"id":[3]}"#, found(None, None)),
                (r#"{"id":"never ends"#, found(None, None)),
                ("}}}:::\"", found(None, None)),
            ] {
                assert_eq!(
                    outline(text, piece),
                    expected,
                    "{text} in pieces of {piece}"
                );
            }
            let long = format!(r#"{{"id":"{}","method":"m"}}"#, "x".repeat(300));
            assert_eq!(outline(&long, piece), found(None, Some("m")));
        }
    }

    proptest! {
        #[test]
        fn what_a_parser_finds_is_found_in_any_pieces(
            before in "\\PC{0,20}", after in "\\PC{0,20}", id in "\\PC{0,20}", piece in 1_usize..40
        ) {
            let value = serde_json::json!({
                "a": {"id": before, "deep": [before, {"id": 1}]}, "id": id, "z": [after]
            });
            let text = value.to_string();
            let expected = serde_json::to_string(&id).unwrap();
            let found = outline(&text, piece).id;
            prop_assert_eq!(found.as_deref(), Some(&*expected));
        }

        #[test]
        fn no_bytes_confuse_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut scanner = Scanner::default();
            scanner.scan(&bytes);
            scanner.finish();
        }
    }
}
