//! When and how often a session's process is started again after it has ended by itself.

use serde::{Deserialize, Serialize};

/// Which ends a new process follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RespawnWhen {
    /// Every end by itself.
    Always,
    /// Only one with a signal, or an exit code other than 0.
    OnFailure,
}

/// Of a session that is to be respawned. Starts are at least `interval_ms` apart; the interval doubles with each process
/// that ends sooner than a minute after its start, up to 5 minutes. More than `burst` respawns within `window_ms`, or
/// `total` of them, and the session is given up as `failed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RespawnParams {
    /// After which ends.
    pub when: RespawnWhen,
    /// From one start to the next at least, in milliseconds: 100 to 300,000.
    #[serde(default = "default_interval_ms")]
    pub interval_ms: u32,
    /// Respawns within the window: 1 to 100.
    #[serde(default = "default_burst")]
    pub burst: u32,
    /// The window, in milliseconds: 1000 to 3,600,000.
    #[serde(default = "default_window_ms")]
    pub window_ms: u32,
    /// Respawns in all; without end, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u32>,
}

impl RespawnParams {
    /// With the defaults: a second between starts, five respawns within a minute, no end.
    #[must_use]
    pub const fn new(when: RespawnWhen) -> Self {
        Self {
            when,
            interval_ms: default_interval_ms(),
            burst: default_burst(),
            window_ms: default_window_ms(),
            total: None,
        }
    }

    /// Which of its numbers is out of range, and what is allowed.
    ///
    /// # Errors
    /// When one is.
    pub fn check(&self) -> Result<(), RespawnError> {
        let in_range = |what, value: u32, min, max| {
            if (min..=max).contains(&value) {
                Ok(())
            } else {
                Err(RespawnError {
                    what,
                    value,
                    min,
                    max,
                })
            }
        };
        in_range("interval_ms", self.interval_ms, 100, 300_000)?;
        in_range("burst", self.burst, 1, 100)?;
        in_range("window_ms", self.window_ms, 1000, 3_600_000)
    }
}

/// A number that no respawn has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("respawn: {what} is {value}; allowed is {min} to {max}")]
pub struct RespawnError {
    what: &'static str,
    value: u32,
    min: u32,
    max: u32,
}

const fn default_interval_ms() -> u32 {
    1000
}

const fn default_burst() -> u32 {
    5
}

const fn default_window_ms() -> u32 {
    60_000
}
