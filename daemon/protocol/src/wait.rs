//! Waiting for what a session's terminal shows, and taking a wait back.

use serde::{Deserialize, Serialize};

use crate::session::{RequestId, SessionRef};

/// Text to be waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitTextParams {
    /// By id or name.
    pub session: SessionRef,
    /// What a row must contain; `bad_request` when it is empty, too long, or no regular expression.
    pub pattern: TextPattern,
    /// After which the answer is `timeout`, in milliseconds; never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// What to look for in one row of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextPattern {
    /// This text, as it is.
    Text(String),
    /// A match of this regular expression; `^` and `$` are the row's ends.
    Regex(String),
}

/// Quiet to be waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitIdleParams {
    /// By id or name.
    pub session: SessionRef,
    /// For how long the session must have put out nothing, in milliseconds.
    pub quiet_ms: u64,
    /// After which the answer is `timeout`, in milliseconds; never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// A wait to be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelParams {
    /// The number that this connection gave to the request.
    pub request: RequestId,
}
