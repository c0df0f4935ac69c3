//! Numbers with a unit: a level, a change and a growth cannot be mixed up.
//!
//! Each becomes text only in `Display`, and is stored in recordings and results as a raw integer.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A duration in whole milliseconds, as it is recorded.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A level: so many bytes are held.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// A change of a level, in bytes; negative when it was given back.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct ByteDelta(pub i64);

impl Bytes {
    /// How far this level stands above `earlier`.
    ///
    /// Levels above `i64::MAX` bytes do not occur on any machine; they saturate.
    pub fn since(self, earlier: Bytes) -> ByteDelta {
        let to = i64::try_from(self.0).unwrap_or(i64::MAX);
        let from = i64::try_from(earlier.0).unwrap_or(i64::MAX);
        ByteDelta(to - from)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&binary(self.0))
    }
}

impl fmt::Display for ByteDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.0 {
            0 => "",
            1.. => "+",
            _ => "-",
        };
        f.pad(&format!("{sign}{}", binary(self.0.unsigned_abs())))
    }
}

/// `1536` as `1.5 KiB`: one decimal below ten, none above, exact below 1 KiB.
fn binary(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // Rounded for the eye only: the integer itself is what is stored and judged.
    #[expect(
        clippy::cast_precision_loss,
        reason = "text with two significant digits"
    )]
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value < 9.95 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.0} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        let shown =
            [0, 64, 1023, 1024, 1536, 10 * 1024, 15_000_000, 1 << 30].map(|n| Bytes(n).to_string());
        assert_eq!(
            shown,
            [
                "0 B", "64 B", "1023 B", "1.0 KiB", "1.5 KiB", "10 KiB", "14 MiB", "1.0 GiB"
            ]
        );
    }

    #[test]
    fn a_change_carries_its_sign() {
        assert_eq!(Bytes(5).since(Bytes(2048)).to_string(), "-2.0 KiB");
        assert_eq!(ByteDelta(7).to_string(), "+7 B");
        assert_eq!(ByteDelta(0).to_string(), "0 B");
    }
}
