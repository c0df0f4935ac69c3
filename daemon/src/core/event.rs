//! The core's vocabulary: what can happen to it, what it can want done, and what it knows of the daemon around it.

use std::sync::Arc;
use std::time::Instant;

use sessiond_protocol::{
    ArchiveId, ArchiveInfo, ExitStatus, Failure, McpRequest, Notice, Read, ReadReply, Request,
    RequestId, ScreenState, ScreenText, SessionId, SignalName, Size, StatusRequest, Success,
    TranscriptsRequest,
};
use sessiond_screen::Pattern;

use super::archives::{Manuscript, Reading};
use super::incidents::Incident;
use super::recipe::Recipe;
use super::tombstone::Remains;

/// A connection's number, counted from 1 and never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientId(pub(crate) u64);

/// Who asked, and under which number the answer is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) client: ClientId,
    pub(crate) id: RequestId,
}

/// The types that stand for a running session and for a connection.
pub(crate) trait Plane {
    /// A handle to a running session.
    type Session: LiveSession;
    /// A handle to a connection's queue.
    type Client: LiveClient;
}

/// What the core reads of a running session; nothing here waits.
pub(crate) trait LiveSession: Clone {
    /// The facts that change while it runs.
    fn facts(&self) -> Facts;
    /// Its screen, and up to `scrollback` lines above it.
    fn screen(&self, scrollback: usize) -> ScreenText;
    /// What its terminal is like.
    fn state(&self) -> ScreenState;
    /// Whatever else can be read of it.
    fn read(&self, what: &Read) -> Result<ReadReply, Failure>;
    /// When it last put something out, or was started.
    fn quiet_since(&self) -> Instant;
    /// Whether it can send its output from this offset on.
    fn replays_from(&self, offset: u64) -> bool;
}

/// What the core asks of a connection; nothing here waits.
pub(crate) trait LiveClient: Clone {
    /// Whether it lives, as far as is known; one that was silent is asked.
    fn pulse(&self) -> Pulse;
}

/// What is known of a client's life since this was asked before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pulse {
    /// It has said or read something.
    Heard,
    /// It was silent, and is now asked to say something.
    Asked,
    /// It was asked before and is silent still.
    Gone,
}

/// Whether bytes flow, from a terminal or to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Running,
    Stopped,
}

/// What an attached client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Full,
    /// No input, and no say in the size.
    ReadOnly,
}

/// How a client is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AttachOrder {
    pub(crate) access: Access,
    pub(crate) size: Option<Size>,
    /// Whether it wants output now.
    pub(crate) flow: Flow,
    /// The offset to go on from; a snapshot otherwise.
    pub(crate) from: Option<u64>,
}

/// Text that was waited for, and is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sighting {
    pub(crate) ticket: Ticket,
    pub(crate) row: String,
}

/// The changing part of a session's description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) size: Size,
    pub(crate) flow: Flow,
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

/// How a session's process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) status: ExitStatus,
    pub(crate) by: EndedBy,
    pub(crate) leaving: Leaving,
}

/// How what a session had started came to its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// By itself, or when its terminal was hung up.
    #[default]
    Willing,
    /// Some of it was killed.
    Killed,
}

/// Whose doing it was, whatever happened while the rest of the session was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndedBy {
    Itself,
    Daemon,
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
        end: End,
        remains: Remains,
    },
    /// A session shows a text that somebody waits for.
    Sighted {
        session: SessionId,
        sighting: Sighting,
    },
    /// An earlier daemon left these archives.
    ArchivesFound { found: Vec<ArchiveInfo> },
    /// An archive is on the disk, or cannot be written.
    ArchiveWritten {
        info: ArchiveInfo,
        result: Result<(), Failure>,
    },
    /// An archive was read, or cannot be.
    ArchiveRead {
        archive: ArchiveId,
        result: Result<Reading, Failure>,
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
        order: StartOrder,
    },
    /// End the connection of a client that does not answer.
    HangUp { client: ClientId, handle: P::Client },
    /// Send a session's output to a client.
    Attach {
        session: P::Session,
        client: ClientId,
        handle: P::Client,
        order: AttachOrder,
    },
    /// Send the output of a session's new process to those who were attached to the last one, used last last, in a terminal of
    /// this size where they have said another one meanwhile.
    AttachAgain {
        session: P::Session,
        clients: Vec<(ClientId, P::Client, AttachOrder)>,
        size: Option<Size>,
    },
    /// Stop sending it.
    Detach {
        session: P::Session,
        client: ClientId,
    },
    /// Stop sending output to an attached client, or go on.
    Hold {
        session: P::Session,
        client: ClientId,
        flow: Flow,
    },
    /// Stop reading a session's terminal, or go on.
    SetFlow { session: P::Session, flow: Flow },
    /// Look for text on a session's screen; ends in `Sighted` or with `Unwatch`.
    Watch {
        session: P::Session,
        ticket: Ticket,
        pattern: Pattern,
    },
    /// Stop looking.
    Unwatch { session: P::Session, ticket: Ticket },
    /// Take the size of an attached client's terminal, or from anybody else one for the session's.
    Resize {
        session: P::Session,
        client: ClientId,
        size: Size,
    },
    /// End a session and everything it started; ends in `Ended`.
    End { session: P::Session },
    /// Send a signal to a running session's process group, and answer the request with what comes of it.
    Signal {
        session: SessionId,
        signal: SignalName,
        client: P::Client,
        id: RequestId,
    },
    /// Do something with shared MCP servers, and answer the request with what comes of it.
    Mcp {
        client: P::Client,
        id: RequestId,
        request: McpRequest,
    },
    /// Tell where HTTP is served.
    Http { client: P::Client, id: RequestId },
    /// Do something with transcripts, and answer the request with what comes of it.
    Transcripts {
        client: P::Client,
        asked: TranscriptsAsked,
    },
    /// Do something with statuses, and answer the request with what comes of it.
    Status(StatusCall<P>),
    /// Forget what hangs off a session beside the core: it has ended for good, or is gone.
    Over { session: SessionId },
    /// Hand over the whole text of a session with its end, which follows.
    KeepText { session: P::Session },
    /// Write an archive; ends in `ArchiveWritten`.
    WriteArchive { manuscript: Box<Manuscript> },
    /// Read an archive; ends in `ArchiveRead`.
    ReadArchive { archive: ArchiveId },
    /// Remove an archive from the disk.
    RemoveArchive { archive: ArchiveId },
    /// Tell whoever runs the daemon.
    Tell {
        session: SessionId,
        incident: Incident,
    },
    /// The daemon has begun to end; this many sessions are being closed.
    ShutdownBegan { sessions: usize },
    /// The last session is gone and the daemon shall end.
    Stop,
}

/// What is wanted of the transcripts.
#[derive(Debug, Clone)]
pub(crate) struct TranscriptsAsked {
    pub(crate) id: RequestId,
    pub(crate) request: TranscriptsRequest,
    /// The session that the request names.
    pub(crate) session: Option<SessionId>,
}

/// A request about statuses.
#[derive(Debug)]
pub(crate) struct StatusCall<P: Plane> {
    pub(crate) handle: P::Client,
    pub(crate) ticket: Ticket,
    pub(crate) request: StatusRequest,
}

/// A process to be started.
#[derive(Debug, Clone)]
pub(crate) struct StartOrder {
    pub(crate) recipe: Arc<Recipe>,
    pub(crate) size: Size,
    /// Text that its scrollback begins with.
    pub(crate) show_first: Option<Arc<str>>,
    /// Whether the end of its raw output is wanted when it has ended.
    pub(crate) output: Keep,
    pub(crate) origin: Origin,
}

/// Where a process's counts begin: after those of the session's last one, so that a client never takes a place in the one's output,
/// screen or history for a place in the other's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Put out by the processes before it.
    pub(crate) output_bytes: u64,
    pub(crate) screen: sessiond_screen::Origin,
}

impl StartOrder {
    pub(crate) fn new(recipe: Arc<Recipe>, size: Size) -> Self {
        Self {
            recipe,
            size,
            show_first: None,
            output: Keep::Nothing,
            origin: Origin::default(),
        }
    }
}

/// What is kept of a process's raw output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Its screen shows what is of interest.
    Nothing,
    /// As many of the last bytes as fit the answer to a `run`.
    End,
}
