//! Shared MCP servers: processes that speak the Model Context Protocol on their standard input and output, each for many
//! clients.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::SessionName;

/// A server to be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpStartParams {
    /// A name of the form that sessions have, which no other server of the daemon has.
    pub name: SessionName,
    /// Program and arguments; the program is looked up in its `PATH`.
    pub command: Vec<String>,
    /// Where it starts; the daemon's own directory when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Variables set on top of the daemon's environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Bytes that a message may have in either direction, its line's end not counted: 1 KiB to 64 MiB; 1 MiB when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_bytes: Option<u64>,
    /// After how many milliseconds a client that says and hears nothing is disconnected: 100 ms to 365 days; 10 minutes when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_ms: Option<u64>,
    /// After how many milliseconds a request without an answer is answered with an error: 100 ms to a day; 10 minutes when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_ms: Option<u64>,
}

/// Which server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpParams {
    /// By its name.
    pub server: SessionName,
}

/// What one of the four requests about servers wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum McpRequest {
    /// See [`Request::McpStart`](crate::Request::McpStart).
    Start(McpStartParams),
    /// See [`Request::McpStop`](crate::Request::McpStop).
    Stop(McpParams),
    /// See [`Request::McpRestart`](crate::Request::McpRestart).
    Restart(McpParams),
    /// See [`Request::McpList`](crate::Request::McpList).
    List,
}

/// How it is with a server's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum McpState {
    /// It is being started, or told what the last one knew. Clients wait.
    Starting,
    /// It runs.
    Running,
    /// It has ended by itself and is started again soon. Until then requests are answered with an error.
    Waiting,
    /// It has ended by itself too often. Requests are answered with an error until somebody restarts it.
    Failed,
    /// It is being ended.
    Ending,
}

/// What the daemon tells about one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpServerInfo {
    /// Its name.
    pub name: SessionName,
    /// Its program and arguments.
    pub command: Vec<String>,
    /// How it is with its process.
    pub state: McpState,
    /// Why it waits or has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The number of its process, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The socket on which clients speak with it, each on a connection of its own, a message a line.
    pub socket: String,
    /// The file with the end of what it says on standard error.
    pub log: String,
    /// Clients that are connected.
    pub clients: usize,
    /// Requests under way, in both directions.
    pub pending: usize,
    /// Restarts since it was last well for five minutes, or restarted by hand.
    pub restarts: u32,
    /// Messages above the limit that were skipped, in both directions.
    pub skipped: u64,
    /// Requests that were not answered in time.
    pub expired: u64,
    /// Messages that nobody waits for, that are none, or for which a client had no room.
    pub dropped: u64,
    /// Clients that were disconnected because they did not read their answers.
    pub cut_off: u64,
}
