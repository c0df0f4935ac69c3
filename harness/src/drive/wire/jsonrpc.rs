//! JSON-RPC 2.0 (<https://www.jsonrpc.org/specification>): what is sent, and what an answer says.

use serde_json::{Value, json};

use super::received::excerpt;
use crate::scenario::Answer;

/// A request, or without an id a notification.
pub(super) fn request(id: Option<u64>, method: &str, params: Option<&Value>) -> String {
    let mut message = json!({ "jsonrpc": "2.0", "method": method });
    if let Some(id) = id {
        message["id"] = id.into();
    }
    if let Some(params) = params {
        message["params"] = params.clone();
    }
    message.to_string()
}

/// What a message is to somebody who waits for the answer to a request.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// The answer.
    Answer(Result<Value, Refusal>),
    /// Something else: a notification, a request to the client, an answer that came too late for its own.
    Other,
}

/// An error that was answered.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    /// Its code.
    pub(super) code: i64,
    /// Its text.
    pub(super) message: String,
}

/// Reads a message, with `id` being waited for.
///
/// # Errors
/// When it is not JSON-RPC, in words.
pub(super) fn read(message: &[u8], id: u64) -> Result<Incoming, String> {
    let not = || format!("the target said what is not JSON-RPC: {}", excerpt(message));
    let mut json: Value = serde_json::from_slice(message).map_err(|_| not())?;
    if json.get("method").is_some() {
        return Ok(Incoming::Other);
    }
    let answered = json.get("id").ok_or_else(not)?;
    // An error before the id could be read has `null` for an id: it can only be about what was sent last.
    let ours = answered.as_u64() == Some(id) || answered.is_null();
    if let Some(error) = json.get("error").filter(|error| !error.is_null()) {
        let code = error.get("code").and_then(Value::as_i64);
        let text = error.get("message").and_then(Value::as_str);
        let refusal = Refusal {
            code: code.ok_or_else(not)?,
            message: text.unwrap_or_default().to_owned(),
        };
        return Ok(match ours {
            true => Incoming::Answer(Err(refusal)),
            false => Incoming::Other,
        });
    }
    let result = json.get_mut("result").map(Value::take).ok_or_else(not)?;
    Ok(match ours {
        true => Incoming::Answer(Ok(result)),
        false => Incoming::Other,
    })
}

/// What an answer that is as expected was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A result.
    Result,
    /// The error that was asked for.
    Fault,
}

/// Compares an answer with what is expected.
///
/// # Errors
/// What came instead, in words.
pub(super) fn check(
    method: &str,
    came: Result<Value, Refusal>,
    expected: &Answer,
) -> Result<Kind, String> {
    match (expected, came) {
        (Answer::Error(code), Err(refusal)) if refusal.code == *code => Ok(Kind::Fault),
        (
            Answer::Error(code),
            Err(Refusal {
                code: other,
                message,
            }),
        ) => Err(format!(
            "`{method}` was answered with error {other} ({message}), not with error {code}"
        )),
        (Answer::Error(code), Ok(result)) => {
            let result = excerpt(result.to_string().as_bytes());
            Err(format!(
                "`{method}` was answered with {result}, not with error {code}"
            ))
        }
        (Answer::Result | Answer::Containing(_), Err(Refusal { code, message })) => Err(format!(
            "`{method}` was answered with error {code}: {message}"
        )),
        (Answer::Result, Ok(_)) => Ok(Kind::Result),
        (Answer::Containing(text), Ok(result)) => {
            let result = result.to_string();
            match result.contains(text.as_str()) {
                true => Ok(Kind::Result),
                false => Err(format!(
                    "`{text}` is not in the answer to `{method}`: {}",
                    excerpt(result.as_bytes())
                )),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_from_everything_else_by_its_id() {
        let other = [
            r#"{"jsonrpc":"2.0","method":"log","params":["x"]}"#,
            r#"{"jsonrpc":"2.0","method":"ask","id":7}"#,
            r#"{"jsonrpc":"2.0","id":6,"result":null}"#,
        ];
        for message in other {
            assert_eq!(
                read(message.as_bytes(), 7),
                Ok(Incoming::Other),
                "{message}"
            );
        }
        let answer = read(br#"{"jsonrpc":"2.0","id":7,"result":null}"#, 7);
        assert_eq!(answer, Ok(Incoming::Answer(Ok(Value::Null))));
        let refusal = Refusal {
            code: -32700,
            message: "parse error".to_owned(),
        };
        let message = br#"{"id":null,"error":{"code":-32700,"message":"parse error"}}"#;
        assert_eq!(read(message, 7), Ok(Incoming::Answer(Err(refusal))));
    }

    #[test]
    fn garbage_is_told_with_what_it_was() {
        for garbage in [
            "",
            "hello",
            "[]",
            "{}",
            r#"{"id":7}"#,
            r#"{"id":7,"error":{}}"#,
        ] {
            let error = read(garbage.as_bytes(), 7).expect_err(garbage);
            assert!(error.contains("not JSON-RPC"), "{error}");
        }
    }

    #[test]
    fn an_answer_that_was_not_expected_is_told_with_what_came_instead() {
        let refused = || {
            Err(Refusal {
                code: -32601,
                message: "no such method".to_owned(),
            })
        };
        assert_eq!(
            check("m", refused(), &Answer::Error(-32601)),
            Ok(Kind::Fault)
        );
        assert_eq!(
            check("m", Ok(json!([1])), &Answer::Result),
            Ok(Kind::Result)
        );
        let wrong = [
            (
                refused(),
                Answer::Error(1),
                "`m` was answered with error -32601 (no such method), not with error 1",
            ),
            (
                refused(),
                Answer::Result,
                "`m` was answered with error -32601: no such method",
            ),
            (
                Ok(json!(1)),
                Answer::Error(1),
                "`m` was answered with `1`, not with error 1",
            ),
            (
                Ok(json!("b")),
                Answer::Containing("a".to_owned()),
                "`a` is not in the answer to `m`: `\\\"b\\\"`",
            ),
        ];
        for (came, expected, message) in wrong {
            assert_eq!(check("m", came, &expected), Err(message.to_owned()));
        }
    }
}
