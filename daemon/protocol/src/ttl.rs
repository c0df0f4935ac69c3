//! How long a session may stay unused: which durations are one.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The time since its last use after which a session is ended: between [`Ttl::MIN`] and [`Ttl::MAX`]. Milliseconds on the
/// wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Ttl(Duration);

/// Milliseconds in an hour.
const HOUR_MS: f64 = 3_600_000.0;

impl Ttl {
    /// A second: shorter than that, a session could be ended between two requests of one client.
    pub const MIN: Self = Self(Duration::from_secs(1));

    /// A year: nobody comes back after more.
    pub const MAX: Self = Self(Duration::from_secs(365 * 24 * 3600));

    /// A day: what was left in the evening is there in the morning.
    pub const DEFAULT: Self = Self(Duration::from_secs(24 * 3600));

    /// The time itself.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// Reads decimal hours, e.g. `0.083` for five minutes.
    ///
    /// # Errors
    /// When the text is no number, or out of range.
    pub fn from_hours(text: &str) -> Result<Self, TtlError> {
        let milliseconds = text
            .trim()
            .parse::<f64>()
            .map_err(|_| TtlError::NotHours(text.to_owned()))?
            * HOUR_MS;
        // Duration refuses NaN, negatives and what is too large for it.
        Duration::try_from_secs_f64(milliseconds.round() / 1000.0)
            .ok()
            .and_then(|duration| Self::try_from(duration).ok())
            .ok_or_else(|| TtlError::OutOfRange(format!("{text} h")))
    }

    fn milliseconds(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Default for Ttl {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl TryFrom<Duration> for Ttl {
    type Error = TtlError;

    fn try_from(duration: Duration) -> Result<Self, TtlError> {
        if (Self::MIN.0..=Self::MAX.0).contains(&duration) {
            Ok(Self(duration))
        } else {
            Err(TtlError::OutOfRange(format!("{duration:?}")))
        }
    }
}

impl TryFrom<u64> for Ttl {
    type Error = TtlError;

    fn try_from(milliseconds: u64) -> Result<Self, TtlError> {
        Self::try_from(Duration::from_millis(milliseconds))
    }
}

impl From<Ttl> for u64 {
    fn from(ttl: Ttl) -> Self {
        ttl.milliseconds()
    }
}

/// What is no time to live.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TtlError {
    /// Text where decimal hours are expected.
    #[error(
        "{0:?} is no number of hours; allowed is 0.000278 (1 s) to 8760 (365 days), e.g. 0.083"
    )]
    NotHours(String),
    /// A time that is too short, too long, or none.
    #[error(
        "a time to live of {0} is out of range; allowed is 1 s (0.000278 h) to 365 days (8760 h)"
    )]
    OutOfRange(String),
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_hours_are_read_to_the_millisecond() {
        for (text, milliseconds) in [
            ("24", 86_400_000),
            ("1", 3_600_000),
            ("0.083", 298_800),
            ("0.0167", 60_120),
            (" 0.5 ", 1_800_000),
            ("8760", 31_536_000_000),
            ("1e-3", 3600),
        ] {
            assert_eq!(
                u64::from(Ttl::from_hours(text).unwrap()),
                milliseconds,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_time_to_live_is_refused_with_what_is_allowed() {
        for text in [
            "0", "-0", "0.0", "-1", "NaN", "nan", "inf", "-inf", "1e308", "8760.1", "0.0001", "",
            "1h", "soon", "1,5", "0x1",
        ] {
            let error = Ttl::from_hours(text).unwrap_err().to_string();
            assert!(
                error.contains("allowed is") && error.contains("8760"),
                "{text:?}: {error}"
            );
        }
        assert!(serde_json::from_str::<Ttl>("0").is_err());
        assert!(serde_json::from_str::<Ttl>("-1").is_err());
        assert!(serde_json::from_str::<Ttl>("18446744073709551615").is_err());
        assert_eq!(serde_json::from_str::<Ttl>("1000").unwrap(), Ttl::MIN);
    }
}
