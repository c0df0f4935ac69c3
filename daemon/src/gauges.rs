//! What the probe can read of this daemon: one gauge per long-lived map, queue and task, and the count of work in flight.

use leakgate_probe::{Busy, Gauge, Probe, ProbeError};

use crate::server::asked;

/// Sessions that are starting, running or ending.
pub(crate) static SESSIONS: Gauge = Gauge::length("sessions");
/// Exited sessions that can still be read.
pub(crate) static TOMBSTONES: Gauge = Gauge::length("tombstones");
/// Sessions that are to be started at a time, or again and again.
pub(crate) static SCHEDULES: Gauge = Gauge::length("schedules");
/// Texts of sessions that are gone, on the disk.
pub(crate) static ARCHIVES: Gauge = Gauge::length("archives");
/// Connections that the core knows.
pub(crate) static CLIENTS: Gauge = Gauge::length("clients");
/// Attachments of clients to sessions, counted where the output is handed out.
pub(crate) static SUBSCRIBERS: Gauge = Gauge::length("subscribers");
/// Requests that wait for a session to start, exit or be gone.
pub(crate) static WAITERS: Gauge = Gauge::length("waiters");
/// Tasks of the task group.
pub(crate) static TASKS: Gauge = Gauge::length("tasks");
/// Entries of the spawn table: processes whose session has not been torn down.
pub(crate) static CHILDREN: Gauge = Gauge::length("children");
/// Frames that wait for a client's socket.
pub(crate) static QUEUED_FRAMES: Gauge = Gauge::length("queued_frames");
/// Bytes of those frames.
pub(crate) static QUEUE_BYTES: Gauge = Gauge::accounted("queue_bytes");
/// Bytes that wait for a terminal to take them.
pub(crate) static INPUT_BYTES: Gauge = Gauge::accounted("input_bytes");
/// Bytes that screens and their scrollback hold.
pub(crate) static SCREEN_BYTES: Gauge = Gauge::accounted("screen_bytes");
/// Bytes of the last output that sessions keep for clients that come back.
pub(crate) static REPLAY_BYTES: Gauge = Gauge::accounted("replay_bytes");
/// Waits for text that sessions look out for.
pub(crate) static WATCHES: Gauge = Gauge::length("watches");
/// Bytes that commands, environments and directories of sessions hold: of those that start, and for a restart.
pub(crate) static RECIPE_BYTES: Gauge = Gauge::accounted("recipe_bytes");
/// Bytes of the ends of raw output that are kept for answers to `run`.
pub(crate) static RUN_BYTES: Gauge = Gauge::accounted("run_bytes");
/// Bytes that final screens hold: of tombstones, and of sessions between two processes.
pub(crate) static TOMBSTONE_BYTES: Gauge = Gauge::accounted("tombstone_bytes");

/// Shared MCP servers.
pub(crate) static MCP_SERVERS: Gauge = Gauge::length("mcp_servers");
/// Connections to shared MCP servers.
pub(crate) static MCP_CLIENTS: Gauge = Gauge::length("mcp_clients");
/// Requests under way between shared MCP servers and their clients, in both directions.
pub(crate) static MCP_PENDING: Gauge = Gauge::length("mcp_pending");
/// Bytes that wait for a shared MCP server, or for one of its clients.
pub(crate) static MCP_QUEUE_BYTES: Gauge = Gauge::accounted("mcp_queue_bytes");
/// Bytes of lines of the Model Context Protocol that have begun and not ended.
pub(crate) static MCP_LINE_BYTES: Gauge = Gauge::accounted("mcp_line_bytes");
/// Statuses of agents.
pub(crate) static STATUSES: Gauge = Gauge::length("statuses");
/// Bytes that statuses hold.
pub(crate) static STATUS_BYTES: Gauge = Gauge::accounted("status_bytes");
/// Profiles that are open.
pub(crate) static STATUS_PROFILES: Gauge = Gauge::length("status_profiles");
/// Clients that watch statuses.
pub(crate) static STATUS_WATCHERS: Gauge = Gauge::length("status_watchers");
/// Status files and directories that are to be read.
pub(crate) static STATUS_PENDING: Gauge = Gauge::length("status_pending");
/// Notifications that are remembered so that they are not repeated.
pub(crate) static STATUS_SEEN: Gauge = Gauge::length("status_seen");
/// Hooks that run.
pub(crate) static STATUS_HOOKS: Gauge = Gauge::length("status_hooks");
/// Notifications that nobody has been told of, or could be.
pub(crate) static NOTIFICATIONS: Gauge = Gauge::length("notifications");

/// Transcripts that are followed.
pub(crate) static TRANSCRIPTS: Gauge = Gauge::length("transcripts");
/// Files and directories that transcripts are looked for in, as they were asked for.
pub(crate) static TRANSCRIPT_WATCHES: Gauge = Gauge::length("transcript_watches");
/// Directories below those.
pub(crate) static TRANSCRIPT_DIRECTORIES: Gauge = Gauge::length("transcript_directories");
/// Recordings of transcripts that run.
pub(crate) static RECORDINGS: Gauge = Gauge::length("recordings");
/// Bytes that everything about transcripts holds.
pub(crate) static TRANSCRIPT_BYTES: Gauge = Gauge::accounted("transcript_bytes");

/// Connections that speak HTTP.
pub(crate) static HTTP_CONNECTIONS: Gauge = Gauge::length("http_connections");
/// Clients that are sent events over HTTP.
pub(crate) static HTTP_STREAMS: Gauge = Gauge::length("http_streams");
/// Keys that somebody talks to over HTTP, or waits to.
pub(crate) static HTTP_TURNS: Gauge = Gauge::length("http_turns");
/// Bytes that bodies of HTTP requests hold.
pub(crate) static HTTP_BODY_BYTES: Gauge = Gauge::accounted("http_body_bytes");

static GAUGES: &[&Gauge] = &[
    &SESSIONS,
    &TOMBSTONES,
    &SCHEDULES,
    &ARCHIVES,
    &CLIENTS,
    &SUBSCRIBERS,
    &WAITERS,
    &TASKS,
    &CHILDREN,
    &QUEUED_FRAMES,
    &QUEUE_BYTES,
    &INPUT_BYTES,
    &SCREEN_BYTES,
    &REPLAY_BYTES,
    &WATCHES,
    &RECIPE_BYTES,
    &RUN_BYTES,
    &TOMBSTONE_BYTES,
    &MCP_SERVERS,
    &MCP_CLIENTS,
    &MCP_PENDING,
    &MCP_QUEUE_BYTES,
    &MCP_LINE_BYTES,
    &TRANSCRIPTS,
    &TRANSCRIPT_WATCHES,
    &TRANSCRIPT_DIRECTORIES,
    &RECORDINGS,
    &TRANSCRIPT_BYTES,
    &STATUSES,
    &STATUS_BYTES,
    &STATUS_PROFILES,
    &STATUS_WATCHERS,
    &STATUS_PENDING,
    &STATUS_SEEN,
    &STATUS_HOOKS,
    &NOTIFICATIONS,
    &HTTP_CONNECTIONS,
    &HTTP_STREAMS,
    &HTTP_TURNS,
    &HTTP_BODY_BYTES,
];

/// Held wherever something is under way that a client did not yet see the end of: a request, a session's start or end,
/// output on its way through, a connection's beginning or end.
pub(crate) static BUSY: Busy = Busy::new();

/// Starts the probe where the environment asks for it.
///
/// # Errors
/// When it is asked for and cannot be had: whoever asked waits for it.
pub(crate) fn start_probe() -> Result<Option<Probe>, ProbeError> {
    Probe::builder()
        .gauges(GAUGES)
        .counts(asked::COUNTS)
        .busy(&BUSY)
        .start_from_env()
}
