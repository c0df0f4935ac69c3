//! The command about what agents say of themselves.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;
use sessiond_client::{Client, ClientError, StatusEvent};
use sessiond_protocol::{AgentState, SessionId, SessionName, SessionRef, StatusChange, StatusInfo};

use super::exit_code::CliError;
use super::launch::connect;
use super::output;

/// Of `status`.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// Only of this session, by number or name
    session: Option<SessionRef>,

    /// Go on with every change, a line each
    #[arg(long)]
    watch: bool,

    /// As JSON, for programs; with --watch a line each
    #[arg(long)]
    json: bool,
}

/// A status, with the name that its session has now.
#[derive(Debug, Serialize)]
struct Named {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<SessionName>,
    #[serde(flatten)]
    status: StatusInfo,
}

/// Shows statuses, and with `--watch` what becomes of them until the daemon ends.
pub(super) async fn show(socket: &Path, args: StatusArgs) -> Result<(), CliError> {
    let client = match connect(socket).await {
        Ok(client) => client,
        Err(CliError::NoDaemon(_)) if !args.watch => {
            print(&[], args.json)?;
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let only = match args.session {
        Some(session) => Some(client.get(session).await?.id),
        None => None,
    };
    if !args.watch {
        return print(&known(&client, only).await?, args.json);
    }
    // Watched before it is listed, so that nothing falls in between.
    let mut watch = client.watch_statuses().await?;
    print_each(&known(&client, only).await?, args.json)?;
    while let Some(event) = watch.next().await {
        match event {
            StatusEvent::Changed(change) if only.is_none_or(|only| only == change.session) => {
                print_change(&change, args.json)?;
            }
            StatusEvent::Changed(_) => {}
            StatusEvent::Missed(changes) => {
                output::note(&format!("{changes} change(s) were missed; this holds:"));
                print_each(&known(&client, only).await?, args.json)?;
            }
        }
    }
    Err(ClientError::Disconnected.into())
}

async fn known(client: &Client, only: Option<SessionId>) -> Result<Vec<Named>, CliError> {
    let sessions = client.list().await?.into_iter();
    let mut names: BTreeMap<_, _> = sessions.map(|session| (session.id, session.name)).collect();
    let statuses = client.statuses().await?.into_iter();
    let statuses = statuses.filter(|status| only.is_none_or(|only| only == status.session));
    let named = statuses.map(|status| Named {
        name: names.remove(&status.session).flatten(),
        status,
    });
    Ok(named.collect())
}

fn print(statuses: &[Named], json: bool) -> Result<(), CliError> {
    if json {
        let text = serde_json::to_string_pretty(statuses);
        output::line(&text.map_err(|error| CliError::system("write JSON", error.into()))?);
        return Ok(());
    }
    if statuses.is_empty() {
        output::line("no statuses");
        return Ok(());
    }
    let heading = ["SESSION", "NAME", "STATE", "SINCE", "PROFILE", "TEXT"];
    let rows = statuses.iter().map(cells);
    output::table(std::iter::once(heading.map(str::to_owned)).chain(rows));
    Ok(())
}

fn cells(Named { name, status }: &Named) -> [String; 6] {
    [
        status.session.to_string(),
        name_of(name.as_ref()),
        word(Some(status.state)).to_owned(),
        time(status.since_unix_ms),
        status.profile.to_string(),
        status.text.clone(),
    ]
}

fn print_each(statuses: &[Named], json: bool) -> Result<(), CliError> {
    for Named { name, status } in statuses {
        let change = StatusChange {
            session: status.session,
            name: name.clone(),
            profile: status.profile.clone(),
            from: None,
            to: Some(status.state),
            text: status.text.clone(),
            time_unix_ms: status.time_unix_ms,
        };
        print_change(&change, json)?;
    }
    Ok(())
}

pub(super) fn print_change(change: &StatusChange, json: bool) -> Result<(), CliError> {
    if json {
        return print_json(change);
    }
    output::line(&format!(
        "{} {} {} {} {}",
        time(change.time_unix_ms),
        change.session,
        name_of(change.name.as_ref()),
        word(change.to),
        change.text
    ));
    Ok(())
}

fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string(value);
    output::line(&text.map_err(|error| CliError::system("write JSON", error.into()))?);
    Ok(())
}

pub(super) fn name_of(name: Option<&SessionName>) -> String {
    name.map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// What an agent is doing; `gone` where nothing is known any more.
pub(super) const fn word(state: Option<AgentState>) -> &'static str {
    match state {
        Some(AgentState::Running) => "running",
        Some(AgentState::Waiting) => "waiting",
        Some(AgentState::Idle) => "idle",
        Some(AgentState::Error) => "error",
        None => "gone",
    }
}

/// Any number that a file names can be shown.
pub(super) fn time(unix_ms: u64) -> String {
    const YEAR_9999_MS: u64 = 253_402_300_799_999;
    let time = UNIX_EPOCH + Duration::from_millis(unix_ms.min(YEAR_9999_MS));
    humantime::format_rfc3339_seconds(time).to_string()
}
