//! The requests about shared MCP servers.

use sessiond_protocol::{McpParams, McpServerInfo, McpStartParams, Request, SessionName, Success};

use crate::client::Client;
use crate::driver::unexpected;
use crate::error::ClientError;

impl Client {
    /// Starts a server. Its clients speak with it on [`McpServerInfo::socket`], not on this connection.
    ///
    /// # Errors
    /// `bad_request` for settings out of their ranges or a path that is too long for a socket, `name_taken`, `limit`,
    /// `spawn_failed`; and see [`Client`].
    pub async fn mcp_start(&self, params: McpStartParams) -> Result<McpServerInfo, ClientError> {
        match self.call(&Request::McpStart(params)).await? {
            Success::McpStarted { server } => Ok(server),
            other => Err(unexpected(&other)),
        }
    }

    /// Ends a server and everything it started, and disconnects its clients. Returns when nothing of it is left.
    ///
    /// # Errors
    /// `not_found`; and see [`Client`].
    pub async fn mcp_stop(&self, server: SessionName) -> Result<(), ClientError> {
        match self.call(&Request::McpStop(McpParams { server })).await? {
            Success::McpStopped {} => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Ends a server's process, where one runs, and starts another for the same clients. Its restarts so far are forgotten.
    ///
    /// # Errors
    /// `not_found`, `spawn_failed`; and see [`Client`].
    pub async fn mcp_restart(&self, server: SessionName) -> Result<McpServerInfo, ClientError> {
        match self
            .call(&Request::McpRestart(McpParams { server }))
            .await?
        {
            Success::McpStarted { server } => Ok(server),
            other => Err(unexpected(&other)),
        }
    }

    /// All servers by name.
    ///
    /// # Errors
    /// See [`Client`].
    pub async fn mcp_list(&self) -> Result<Vec<McpServerInfo>, ClientError> {
        match self.call(&Request::McpList).await? {
            Success::McpServers { servers } => Ok(servers),
            other => Err(unexpected(&other)),
        }
    }
}
