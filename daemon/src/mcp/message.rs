//! One line as a message: read where it lies, and rewritten by putting other texts in the place of some of its own.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

/// How deep values may lie in one another: as deep as the JSON parsers of most servers go, whose stacks are not ours to
/// try.
pub(crate) const DEPTH_MAX: usize = 128;

/// Bytes of an id or a progress token: each is kept for as long as it is under way, and no client has longer ones.
pub(crate) const ID_BYTES_MAX: usize = super::outline::FIELD_BYTES_MAX;

/// Why a line is no message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MessageError {
    #[error("not a JSON-RPC message: {0}")]
    NotJson(serde_json::Error),
    #[error("a batch of messages; each has to be a line of its own")]
    Batch,
    #[error("values lie more than {DEPTH_MAX} deep in one another")]
    TooDeep,
    #[error("an id of more than {ID_BYTES_MAX} bytes")]
    LongId,
    #[error("not a JSON-RPC message: not UTF-8")]
    NotText,
    #[error("neither a request, nor a notification, nor an answer")]
    Shapeless,
}

/// A line that is a message.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    line: &'a [u8],
    pub(crate) kind: Kind<'a>,
}

/// What it is. Ids and parameters are as they were written.
#[derive(Debug)]
pub(crate) enum Kind<'a> {
    Request {
        id: &'a str,
        method: Cow<'a, str>,
        params: Option<&'a str>,
    },
    Notification {
        method: Cow<'a, str>,
        params: Option<&'a str>,
    },
    /// With its result or its error.
    Answer {
        id: &'a str,
        result: Result<&'a str, &'a str>,
    },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// What is looked for in parameters and results.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Details<'a> {
    #[serde(borrow, rename = "_meta")]
    meta: Option<&'a RawValue>,
    #[serde(borrow, rename = "progressToken")]
    progress_token: Option<&'a RawValue>,
    #[serde(borrow, rename = "requestId")]
    request_id: Option<&'a RawValue>,
    #[serde(borrow)]
    uri: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta<'a> {
    #[serde(borrow, rename = "progressToken")]
    progress_token: Option<&'a RawValue>,
    #[serde(borrow, rename = "io.modelcontextprotocol/subscriptionId")]
    subscription: Option<&'a RawValue>,
}

impl<'a> Details<'a> {
    /// Those of parameters or of a result; none where these are no object, or none of it is what it should be.
    pub(crate) fn of(json: Option<&'a str>) -> Self {
        json.and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default()
    }

    fn meta(&self) -> Meta<'a> {
        self.meta
            .and_then(|meta| serde_json::from_str(meta.get()).ok())
            .unwrap_or_default()
    }

    /// Under which progress is told.
    pub(crate) fn told_token(&self) -> Option<&'a str> {
        self.progress_token.map(RawValue::get)
    }

    /// The request that is to be cancelled.
    pub(crate) fn cancelled(&self) -> Option<&'a str> {
        self.request_id.map(RawValue::get)
    }

    /// The request that a notification, or its own last answer, belongs to.
    pub(crate) fn subscription(&self) -> Option<&'a str> {
        self.meta().subscription.map(RawValue::get)
    }

    pub(crate) fn uri(&self) -> Option<Cow<'a, str>> {
        self.uri.and_then(text_of)
    }
}

impl<'a> Message<'a> {
    /// Reads a line.
    pub(crate) fn parse(line: &'a [u8]) -> Result<Self, MessageError> {
        if line.trim_ascii_start().first() == Some(&b'[') {
            return Err(MessageError::Batch);
        }
        if is_too_deep(line) {
            return Err(MessageError::TooDeep);
        }
        let text = std::str::from_utf8(line).map_err(|_| MessageError::NotText)?;
        let envelope: Envelope<'a> = serde_json::from_str(text).map_err(MessageError::NotJson)?;
        let id = envelope.id.map(RawValue::get);
        if id.is_some_and(|id| id.len() > ID_BYTES_MAX) {
            return Err(MessageError::LongId);
        }
        let params = envelope.params.map(RawValue::get);
        let method = match envelope.method {
            Some(method) => Some(text_of(method).ok_or(MessageError::Shapeless)?),
            None => None,
        };
        let kind = match (method, id) {
            (Some(method), Some(id)) if is_id(id) => Kind::Request { id, method, params },
            (Some(method), None) => Kind::Notification { method, params },
            (None, Some(id)) if is_id(id) => match (envelope.result, envelope.error) {
                (_, Some(error)) => Kind::Answer {
                    id,
                    result: Err(error.get()),
                },
                (Some(result), None) => Kind::Answer {
                    id,
                    result: Ok(result.get()),
                },
                (None, None) => return Err(MessageError::Shapeless),
            },
            _ => return Err(MessageError::Shapeless),
        };
        Ok(Self { line, kind })
    }

    /// The line with `text` in the place of `part`, which is a part of it; and the same again, where there is a second.
    /// The pieces in their order; some may be empty.
    pub(crate) fn with<'b>(
        &'b self,
        (part, text): (&str, &'b str),
        second: Option<(&str, &'b str)>,
    ) -> [&'b [u8]; 5]
    where
        'a: 'b,
    {
        let mut first = (self.place(part), text);
        let end = self.line.len();
        let mut second = second.map_or((end..end, ""), |(part, text)| (self.place(part), text));
        if second.0.start < first.0.start {
            std::mem::swap(&mut first, &mut second);
        }
        [
            &self.line[..first.0.start],
            first.1.as_bytes(),
            &self.line[first.0.end..second.0.start],
            second.1.as_bytes(),
            &self.line[second.0.end..],
        ]
    }

    /// The line as it is.
    pub(crate) const fn line(&self) -> &'a [u8] {
        self.line
    }

    fn place(&self, part: &str) -> Range<usize> {
        let start = part.as_ptr().addr() - self.line.as_ptr().addr();
        start..start + part.len()
    }
}

/// Under which a request wants to hear of its progress.
///
/// # Errors
/// When that cannot be told, or cannot be kept: a token that is passed on as it is may be the number of another's request.
pub(crate) fn wanted_token(params: Option<&str>) -> Result<Option<&str>, String> {
    let twice = |error| format!("its parameters say something twice: {error}");
    let is_object = |json: &&str| json.starts_with('{');
    let Some(params) = params.filter(is_object) else {
        return Ok(None);
    };
    let details: Details<'_> = serde_json::from_str(params).map_err(twice)?;
    let Some(meta) = details.meta.map(RawValue::get).filter(is_object) else {
        return Ok(None);
    };
    let meta: Meta<'_> = serde_json::from_str(meta).map_err(twice)?;
    let token = meta.progress_token.map(RawValue::get);
    match token {
        Some(token) if token.len() > ID_BYTES_MAX => Err(format!(
            "a progress token of more than {ID_BYTES_MAX} bytes"
        )),
        token => Ok(token),
    }
}

/// What a string says; none when it is not a string.
fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(raw.get()).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// A string or a number: what the protocol allows.
fn is_id(id: &str) -> bool {
    matches!(id.as_bytes().first(), Some(b'"' | b'-' | b'0'..=b'9'))
}

/// A text with `by` in the place of `part`, which is a part of it.
pub(crate) fn replaced(text: &str, part: &str, by: &str) -> String {
    let start = part.as_ptr().addr() - text.as_ptr().addr();
    [&text[..start], by, &text[start + part.len()..]].concat()
}

/// The number that one of our own ids or tokens is; some servers make strings of them.
pub(crate) fn our_number(raw: &str) -> Option<u64> {
    let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
    inner.unwrap_or(raw).parse().ok()
}

fn is_too_deep(line: &[u8]) -> bool {
    // A line that is shorter cannot be that deep, and most are.
    let opens = |byte: &&u8| matches!(byte, b'{' | b'[');
    if line.len() <= DEPTH_MAX || line.iter().filter(opens).take(DEPTH_MAX + 1).count() <= DEPTH_MAX
    {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in line {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

/// An error as an answer, without its line's end. `id` is as it was written; none makes it `null`.
pub(crate) fn error_answer(id: Option<&str>, code: i32, message: &str) -> String {
    let id = id.unwrap_or("null");
    let message = serde_json::Value::from(message);
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":{message}}}}}"#)
}

/// A result as an answer.
pub(crate) fn answer(id: &str, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
}

/// The word that nobody waits for an answer any more.
pub(crate) fn cancelled(id: &str, reason: &str) -> String {
    let reason = serde_json::Value::from(reason);
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id},"reason":{reason}}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

    #[test]
    fn what_is_no_message_is_refused_and_said_why() {
        let deep = format!(
            r#"{{"id":1,"method":"m","params":{}{}}}"#,
            "[".repeat(128),
            "]".repeat(128)
        );
        let flat = format!(
            r#"{{"id":1,"method":"m","params":["{}"]}}"#,
            "[".repeat(500)
        );
        assert!(Message::parse(flat.as_bytes()).is_ok());
        for (line, word) in [
            ("[{}]", "batch"),
            ("{", "not a JSON-RPC"),
            ("nonsense", "not a JSON-RPC"),
            (r#"{"id":1,"id":2,"method":"m"}"#, "duplicate"),
            ("{}", "neither"),
            (r#"{"id":1}"#, "neither"),
            (r#"{"id":{},"method":"m"}"#, "neither"),
            (r#"{"id":null,"result":1}"#, "neither"),
            (&deep, "deep"),
        ] {
            let error = Message::parse(line.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(word), "{line}: {error}");
        }
    }

    #[test]
    fn details_are_found_where_the_protocol_has_them() {
        let params = format!(
            r#"{{"_meta":{{"progressToken":"p","{SUBSCRIPTION}":4}},"requestId":"r","uri":"a\/b","progressToken":2}}"#
        );
        let details = Details::of(Some(&params));
        assert_eq!(wanted_token(Some(&params)), Ok(Some(r#""p""#)));
        assert_eq!(details.told_token(), Some("2"));
        assert_eq!(details.cancelled(), Some(r#""r""#));
        assert_eq!(details.subscription(), Some("4"));
        assert_eq!(details.uri().as_deref(), Some("a/b"));
        assert_eq!(Details::of(Some("[1]")).uri(), None);
        assert_eq!(Details::of(None).told_token(), None);
    }

    #[test]
    fn a_token_that_might_be_taken_for_anothers_number_is_none() {
        let long = "0".repeat(300);
        for params in [
            r#"{"_meta":{"progressToken":5},"_meta":{}}"#.to_owned(),
            r#"{"_meta":{"progressToken":5,"progressToken":6}}"#.to_owned(),
            r#"{"uri":1,"uri":2,"_meta":{"progressToken":5}}"#.to_owned(),
            format!(r#"{{"_meta":{{"progressToken":"{long}5"}}}}"#),
        ] {
            assert!(wanted_token(Some(&params)).is_err(), "{params}");
        }
        for params in [None, Some("[5]"), Some("{}"), Some(r#"{"_meta":5}"#)] {
            assert_eq!(wanted_token(params), Ok(None));
        }
    }

    #[test]
    fn a_long_id_and_what_is_no_text_are_no_message() {
        let long = format!(r#"{{"id":"{}","method":"m"}}"#, "x".repeat(ID_BYTES_MAX));
        let no_text = b"{\"id\":1,\"method\":\"m\",\"x\":\"\xff\"}";
        for line in [long.as_bytes(), no_text] {
            assert!(Message::parse(line).is_err());
        }
    }

    proptest! {
        #[test]
        fn rewriting_changes_the_id_and_the_token_and_nothing_else(
            id in "[a-z\"\\\\é]{0,12}", token in 0_u64..u64::MAX, text in "\\PC{0,30}", ours in 1_u64..u64::MAX,
            id_first in any::<bool>()
        ) {
            let id = serde_json::to_string(&id).unwrap();
            let text = serde_json::to_string(&text).unwrap();
            let params = format!(r#"{{"x":{text},"_meta":{{"progressToken":{token}}}}}"#);
            let line = |id: &str, params: &str| match id_first {
                true => format!(r#"{{"id":{id},"method":"m","params":{params}}}"#),
                false => format!(r#"{{"method":"m","params":{params}, "id" : {id}}}"#),
            };
            let before = line(&id, &params);
            let message = Message::parse(before.as_bytes()).unwrap();
            let Kind::Request { id: found, params: found_params, .. } = &message.kind else { panic!() };
            prop_assert_eq!(*found, &*id);
            let wanted = wanted_token(*found_params).unwrap().unwrap();
            let ours = ours.to_string();
            let after = message.with((found, &ours), Some((wanted, &ours))).concat();
            let params = format!(r#"{{"x":{text},"_meta":{{"progressToken":{ours}}}}}"#);
            prop_assert_eq!(String::from_utf8(after).unwrap(), line(&ours, &params));
        }
    }
}
