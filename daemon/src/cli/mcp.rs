//! Commands about shared MCP servers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use sessiond_protocol::{McpServerInfo, McpStartParams, McpState, SessionName};

use super::args::parse_variable;
use super::exit_code::CliError;
use super::launch::{connect, connect_or_start};
use super::{mcp_bridge, output};
use crate::paths;

/// What can be done about shared MCP servers.
#[derive(Debug, Subcommand)]
pub(crate) enum McpCommand {
    /// Start a server, and a daemon where none runs
    Start(StartArgs),
    /// End a server and everything it started
    Stop {
        /// Its name
        server: SessionName,
    },
    /// Give a server's clients a new process; also one that has failed
    Restart {
        /// Its name
        server: SessionName,
    },
    /// List the servers
    List {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Be the server for one agent: on standard input and output, as an agent's configuration wants it
    Connect {
        /// Its name
        server: SessionName,
    },
}

/// Of `start`.
#[derive(Debug, clap::Args)]
pub(crate) struct StartArgs {
    /// A name for it: letters, digits, `.`, `_`, `-`, beginning with a letter or `_`
    name: SessionName,

    /// Where its program starts [default: here]
    #[arg(long, value_name = "DIRECTORY")]
    cwd: Option<PathBuf>,

    /// Set a variable in its environment; may be given several times
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = parse_variable)]
    environment: Vec<(String, String)>,

    /// Messages longer than this are answered with an error, in both directions: 1024 to 67108864 [default: 1048576]
    #[arg(long, value_name = "BYTES")]
    line_bytes: Option<u64>,

    /// Disconnect a client that says and hears nothing and waits for nothing for this time: 100ms to 365days [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    idle: Option<Duration>,

    /// Answer a request with an error that has no answer after this time: 100ms to 1day [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pending: Option<Duration>,

    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl StartArgs {
    fn params(self) -> Result<McpStartParams, CliError> {
        let here = std::env::current_dir()
            .map_err(|source| CliError::system("find the working directory", source))?;
        let cwd = self.cwd.map_or_else(|| here.clone(), |cwd| here.join(cwd));
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Ok(McpStartParams {
            name: self.name,
            command: self.command,
            cwd: Some(cwd.to_string_lossy().into_owned()),
            env: BTreeMap::from_iter(self.environment),
            line_bytes: self.line_bytes,
            idle_ms: self.idle.map(milliseconds),
            pending_ms: self.pending.map(milliseconds),
        })
    }
}

/// Does it.
pub(super) async fn execute(socket: &Path, command: McpCommand) -> Result<(), CliError> {
    match command {
        McpCommand::Start(args) => {
            let params = args.params()?;
            let server = connect_or_start(socket).await?.mcp_start(params).await?;
            output::line(&server.socket);
        }
        McpCommand::Stop { server } => connect(socket).await?.mcp_stop(server).await?,
        McpCommand::Restart { server } => {
            connect(socket).await?.mcp_restart(server).await?;
        }
        McpCommand::List { json } => list(socket, json).await?,
        McpCommand::Connect { server } => {
            mcp_bridge::run(&paths::mcp_socket(socket, &server), &server).await?;
        }
    }
    Ok(())
}

async fn list(socket: &Path, json: bool) -> Result<(), CliError> {
    let servers = match connect(socket).await {
        Ok(client) => client.mcp_list().await?,
        Err(CliError::NoDaemon(_)) => Vec::new(), // and so no servers
        Err(error) => return Err(error),
    };
    if json {
        let text = serde_json::to_string_pretty(&servers);
        output::line(&text.map_err(|error| CliError::system("write JSON", error.into()))?);
        return Ok(());
    }
    if servers.is_empty() {
        output::line("no shared servers");
        return Ok(());
    }
    let heading = [
        "NAME", "STATE", "PID", "CLIENTS", "PENDING", "RESTARTS", "SKIPPED", "EXPIRED", "DROPPED",
        "CUT OFF", "COMMAND",
    ];
    let rows = servers.iter().map(cells);
    output::table(std::iter::once(heading.map(str::to_owned)).chain(rows));
    for server in &servers {
        if let Some(reason) = &server.reason {
            output::line(&format!("{}: {}", server.name, reason.escape_debug()));
        }
    }
    Ok(())
}

fn cells(server: &McpServerInfo) -> [String; 11] {
    let state = match server.state {
        McpState::Starting => "starting",
        McpState::Running => "running",
        McpState::Waiting => "waiting",
        McpState::Failed => "failed",
        McpState::Ending => "ending",
    };
    [
        server.name.to_string(),
        state.to_owned(),
        server
            .pid
            .map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
        server.clients.to_string(),
        server.pending.to_string(),
        server.restarts.to_string(),
        server.skipped.to_string(),
        server.expired.to_string(),
        server.dropped.to_string(),
        server.cut_off.to_string(),
        server.command.join(" ").escape_debug().to_string(),
    ]
}
