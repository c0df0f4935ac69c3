//! Sessions that are started at a time, or again and again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::SessionName;
use crate::request::CreateParams;
use crate::session::SessionId;

/// A schedule's number: counted from 1 by one daemon and never used twice by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScheduleId(pub u64);

impl fmt::Display for ScheduleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ScheduleId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// When a schedule starts its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// For the first time after so many milliseconds, and again after as many: a second to 365 days.
    EveryMs(u64),
    /// Once, at this time in milliseconds since 1970 UTC, at most 365 days from now. The schedule is gone then.
    AtUnixMs(u64),
}

/// A schedule to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleParams {
    /// When.
    pub when: When,
    /// What; without `respawn` and `if_exists`.
    pub session: CreateParams,
}

/// Which schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnscheduleParams {
    /// By its number.
    pub schedule: ScheduleId,
}

/// What the server tells about one schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleInfo {
    /// Its number.
    pub id: ScheduleId,
    /// When it starts its session.
    pub when: When,
    /// The name that its sessions have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SessionName>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The next start, in milliseconds from now.
    pub next_in_ms: u64,
    /// Sessions that it has started.
    pub started: u64,
    /// Starts that were left out because its last session had not ended, or another had its name.
    pub skipped: u64,
    /// Starts that did not come off: as many sessions as there may be, or a program that cannot be started.
    pub failed: u64,
    /// Its last session, where there has been one; it may be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<SessionId>,
}
