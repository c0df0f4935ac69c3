//! Attaching: what a client says when it begins to receive a session's output.

use serde::{Deserialize, Serialize};

use crate::session::{SessionRef, Size};

/// How to attach to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachParams {
    /// By id or name.
    pub session: SessionRef,
    /// The size of the client's own terminal. The session's terminal has the size of the client that was used last:
    /// that attached, typed or resized. A client without a size has no say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Only to look: input and resizes of this connection are refused with `read_only`, and its size has no say.
    #[serde(default, skip_serializing_if = "is_false")]
    pub read_only: bool,
    /// Go on after so many bytes of the session's output instead of beginning with a snapshot. Where the daemon no longer
    /// has them, the answer has no `from` and a snapshot follows as usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
}

impl AttachParams {
    /// To read and write, without a size, beginning with a snapshot.
    #[must_use]
    pub fn new(session: impl Into<SessionRef>) -> Self {
        Self {
            session: session.into(),
            size: None,
            read_only: false,
            from: None,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes what it may skip by reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
