//! Owns how an answer becomes a line of JSON: written by hand into one buffer that was allocated when the probe
//! started, because an answer must not change what it measures.

use std::fmt::{self, Display, Write};

/// Bytes of the longest answer: some 500 gauges. More are refused, never cut off. Fits the default send buffer of a
/// Unix socket (208 KiB), so that a client which reads gets it in one piece.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 * 1024;

const TOO_LARGE: &[u8] =
    b"{\"ok\":false,\"error\":\"too_large\",\"message\":\"the answer exceeds 65536 bytes\"}\n";

/// One answer being written.
pub(crate) struct Answer {
    buffer: Box<[u8]>,
    len: usize,
    overflowed: bool,
    /// Whether the next member or element follows another one.
    comma: bool,
}

impl Answer {
    /// Allocates the buffer that all answers use.
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; ANSWER_BYTES_MAX].into_boxed_slice(),
            len: 0,
            overflowed: false,
            comma: false,
        }
    }

    /// Writes a whole answer that reports success, with the members that `fill` adds.
    pub(crate) fn ok(&mut self, fill: impl FnOnce(&mut Self)) {
        self.start();
        self.braced(b'{', b'}', |answer| {
            answer.flag("ok", true);
            fill(answer);
        });
    }

    /// Writes a whole answer that reports failure: a word for programs and a message for people.
    pub(crate) fn error(&mut self, word: &str, message: impl Display) {
        self.start();
        self.braced(b'{', b'}', |answer| {
            answer.flag("ok", false);
            answer.text("error", word);
            answer.text("message", message);
        });
    }

    /// The answer as a line.
    pub(crate) fn line(&mut self) -> &[u8] {
        self.push(b"\n");
        if self.overflowed {
            TOO_LARGE
        } else {
            &self.buffer[..self.len]
        }
    }

    pub(crate) fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        self.display(value);
    }

    pub(crate) fn signed_number(&mut self, key: &str, value: i64) {
        self.key(key);
        self.display(value);
    }

    pub(crate) fn flag(&mut self, key: &str, value: bool) {
        self.key(key);
        self.display(value);
    }

    pub(crate) fn null(&mut self, key: &str) {
        self.key(key);
        self.push(b"null");
    }

    pub(crate) fn text(&mut self, key: &str, value: impl Display) {
        self.key(key);
        self.push(b"\"");
        // Running out of room is remembered in `overflowed`.
        let _ = write!(Escaped(self), "{value}");
        self.push(b"\"");
    }

    pub(crate) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Self)) {
        self.key(key);
        self.braced(b'{', b'}', fill);
    }

    pub(crate) fn list(&mut self, key: &str, fill: impl FnOnce(&mut Self)) {
        self.key(key);
        self.braced(b'[', b']', fill);
    }

    /// An object that is an element of a list.
    pub(crate) fn element(&mut self, fill: impl FnOnce(&mut Self)) {
        self.separate();
        self.braced(b'{', b'}', fill);
    }

    fn start(&mut self) {
        self.len = 0;
        self.overflowed = false;
        self.comma = false;
    }

    fn braced(&mut self, open: u8, close: u8, fill: impl FnOnce(&mut Self)) {
        self.push(&[open]);
        self.comma = false;
        fill(self);
        self.push(&[close]);
        self.comma = true;
    }

    fn separate(&mut self) {
        if self.comma {
            self.push(b",");
        }
        self.comma = true;
    }

    /// Keys are words of this crate and need no escaping.
    fn key(&mut self, key: &str) {
        self.separate();
        self.push(b"\"");
        self.push(key.as_bytes());
        self.push(b"\":");
    }

    fn display(&mut self, value: impl Display) {
        // Running out of room is remembered in `overflowed`.
        let _ = write!(self, "{value}");
    }

    fn push(&mut self, bytes: &[u8]) {
        match self.buffer.get_mut(self.len..self.len + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            None => self.overflowed = true,
        }
    }
}

impl Write for Answer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// Escapes what JSON wants escaped inside a string (RFC 8259, section 7).
pub(crate) struct Escaped<'out, W>(pub(crate) &'out mut W);

impl<W: Write> Write for Escaped<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '"' => self.0.write_str("\\\"")?,
                '\\' => self.0.write_str("\\\\")?,
                '\n' => self.0.write_str("\\n")?,
                '\t' => self.0.write_str("\\t")?,
                '\0'..' ' => write!(self.0, "\\u{:04x}", u32::from(c))?,
                _ => self.0.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text_of(answer: &mut Answer) -> String {
        String::from_utf8(answer.line().to_vec()).expect("answers are UTF-8")
    }

    #[test]
    fn members_and_elements_are_separated_at_every_depth() {
        let mut answer = Answer::new();
        answer.ok(|answer| {
            answer.object("a", |a| a.number("b", 1));
            answer.list("c", |c| {
                c.element(|e| e.null("d"));
                c.element(|e| e.signed_number("d", -1));
            });
            answer.list("e", |_| {});
            answer.flag("f", false);
        });
        assert_eq!(
            text_of(&mut answer),
            "{\"ok\":true,\"a\":{\"b\":1},\"c\":[{\"d\":null},{\"d\":-1}],\"e\":[],\"f\":false}\n"
        );
    }

    #[test]
    fn an_answer_that_does_not_fit_is_refused_whole() {
        let mut answer = Answer::new();
        answer.ok(|answer| {
            for n in 0..10_000 {
                answer.number("number", n);
            }
        });
        assert_eq!(answer.line(), TOO_LARGE);
        answer.error("word", "the next answer is not affected");
        assert!(text_of(&mut answer).contains("not affected"));
    }

    #[test]
    fn an_answer_may_fill_the_buffer_to_the_last_byte() {
        let mut answer = Answer::new();
        let frame = "{\"ok\":true,\"t\":\"\"}\n".len();
        let longest = "x".repeat(ANSWER_BYTES_MAX - frame);
        answer.ok(|answer| answer.text("t", &longest));
        assert_eq!(answer.line().len(), ANSWER_BYTES_MAX);
        answer.ok(|answer| answer.text("t", format_args!("{longest}x")));
        assert_eq!(answer.line(), TOO_LARGE);
    }

    /// The inverse of the escaping, as RFC 8259 reads it.
    fn unescaped(json: &str) -> String {
        let mut text = String::new();
        let mut chars = json.chars();
        while let Some(c) = chars.next() {
            assert!(c >= ' ' && c != '"', "{c:?} is not allowed inside a string");
            if c != '\\' {
                text.push(c);
                continue;
            }
            match chars.next().expect("an escape is never last") {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'u' => {
                    let digits: String = chars.by_ref().take(4).collect();
                    let code = u32::from_str_radix(&digits, 16).expect("four hex digits");
                    text.push(char::from_u32(code).expect("a control character"));
                }
                same => text.push(same),
            }
        }
        text
    }

    proptest! {
        #[test]
        fn any_text_survives_the_escaping(text in any::<String>()) {
            let mut answer = Answer::new();
            answer.ok(|answer| answer.text("t", &text));
            let line = text_of(&mut answer);
            let inner = line.strip_prefix("{\"ok\":true,\"t\":\"").and_then(|rest| rest.strip_suffix("\"}\n"));
            prop_assert_eq!(unescaped(inner.expect("framed")), text);
        }
    }
}
