//! One request to the server that is under way.

use std::time::Instant;

use leakgate_probe::Held;

use super::Peer;

/// Who asked, and what it is called there.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) peer: Peer,
    /// As it was written.
    pub(crate) id: Box<str>,
    /// The progress token of the request, as it was written.
    pub(crate) token: Option<Box<str>>,
}

/// What for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    Ordinary,
    /// The first `initialize`, for whoever waits for its result.
    Handshake,
    /// The stored `initialize` again, to a server that was restarted.
    Replay,
    /// `subscriptions/listen`: open for as long as both sides want.
    Listen,
    /// `resources/subscribe` to this one.
    Subscribe(Box<str>),
    /// Ours, whose answer nobody waits for.
    Own,
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Asked {
    /// None where we asked ourselves, or for several.
    pub(crate) asker: Option<Asker>,
    pub(crate) purpose: Purpose,
    /// None for what may take any time.
    pub(crate) deadline: Option<Instant>,
    pub(super) _counted: Held,
}
