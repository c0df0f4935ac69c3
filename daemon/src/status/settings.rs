//! What a profile is opened with, checked once.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use sessiond_protocol::{AgentState, ErrorCode, Failure, ProfileParams, SessionName};

use super::inbox::Limits;
use crate::chosen::within;

/// How long the same is not notified again: an agent that goes back and forth between two states.
const DEDUP_MS_DEFAULT: u64 = 60_000;
const DEDUP_MS: RangeInclusive<u64> = 0..=DAY_MS;

/// How long a hook may take: it says something to somebody, over a network perhaps.
const DEADLINE_MS_DEFAULT: u64 = 10_000;
const DEADLINE_MS: RangeInclusive<u64> = 100..=3_600_000;

const ATTEMPTS_DEFAULT: u32 = 5;
const ATTEMPTS: RangeInclusive<u32> = 1..=10;

/// How long a notification is news.
const TTL_MS_DEFAULT: u64 = DAY_MS;
const TTL_MS: RangeInclusive<u64> = 100..=30 * DAY_MS;

const DAY_MS: u64 = 24 * 3_600_000;

/// Bytes of a hook's command and of the directory, which are kept: all profiles fit an answer, also when JSON takes six bytes
/// for each of them.
const RECIPE_BYTES_MAX: usize = 16 << 10;

/// A profile's settings.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) name: SessionName,
    pub(super) directory: PathBuf,
    pub(super) hook: Vec<String>,
    /// Each state at most once.
    pub(super) on: Vec<AgentState>,
    pub(super) dedup: Duration,
    pub(super) deadline: Duration,
    pub(super) limits: Limits,
}

impl Settings {
    /// # Errors
    /// `bad_request` for what is out of its range, `too_large` for a command that is.
    pub(super) fn new(params: ProfileParams) -> Result<Self, Failure> {
        let directory = PathBuf::from(&params.directory);
        if !directory.is_absolute() {
            let message = format!("the directory {:?} is no absolute path", params.directory);
            return Err(Failure::new(ErrorCode::BadRequest, message));
        }
        let bytes = params.hook.iter().map(String::len).sum::<usize>() + params.directory.len();
        if bytes > RECIPE_BYTES_MAX {
            let message =
                format!("hook and directory have {bytes} bytes, more than {RECIPE_BYTES_MAX}");
            return Err(Failure::new(ErrorCode::TooLarge, message));
        }
        let mut on = params
            .on
            .unwrap_or_else(|| vec![AgentState::Waiting, AgentState::Error]);
        on.sort_unstable();
        on.dedup();
        let dedup = within(params.dedup_ms, DEDUP_MS_DEFAULT, DEDUP_MS, "dedup_ms")?;
        let deadline = within(
            params.deadline_ms,
            DEADLINE_MS_DEFAULT,
            DEADLINE_MS,
            "deadline_ms",
        )?;
        let ttl = within(params.ttl_ms, TTL_MS_DEFAULT, TTL_MS, "ttl_ms")?;
        Ok(Self {
            name: params.name,
            directory,
            hook: params.hook,
            on,
            dedup: Duration::from_millis(dedup),
            deadline: Duration::from_millis(deadline),
            limits: Limits {
                attempts: within(params.attempts, ATTEMPTS_DEFAULT, ATTEMPTS, "attempts")?,
                ttl: Duration::from_millis(ttl),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_its_range_is_refused_with_the_range() {
        let params = || ProfileParams::new("p".parse().unwrap(), "/d".to_owned());
        let settings = Settings::new(params()).unwrap();
        assert_eq!(settings.on, [AgentState::Waiting, AgentState::Error]);
        let wrong = [
            ProfileParams {
                directory: "d".to_owned(),
                ..params()
            },
            ProfileParams {
                attempts: Some(11),
                ..params()
            },
            ProfileParams {
                deadline_ms: Some(99),
                ..params()
            },
            ProfileParams {
                ttl_ms: Some(0),
                ..params()
            },
        ];
        let words = ["no absolute path", "1 to 10", "100 to 3600000", "100 to"];
        for (params, words) in wrong.into_iter().zip(words) {
            let failure = Settings::new(params).unwrap_err();
            assert!(failure.message.contains(words), "{failure}");
        }
    }
}
