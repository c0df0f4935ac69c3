//! Commands about a session's life beside its start and its end.

use std::path::Path;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use sessiond_protocol::{
    ExitStatus, IfExists, RespawnParams, RespawnWhen, RunParams, SessionName, SessionRef,
    SignalName, Ttl,
};

use super::args::PlaceArgs;
use super::exit_code::{CliError, ExitCode};
use super::launch::{connect, connect_or_start};
use super::output;
use super::settings::parse_ttl;

/// What can be done to a session that there is, or to all of them.
#[derive(Debug, Subcommand)]
pub(super) enum LifeCommand {
    /// Run a program to its end in a session of its own; print its output and exit with its code
    Run(RunArgs),
    /// End a session's program and start the same command again
    Restart {
        /// By number or name
        session: SessionRef,
    },
    /// Give a session another name
    Rename {
        /// By number or name
        session: SessionRef,
        /// Its new name; none when absent
        name: Option<SessionName>,
    },
    /// Send a signal to a session's program and what runs in its process group
    Kill {
        /// By number or name
        session: SessionRef,
        /// By its name, e.g. INT or SIGUSR1
        #[arg(long, short, default_value = "TERM")]
        signal: SignalName,
    },
    /// End a session and everything it started
    Close {
        /// By number or name
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        session: Option<SessionRef>,
        /// Every session
        #[arg(long)]
        all: bool,
    },
}

/// Of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    place: PlaceArgs,

    /// End it after this time, e.g. 30s or 5m
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,

    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Of everything that starts a session that stays.
#[derive(Debug, clap::Args)]
pub(super) struct LifeArgs {
    /// When a session of that name runs already, take that one and start nothing
    #[arg(long, requires = "name")]
    get: bool,

    /// End it when nobody has used it for this time, e.g. 24h or 5min: 1s to 365d [default: the daemon's]
    #[arg(long, value_name = "TIME", value_parser = parse_ttl)]
    pub(super) ttl: Option<Ttl>,

    /// Start its program again when it has ended
    #[arg(long, value_name = "WHEN")]
    respawn: Option<When>,

    /// At least so long from one start to the next; it doubles up to 5 min while the program ends within a minute
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, requires = "respawn", default_value = "1s")]
    respawn_interval: Duration,

    /// Give it up as failed after more respawns than this within a minute
    #[arg(long, value_name = "N", requires = "respawn", default_value_t = 5)]
    respawn_burst: u32,

    /// Give it up as failed after more respawns than this in all
    #[arg(long, value_name = "N", requires = "respawn")]
    respawn_total: Option<u32>,
}

/// After which ends a program is started again.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum When {
    /// Every one
    Always,
    /// A signal, or an exit code other than 0
    OnFailure,
}

impl LifeArgs {
    pub(super) const fn if_exists(&self) -> IfExists {
        if self.get {
            IfExists::Get
        } else {
            IfExists::Refuse
        }
    }

    pub(super) fn respawn(&self) -> Option<RespawnParams> {
        let when = match self.respawn? {
            When::Always => RespawnWhen::Always,
            When::OnFailure => RespawnWhen::OnFailure,
        };
        Some(RespawnParams {
            // What is too long for the number is too long for the daemon, too, which says what is allowed.
            interval_ms: u32::try_from(self.respawn_interval.as_millis()).unwrap_or(u32::MAX),
            burst: self.respawn_burst,
            total: self.respawn_total,
            ..RespawnParams::new(when)
        })
    }
}

/// Does it.
pub(super) async fn execute(socket: &Path, command: LifeCommand) -> Result<ExitCode, CliError> {
    match command {
        LifeCommand::Run(args) => return run(socket, args).await,
        LifeCommand::Restart { session } => {
            connect(socket).await?.restart(session).await?;
        }
        LifeCommand::Rename { session, name } => {
            connect(socket).await?.rename(session, name).await?;
        }
        LifeCommand::Kill { session, signal } => {
            connect(socket).await?.kill(session, signal).await?;
        }
        LifeCommand::Close {
            session: Some(session),
            ..
        } => {
            connect(socket).await?.close_session(session).await?;
        }
        LifeCommand::Close { session: None, .. } => close_all(socket).await?,
    }
    Ok(ExitCode::Success)
}

async fn run(socket: &Path, args: RunArgs) -> Result<ExitCode, CliError> {
    let params = RunParams {
        session: args.place.params(args.command)?,
        timeout_ms: args
            .timeout
            .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
    };
    let run = connect_or_start(socket).await?.run(params).await?;
    if run.cut_bytes > 0 {
        output::note(&format!(
            "{} bytes of output before this are gone",
            run.cut_bytes
        ));
    }
    output::program(&run.output);
    if run.timed_out {
        output::note("ended: its time was over");
        return Ok(ExitCode::Timeout);
    }
    if let ExitStatus::Signal(signal) = run.status {
        output::note(&format!("ended by signal {signal}"));
    }
    Ok(ExitCode::Session(run.status))
}

async fn close_all(socket: &Path) -> Result<(), CliError> {
    let closed = match connect(socket).await {
        Ok(client) => client.close_all().await?,
        Err(CliError::NoDaemon(_)) => 0, // and so nothing to close
        Err(error) => return Err(error),
    };
    output::line(&format!("{closed} session(s) closed"));
    Ok(())
}
