//! Owns [`Rate`]: so many of so many, as every report of repeated trials states it.

use std::fmt;

use leakgate_stats::clopper_pearson;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Of every interval.
const CONFIDENCE: f64 = 0.95;

/// So many of so many, with the exact 95 % interval (Clopper and Pearson) of the rate behind it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// Of how many.
    pub of: u32,
    /// Lower end of the interval, 0 to 1.
    pub low: f64,
    /// Upper end of the interval, 0 to 1.
    pub high: f64,
}

impl Rate {
    /// `count` of `of`.
    pub fn new(count: u32, of: u32) -> Rate {
        let interval = clopper_pearson(u64::from(count), u64::from(of), CONFIDENCE);
        Rate {
            count,
            of,
            low: interval.low,
            high: interval.high,
        }
    }

    /// The share that was seen, 0 to 1; 0 of nothing.
    pub fn observed(&self) -> f64 {
        match self.of {
            0 => 0.0,
            of => f64::from(self.count) / f64::from(of),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| format!("{:.1}", share * 100.0);
        let (low, high) = (percent(self.low), percent(self.high));
        write!(f, "{} of {} ({low} to {high} %)", self.count, self.of)
    }
}
