//! Commands about schedules.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Subcommand;
use sessiond_protocol::{ScheduleId, ScheduleInfo, When};

use super::args::PlaceArgs;
use super::exit_code::CliError;
use super::launch::{connect, connect_or_start};
use super::output;

/// What can be done about schedules.
#[derive(Debug, Subcommand)]
pub(super) enum ScheduleCommand {
    /// Start a session at a time, or again and again; print the schedule's number
    Schedule(ScheduleArgs),
    /// List the schedules
    Schedules,
    /// Take a schedule back; what it has started goes on
    Unschedule {
        /// Its number
        schedule: ScheduleId,
    },
}

/// Of `schedule`.
#[derive(Debug, clap::Args)]
pub(super) struct ScheduleArgs {
    #[command(flatten)]
    place: PlaceArgs,

    /// Every so often, e.g. 10min: 1s to 365d, the first time after as long
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    every: Option<Duration>,

    /// Once, at this time in UTC, e.g. "2030-01-31 18:00:00"
    #[arg(
        long,
        value_name = "DATE TIME",
        value_parser = humantime::parse_rfc3339_weak,
        conflicts_with = "every",
        required_unless_present = "every"
    )]
    at: Option<SystemTime>,

    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl ScheduleArgs {
    fn when(&self) -> When {
        let milliseconds =
            |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        match (self.every, self.at) {
            (Some(every), _) => When::EveryMs(milliseconds(every)),
            (None, at) => {
                let since = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                When::AtUnixMs(milliseconds(since.unwrap_or_default()))
            }
        }
    }
}

/// Does it.
pub(super) async fn execute(socket: &Path, command: ScheduleCommand) -> Result<(), CliError> {
    match command {
        ScheduleCommand::Schedule(args) => {
            let when = args.when();
            let params = args.place.params(args.command)?;
            let client = connect_or_start(socket).await?;
            let schedule = client.schedule(when, params).await?;
            output::line(&schedule.id.to_string());
        }
        ScheduleCommand::Schedules => {
            let schedules = match connect(socket).await {
                Ok(client) => client.schedules().await?,
                Err(CliError::NoDaemon(_)) => Vec::new(), // and so no schedules
                Err(error) => return Err(error),
            };
            show(&schedules);
        }
        ScheduleCommand::Unschedule { schedule } => {
            connect(socket).await?.unschedule(schedule).await?;
        }
    }
    Ok(())
}

fn show(schedules: &[ScheduleInfo]) {
    if schedules.is_empty() {
        return output::line("no schedules");
    }
    let heading = [
        "ID", "NAME", "WHEN", "NEXT", "STARTED", "SKIPPED", "FAILED", "LAST", "COMMAND",
    ];
    let rows = schedules.iter().map(cells);
    output::table(std::iter::once(heading.map(str::to_owned)).chain(rows));
}

fn cells(schedule: &ScheduleInfo) -> [String; 9] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        schedule.id.to_string(),
        or_dash(schedule.name.as_ref().map(ToString::to_string)),
        match schedule.when {
            When::EveryMs(every) => format!("every {}", output::time(every)),
            When::AtUnixMs(_) => "once".to_owned(),
        },
        format!("in {}", output::time(schedule.next_in_ms)),
        schedule.started.to_string(),
        schedule.skipped.to_string(),
        schedule.failed.to_string(),
        or_dash(schedule.last.map(|session| session.to_string())),
        schedule.command.join(" ").escape_debug().to_string(),
    ]
}
