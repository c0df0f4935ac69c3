//! Commands about the profiles of statuses, and the profiles that a daemon is started with.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use sessiond_protocol::{AgentState, NotificationInfo, ProfileInfo, ProfileParams, SessionName};

use super::exit_code::CliError;
use super::launch::{connect, connect_or_start};
use super::output;
use super::status::{name_of, time, word};

/// The name of a directory's profile that was given none.
const DEFAULT_NAME: &str = "default";

/// What can be done about profiles.
#[derive(Debug, Subcommand)]
pub(super) enum ProfileCommand {
    /// Watch a directory of status files, and start a daemon where none runs
    Open(OpenArgs),
    /// Forget a profile, its statuses, its notifications and its journal
    Close {
        /// Its name
        profile: SessionName,
    },
    /// List the profiles
    List {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Read every status file anew
    Rescan,
    /// Show the notifications that nobody has been told of yet
    Inbox(LettersArgs),
    /// Show the notifications that nobody could be told of
    Dead(LettersArgs),
}

/// Of `inbox` and `dead`.
#[derive(Debug, clap::Args)]
pub(super) struct LettersArgs {
    /// The profile's name
    profile: SessionName,

    /// Take them out
    #[arg(long)]
    take: bool,

    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Of `open`.
#[derive(Debug, clap::Args)]
pub(super) struct OpenArgs {
    /// A name for it: letters, digits, `.`, `_`, `-`, beginning with a letter or `_`
    name: SessionName,

    /// Where status files are left; created when it is not there
    #[arg(long, value_name = "DIRECTORY")]
    directory: PathBuf,

    /// Which states are notified [default: waiting,error]
    #[arg(long, value_name = "STATES", value_delimiter = ',', value_parser = parse_state)]
    on: Option<Vec<AgentState>>,

    /// For this time the same state and text of a session is not notified again: 0s to 1day [default: 1m]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    dedup: Option<Duration>,

    /// End a hook that has not ended by itself after this time: 100ms to 1h [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    deadline: Option<Duration>,

    /// How often a hook is tried for one notification: 1 to 10 [default: 5]
    #[arg(long, value_name = "N")]
    attempts: Option<u32>,

    /// How long a notification is kept that nobody was told of: 100ms to 30days [default: 1day]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    ttl: Option<Duration>,

    /// What is run for each notification; without it they wait until `profile inbox --take`
    #[arg(last = true, value_name = "HOOK")]
    hook: Vec<String>,
}

impl OpenArgs {
    fn params(self) -> Result<ProfileParams, CliError> {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let mut hook = self.hook;
        if let Some(program) = hook.first_mut()
            && program.contains('/')
        {
            *program = absolute(Path::new(program))?;
        }
        Ok(ProfileParams {
            hook,
            on: self.on,
            dedup_ms: self.dedup.map(milliseconds),
            deadline_ms: self.deadline.map(milliseconds),
            attempts: self.attempts,
            ttl_ms: self.ttl.map(milliseconds),
            ..ProfileParams::new(self.name, absolute(&self.directory)?)
        })
    }
}

fn absolute(path: &Path) -> Result<String, CliError> {
    let path = std::path::absolute(path)
        .map_err(|source| CliError::system("find the working directory", source))?;
    Ok(path.to_string_lossy().into_owned())
}

/// Of `serve`, about statuses.
#[derive(Debug, clap::Args)]
pub(super) struct ConfiguredArgs {
    /// Watch status files here from the start; may be given several times, with separate names
    #[arg(
        long,
        value_name = "[NAME=]DIRECTORY",
        env = "SESSIOND_STATUS_DIR",
        value_delimiter = ':',
        value_parser = parse_directory
    )]
    status_dir: Vec<(SessionName, PathBuf)>,

    /// A shell command to run for each notification of those
    #[arg(long, value_name = "COMMAND", env = "SESSIOND_STATUS_HOOK")]
    status_hook: Option<String>,

    /// Which states of those are notified [default: waiting,error]
    #[arg(
        long,
        value_name = "STATES",
        env = "SESSIOND_STATUS_ON",
        value_delimiter = ',',
        value_parser = parse_state
    )]
    status_on: Option<Vec<AgentState>>,
}

impl ConfiguredArgs {
    /// The profiles.
    pub(super) fn profiles(&self) -> Result<Vec<ProfileParams>, CliError> {
        let hook = self.status_hook.iter();
        let hook: Vec<String> = hook
            .flat_map(|line| ["sh", "-c", line].map(str::to_owned))
            .collect();
        let directories = self.status_dir.iter();
        directories
            .map(|(name, directory)| {
                Ok(ProfileParams {
                    hook: hook.clone(),
                    on: self.status_on.clone(),
                    ..ProfileParams::new(name.clone(), absolute(directory)?)
                })
            })
            .collect()
    }
}

/// Reads `NAME=DIRECTORY`, or a directory alone, in which a `=` follows no name.
fn parse_directory(text: &str) -> Result<(SessionName, PathBuf), String> {
    let named = text
        .split_once('=')
        .and_then(|(name, directory)| Some((name.parse().ok()?, directory)));
    let (name, directory) = match named {
        Some(named) => named,
        None => (DEFAULT_NAME.parse().map_err(|_| String::new())?, text),
    };
    if directory.is_empty() {
        return Err("not [NAME=]DIRECTORY".to_owned());
    }
    Ok((name, directory.into()))
}

fn parse_state(text: &str) -> Result<AgentState, &'static str> {
    match text {
        "running" => Ok(AgentState::Running),
        "waiting" => Ok(AgentState::Waiting),
        "idle" => Ok(AgentState::Idle),
        "error" => Ok(AgentState::Error),
        _ => Err("allowed is running, waiting, idle, error"),
    }
}

/// Does it.
pub(super) async fn execute(socket: &Path, command: ProfileCommand) -> Result<(), CliError> {
    match command {
        ProfileCommand::Open(args) => {
            let params = args.params()?;
            let opened = connect_or_start(socket).await?.open_profile(params).await?;
            output::line(&opened.directory);
        }
        ProfileCommand::Close { profile } => {
            connect(socket).await?.close_profile(profile).await?;
        }
        ProfileCommand::List { json } => list(socket, json).await?,
        ProfileCommand::Rescan => connect(socket).await?.rescan_statuses().await?,
        ProfileCommand::Inbox(args) => {
            let client = connect(socket).await?;
            show(&client.inbox(args.profile, args.take).await?, args.json)?;
        }
        ProfileCommand::Dead(args) => {
            let client = connect(socket).await?;
            let dead = client.dead_notifications(args.profile, args.take).await?;
            show(&dead, args.json)?;
        }
    }
    Ok(())
}

async fn list(socket: &Path, json: bool) -> Result<(), CliError> {
    let profiles = match connect(socket).await {
        Ok(client) => client.profiles().await?,
        Err(CliError::NoDaemon(_)) => Vec::new(), // and so no profiles
        Err(error) => return Err(error),
    };
    if json {
        let text = serde_json::to_string_pretty(&profiles);
        output::line(&text.map_err(|error| CliError::system("write JSON", error.into()))?);
        return Ok(());
    }
    if profiles.is_empty() {
        output::line("no profiles");
        return Ok(());
    }
    let heading = [
        "NAME",
        "WATCHED",
        "STATUSES",
        "INBOX",
        "DEAD",
        "DELIVERED",
        "FAILED",
        "BAD",
        "DIRECTORY",
    ];
    let rows = profiles.iter().map(cells);
    output::table(std::iter::once(heading.map(str::to_owned)).chain(rows));
    for profile in &profiles {
        if let Some(fault) = &profile.last_fault {
            output::line(&format!("{}: {}: {}", profile.name, fault.file, fault.why));
        }
    }
    Ok(())
}

fn cells(profile: &ProfileInfo) -> [String; 9] {
    let counts = &profile.counts;
    [
        profile.name.to_string(),
        if profile.watched { "yes" } else { "no" }.to_owned(),
        profile.statuses.to_string(),
        profile.inbox.to_string(),
        profile.dead.to_string(),
        counts.delivered.to_string(),
        counts.failed.to_string(),
        (counts.bad + counts.oversized).to_string(),
        profile.directory.escape_debug().to_string(),
    ]
}

fn show(notifications: &[NotificationInfo], json: bool) -> Result<(), CliError> {
    if json {
        let text = serde_json::to_string_pretty(notifications);
        output::line(&text.map_err(|error| CliError::system("write JSON", error.into()))?);
        return Ok(());
    }
    if notifications.is_empty() {
        output::line("no notifications");
        return Ok(());
    }
    let heading = [
        "SESSION", "NAME", "STATE", "TIME", "ATTEMPTS", "TEXT", "ERROR",
    ];
    let rows = notifications.iter().map(|notification| {
        let change = &notification.change;
        [
            change.session.to_string(),
            name_of(change.name.as_ref()),
            word(change.to).to_owned(),
            time(change.time_unix_ms),
            notification.attempts.to_string(),
            change.text.clone(),
            notification.error.escape_debug().to_string(),
        ]
    });
    output::table(std::iter::once(heading.map(str::to_owned)).chain(rows));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_may_have_a_name() {
        let parsed = |text| {
            let (name, directory) = parse_directory(text).unwrap();
            (name.to_string(), directory.to_string_lossy().into_owned())
        };
        let pair = |name: &str, directory: &str| (name.to_owned(), directory.to_owned());
        assert_eq!(parsed("/a/b"), pair("default", "/a/b"));
        assert_eq!(parsed("work=/a=b"), pair("work", "/a=b"));
        assert_eq!(parsed("/a=b"), pair("default", "/a=b"));
        assert!(parse_directory("work=").is_err());
    }
}
