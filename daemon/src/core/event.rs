//! The core's vocabulary: what can happen to it, what it can want done, and what it knows of the daemon around it.

use std::time::Instant;

use sessiond_protocol::{
    CreateParams, ExitStatus, Failure, Notice, Request, RequestId, ScreenText, SessionId, Size,
    Success,
};

use super::entry::Remains;

/// A connection's number, counted from 1 and never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientId(pub(crate) u64);

/// The types that stand for a running session and for a connection.
pub(crate) trait Plane {
    /// A handle to a running session.
    type Session: LiveSession;
    /// A handle to a connection's queue.
    type Client: Clone;
}

/// What the core reads of a running session; nothing here waits.
pub(crate) trait LiveSession: Clone {
    /// The facts that change while it runs.
    fn facts(&self) -> Facts;
    /// Its screen, and up to `scrollback` lines above it.
    fn screen(&self, scrollback: usize) -> ScreenText;
}

/// The changing part of a session's description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) size: Size,
    pub(crate) output_bytes: u64,
    pub(crate) title: String,
}

/// When an event happens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// For deadlines.
    pub(crate) instant: Instant,
    /// For people, in milliseconds since 1970 UTC.
    pub(crate) unix_ms: u64,
}

/// Everything that can happen to the core.
#[derive(Debug)]
pub(crate) enum Event<P: Plane> {
    /// A client said hello.
    Connected { client: ClientId, handle: P::Client },
    /// Its connection has ended.
    Disconnected { client: ClientId },
    /// A client asks.
    Asked {
        client: ClientId,
        id: RequestId,
        request: Request,
    },
    /// A session's process runs.
    Started {
        session: SessionId,
        pid: u32,
        handle: P::Session,
    },
    /// A session's process could not be started, and nothing of it is left.
    StartFailed {
        session: SessionId,
        failure: Failure,
    },
    /// A session's process has ended, and nothing of it is left but this.
    Ended {
        session: SessionId,
        status: ExitStatus,
        remains: Remains,
    },
    /// The time that [`Core::next_wake`] named has come.
    Woke,
    /// The operating system asks the daemon to end.
    ShutdownRequested,
}

/// Everything that the core can want done. The daemon does them in order, and none of them waits.
#[derive(Debug)]
pub(crate) enum Effect<P: Plane> {
    /// Answer a request.
    Reply {
        client: P::Client,
        id: RequestId,
        result: Result<Success, Failure>,
    },
    /// Tell a client something unasked.
    Notify { client: P::Client, notice: Notice },
    /// Tell a client why it cannot stay, and close its connection.
    Refuse { client: P::Client, failure: Failure },
    /// Start a session's process; ends in `Started` or `StartFailed`.
    Start {
        session: SessionId,
        order: Box<StartOrder>,
    },
    /// Send a session's output to a client, beginning with a snapshot.
    Attach {
        session: P::Session,
        client: ClientId,
        handle: P::Client,
    },
    /// Stop sending it.
    Detach {
        session: P::Session,
        client: ClientId,
    },
    /// Change a terminal's size.
    Resize { session: P::Session, size: Size },
    /// End a session and everything it started; ends in `Ended`.
    End { session: P::Session },
    /// The daemon has begun to end; this many sessions are being closed.
    ShutdownBegan { sessions: usize },
    /// The last session is gone and the daemon shall end.
    Stop,
}

/// A session to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StartOrder {
    pub(crate) params: CreateParams,
    pub(crate) size: Size,
}
