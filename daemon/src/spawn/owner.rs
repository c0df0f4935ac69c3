//! Whose a process is: what the spawn table is keyed by.

use std::fmt;
use std::str::FromStr;

use sessiond_protocol::SessionId;

/// What in the daemon a process was started for. Each has one first process at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    Session(SessionId),
    /// One start of a shared MCP server; each start has a number of its own.
    McpServer(u64),
    /// One run of a hook; each run has a number of its own.
    Hook(u64),
}

/// What a session's number, which stands alone in a mark, cannot begin with.
const MCP_SERVER: &str = "mcp-";
const HOOK: &str = "hook-";

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(session) => session.fmt(formatter),
            Self::McpServer(number) => write!(formatter, "{MCP_SERVER}{number}"),
            Self::Hook(number) => write!(formatter, "{HOOK}{number}"),
        }
    }
}

impl FromStr for Owner {
    type Err = std::num::ParseIntError;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(number) = text.strip_prefix(MCP_SERVER) {
            number.parse().map(Self::McpServer)
        } else if let Some(number) = text.strip_prefix(HOOK) {
            number.parse().map(Self::Hook)
        } else {
            text.parse().map(SessionId).map(Self::Session)
        }
    }
}
