//! What whoever starts a daemon decides about its sessions, as it is typed.

use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, FromArgMatches};
use sessiond_protocol::{Ttl, TtlError};

use crate::core::{ARCHIVE_AGE, SESSIONS_MAX};
use crate::history_budget::HISTORY_BYTES;

/// Of `serve`, about sessions.
#[derive(Debug, clap::Args)]
pub(super) struct SettingsArgs {
    /// Sessions at a time, 1 to 1024
    #[arg(
        long,
        value_name = "N",
        env = "SESSIOND_MAX_SESSIONS",
        default_value_t = SESSIONS_MAX,
        value_parser = parse_sessions_max
    )]
    max_sessions: usize,

    #[command(flatten)]
    ttl: ChosenTtl,

    /// Bytes of history that all sessions may keep together; beyond that the paused and the longest silent are trimmed
    #[arg(
        long,
        value_name = "BYTES",
        env = "SESSIOND_HISTORY_BYTES",
        default_value_t = HISTORY_BYTES
    )]
    history_bytes: usize,

    /// Keep archives for this time, e.g. 7d or 12h: 1s to 365d [default: 7d]
    #[arg(
        long,
        value_name = "TIME",
        env = "SESSIOND_ARCHIVE_AGE",
        value_parser = parse_archive_age
    )]
    archive_age: Option<Duration>,
}

/// The time to live, in either form.
#[derive(Debug, clap::Args)]
struct TtlArgs {
    /// End sessions that nobody has used for this time, e.g. 24h or 5min: 1s to 365d [default: 24h]
    #[arg(long, value_name = "TIME", env = "SESSIOND_TTL", value_parser = parse_ttl)]
    ttl: Option<Ttl>,

    /// The same in decimal hours, e.g. 0.083; --ttl comes first
    #[arg(
        long,
        value_name = "HOURS",
        env = "SESSION_TTL_HOURS",
        value_parser = Ttl::from_hours,
        allow_negative_numbers = true
    )]
    ttl_hours: Option<Ttl>,
}

/// How long a session may stay unused that says nothing else. What is typed comes before what the environment says,
/// whichever form either has.
#[derive(Debug, Clone, Copy)]
struct ChosenTtl(Ttl);

impl FromArgMatches for ChosenTtl {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let is_typed = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
        let hours_first = is_typed("ttl_hours") && !is_typed("ttl");
        let TtlArgs { ttl, ttl_hours } = TtlArgs::from_arg_matches(matches)?;
        let chosen = if hours_first {
            ttl_hours
        } else {
            ttl.or(ttl_hours)
        };
        Ok(Self(chosen.unwrap_or_default()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for ChosenTtl {
    fn augment_args(command: Command) -> Command {
        TtlArgs::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        TtlArgs::augment_args_for_update(command)
    }
}

impl SettingsArgs {
    /// Bytes of history of all sessions.
    pub(super) const fn history_bytes(&self) -> usize {
        self.history_bytes
    }

    /// How long an archive is kept.
    pub(super) fn archive_age(&self) -> Duration {
        self.archive_age.unwrap_or(ARCHIVE_AGE)
    }

    /// Sessions at a time.
    pub(super) const fn sessions_max(&self) -> usize {
        self.max_sessions
    }

    /// How long one may stay unused that says nothing else.
    pub(super) const fn ttl(&self) -> Ttl {
        self.ttl.0
    }
}

/// Reads `24h`, `5min`, `90s`.
pub(super) fn parse_ttl(text: &str) -> Result<Ttl, TtlError> {
    // What is no duration at all is told the same range: zero is the nearest that there is.
    Ttl::try_from(humantime::parse_duration(text).unwrap_or(Duration::ZERO)).map_err(|error| {
        if humantime::parse_duration(text).is_ok() {
            error
        } else {
            TtlError::OutOfRange(format!("{text:?}"))
        }
    })
}

/// What is not kept for a second is not worth writing; above a year the clock stays far from its end.
fn parse_archive_age(text: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(1)..=Duration::from_secs(365 * 24 * 3600);
    let age = humantime::parse_duration(text).ok();
    age.filter(|age| range.contains(age))
        .ok_or_else(|| "allowed is 1s to 365d".to_owned())
}

fn parse_sessions_max(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|max| (1..=SESSIONS_MAX).contains(max))
        .ok_or_else(|| format!("allowed is 1 to {SESSIONS_MAX}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        settings: SettingsArgs,
    }

    fn settings(arguments: &[&str]) -> Result<SettingsArgs, String> {
        let line = std::iter::once(&"serve").chain(arguments);
        Line::try_parse_from(line)
            .map(|line| line.settings)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_time_to_live_is_read_in_both_forms_and_the_duration_comes_first() {
        let seconds = |arguments: &[&str]| settings(arguments).unwrap().ttl().duration().as_secs();
        assert_eq!(seconds(&["--ttl-hours", "0.0167"]), 60);
        assert_eq!(seconds(&["--ttl", "5min", "--ttl-hours", "1"]), 300);
        assert_eq!(seconds(&["--ttl", "365d"]), 31_536_000);
        for wrong in [
            ["--ttl", "0s"],
            ["--ttl", "366d"],
            ["--ttl", "soon"],
            ["--ttl-hours", "-1"],
            ["--ttl-hours", "NaN"],
            ["--ttl-hours", "0"],
            ["--ttl-hours", "24h"],
        ] {
            let error = settings(&wrong).unwrap_err();
            assert!(error.contains("allowed is"), "{wrong:?}: {error}");
        }
    }

    #[test]
    fn archives_are_kept_for_a_week_or_what_is_said() {
        let seconds = |arguments: &[&str]| settings(arguments).unwrap().archive_age().as_secs();
        assert_eq!(seconds(&[]), 604_800);
        assert_eq!(seconds(&["--archive-age", "1s"]), 1);
        for wrong in ["0s", "999ms", "366d", "soon", "7"] {
            let error = settings(&["--archive-age", wrong]).unwrap_err();
            assert!(error.contains("allowed is 1s to 365d"), "{wrong}: {error}");
        }
    }

    #[test]
    fn more_sessions_than_a_daemon_carries_are_refused() {
        assert_eq!(
            settings(&["--max-sessions", "1024"])
                .unwrap()
                .sessions_max(),
            1024
        );
        for wrong in ["0", "1025", "-3", "many"] {
            assert!(settings(&["--max-sessions", wrong]).is_err(), "{wrong}");
        }
    }
}
