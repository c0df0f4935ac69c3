//! The arguments as they are typed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use sessiond_protocol::{CreateParams, SessionName, SessionRef, Size};

use super::archive::ArchiveCommand;
use super::exit_code::{CliError, EXIT_CODES_HELP};
use super::http::HttpArgs;
use super::keys::Keys;
use super::life::{LifeArgs, LifeCommand};
use super::mcp::McpCommand;
use super::profile::{ConfiguredArgs, ProfileCommand};
use super::raw_terminal;
use super::reading::ReadCommand;
use super::schedule::ScheduleCommand;
use super::settings::SettingsArgs;
use super::status::StatusArgs;
use super::transcript_settings::TranscriptArgs;
use super::transcripts::TranscriptsCommand;
use crate::core::CLIENTS_MAX;

/// Terminal sessions that live on when their clients leave.
#[derive(Debug, Parser)]
#[command(name = "sessiond", version, after_help = EXIT_CODES_HELP)]
pub(super) struct Args {
    /// The daemon's socket [default: $XDG_RUNTIME_DIR/sessiond/sessiond.sock or /tmp/sessiond-UID/sessiond.sock]
    #[arg(long, global = true, value_name = "PATH", env = "SESSIOND_SOCKET")]
    pub(super) socket: Option<PathBuf>,

    #[command(subcommand)]
    pub(super) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the daemon in the foreground until it is asked to end
    Serve(ServeArgs),
    #[command(flatten)]
    Ask(Question),
}

/// What to ask the daemon.
#[derive(Debug, Subcommand)]
pub(super) enum Question {
    /// Start a session, and a daemon where none runs; attach to it when on a terminal
    New(NewArgs),
    /// List the sessions
    List {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Attach this terminal to a session
    Attach {
        /// By number or name
        session: SessionRef,
        /// Only look: send nothing that is typed, and leave the session's size alone
        #[arg(long, short)]
        read_only: bool,
        #[command(flatten)]
        keys: KeyArgs,
    },
    #[command(flatten)]
    Read(ReadCommand),
    /// Type text into a session
    Write {
        /// By number or name
        session: SessionRef,
        /// What to type, as it is; `-` reads it from standard input
        text: String,
    },
    /// Change the size of a session's terminal
    Resize {
        /// By number or name
        session: SessionRef,
        /// ROWSxCOLUMNS
        size: Size,
    },
    /// Wait until a session's process ends, and exit with its code; or until it shows a text or is quiet
    Wait(WaitArgs),
    /// Stop reading a session's output: its programs stop when they write
    Pause {
        /// By number or name
        session: SessionRef,
    },
    /// Read a paused session's output again
    Resume {
        /// By number or name
        session: SessionRef,
    },
    #[command(flatten)]
    Life(LifeCommand),
    #[command(flatten)]
    Archive(ArchiveCommand),
    #[command(flatten)]
    Schedule(ScheduleCommand),
    /// Show how often sessions have expired, were killed or were given up, since the daemon was started
    Stats,
    /// Show where HTTP is served, and the file with its token
    Http,
    /// Share MCP servers: one process each, for all agents
    #[command(subcommand)]
    Mcp(McpCommand),
    /// Follow what agents write down
    #[command(subcommand)]
    Transcripts(TranscriptsCommand),
    /// Show what agents say of themselves
    Status(StatusArgs),
    /// Watch status files of agents, and run something when one waits
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// End every session and the daemon
    Shutdown,
}

/// Of `serve`.
#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// What goes to the log: error, warn, info, debug, trace, or directives per module
    #[arg(
        long,
        value_name = "LEVEL",
        env = "SESSIOND_LOG",
        default_value = "info"
    )]
    pub(super) log_level: String,

    /// Append the log to this file instead of writing it to standard error
    #[arg(long, value_name = "FILE")]
    pub(super) log_file: Option<PathBuf>,

    #[command(flatten)]
    pub(super) sessions: SettingsArgs,

    #[command(flatten)]
    pub(super) transcripts: TranscriptArgs,

    #[command(flatten)]
    pub(super) statuses: ConfiguredArgs,

    #[command(flatten)]
    pub(super) http: HttpArgs,

    /// Take at most this many clients at a time
    #[arg(
        long,
        value_name = "COUNT",
        env = "SESSIOND_MAX_CLIENTS",
        default_value_t = CLIENTS_MAX,
        value_parser = parse_clients_max
    )]
    pub(super) max_clients: usize,

    /// Disconnect a client that says nothing for this time, although it is asked whether it lives
    #[arg(
        long,
        value_name = "TIME",
        env = "SESSIOND_CLIENT_TIMEOUT",
        default_value = "15m",
        value_parser = parse_client_timeout
    )]
    pub(super) client_timeout: Duration,

    /// Leave the terminal, and say so on standard output when clients can connect: how `new` starts a daemon
    #[arg(long, hide = true)]
    pub(super) background: bool,
}

/// Where and in what a session's program starts.
#[derive(Debug, clap::Args)]
pub(super) struct PlaceArgs {
    /// A name for it: letters, digits, `.`, `_`, `-`, beginning with a letter or `_`
    #[arg(long)]
    pub(super) name: Option<SessionName>,

    /// Where its program starts [default: here]
    #[arg(long, value_name = "DIRECTORY")]
    cwd: Option<PathBuf>,

    /// ROWSxCOLUMNS [default: this terminal's, or 24x80]
    #[arg(long)]
    size: Option<Size>,

    /// Lines of scrollback to keep at most
    #[arg(long, value_name = "LINES")]
    scrollback: Option<u32>,

    /// Set a variable in its environment; may be given several times
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = parse_variable)]
    environment: Vec<(String, String)>,
}

impl PlaceArgs {
    /// A session of this command there.
    pub(super) fn params(self, command: Vec<String>) -> Result<CreateParams, CliError> {
        let here = std::env::current_dir()
            .map_err(|source| CliError::system("find the working directory", source))?;
        let cwd = self.cwd.map_or_else(|| here.clone(), |cwd| here.join(cwd));
        Ok(CreateParams {
            name: self.name,
            command,
            cwd: Some(cwd.to_string_lossy().into_owned()),
            env: BTreeMap::from_iter(self.environment),
            size: self.size.or_else(raw_terminal::size),
            scrollback_lines: self.scrollback,
            ..CreateParams::default()
        })
    }
}

/// Of `new`.
#[derive(Debug, clap::Args)]
pub(super) struct NewArgs {
    #[command(flatten)]
    pub(super) place: PlaceArgs,

    #[command(flatten)]
    pub(super) life: LifeArgs,

    /// Do not attach; print its number
    #[arg(long, short)]
    pub(super) detach: bool,

    #[command(flatten)]
    pub(super) keys: KeyArgs,

    /// The program and its arguments [default: $SHELL]
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<String>,
}

/// Of everything that attaches.
#[derive(Debug, clap::Args)]
pub(super) struct KeyArgs {
    /// What to type to leave the session running: keys separated by commas, `ctrl-X` or single characters
    #[arg(
        long,
        value_name = "KEYS",
        env = "SESSIOND_DETACH_KEY",
        default_value = "ctrl-\\,d"
    )]
    pub(super) detach_key: Keys,

    /// What to type to stop this command as ctrl-Z stops others; the session goes on
    #[arg(
        long,
        value_name = "KEYS",
        env = "SESSIOND_SUSPEND_KEY",
        default_value = "ctrl-\\,ctrl-z"
    )]
    pub(super) suspend_key: Keys,

    /// Let ctrl-S and ctrl-Q stop and start the output on this terminal only, instead of typing them into the session
    #[arg(long)]
    pub(super) flow_keys: bool,
}

/// Of `wait`.
#[derive(Debug, clap::Args)]
pub(super) struct WaitArgs {
    /// By number or name
    pub(super) session: SessionRef,

    /// Until a row of its screen contains this text; print the row
    #[arg(long, group = "goal")]
    pub(super) text: Option<String>,

    /// Until a row of its screen matches this regular expression; print the row
    #[arg(long, value_name = "PATTERN", group = "goal")]
    pub(super) regex: Option<String>,

    /// Until it has put out nothing for this time, e.g. 500ms
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, group = "goal")]
    pub(super) idle: Option<Duration>,

    /// Give up after this time, e.g. 30s or 5m
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(super) timeout: Option<Duration>,
}

fn parse_clients_max(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=CLIENTS_MAX).contains(count))
        .ok_or_else(|| format!("not 1 to {CLIENTS_MAX}"))
}

/// Below 100 ms a busy machine's clients would be cut off; above a year it means never, and the clock stays far from its end.
fn parse_client_timeout(text: &str) -> Result<Duration, String> {
    let range = Duration::from_millis(100)..=Duration::from_secs(365 * 24 * 3600);
    match humantime::parse_duration(text) {
        Ok(timeout) if range.contains(&timeout) => Ok(timeout),
        Ok(_) => Err("not between 100ms and 365days".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn parse_variable(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("not NAME=VALUE"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_command_follows_two_dashes() {
        let args =
            Args::try_parse_from(["sessiond", "new", "-d", "--env", "A=b=c", "--", "ls", "-l"])
                .unwrap();
        let Command::Ask(Question::New(new)) = args.command else {
            panic!("not new")
        };
        assert_eq!(new.command, ["ls", "-l"]);
        assert_eq!(new.place.environment, [("A".to_owned(), "b=c".to_owned())]);
    }
}
