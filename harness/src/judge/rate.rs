//! Growth of resident memory over time: for a process that is only watched, where an interval is all there is to a cycle.
//!
//! Resident memory comes and goes in its own time, so its floors are judged: the lowest level in each of ten stretches of
//! the time after the first third, in which a process may still be warming up.

use leakgate_stats::{floors, median, theil_sen};

use super::evidence::Evidence;
use super::gates::Finding;
use super::growth::whole;
use super::verdict::{Amount, GateVerdict};
use crate::units::{ByteDelta, Bytes};

/// Fewer samples than this are inconclusive: two for each floor, and a third of them for settling.
pub const WATCH_SAMPLES_MIN: u32 = 30;
/// Stretches of time whose floors are compared.
const FLOORS: usize = 10;
/// So many of the nine changes between floors must be rises: a step, or a few, is not growth.
const RISES_MIN: usize = 8;
/// Less growth than this in all is not called a leak: allocators keep so much for themselves, and give it back late.
const RISE_MIN: i64 = 256 * 1024;
const HOUR_MS: u64 = 3_600_000;

/// How fast a level grows, bytes per second, with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// The estimate.
    pub per_second: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// From the first floor to the last, bytes.
    rise: i64,
    /// Between how many of the floors it rose.
    rises: usize,
    median_rise: f64,
    /// From the middle of the first stretch to the middle of the last, milliseconds.
    over_ms: u64,
}

/// Bytes per hour of bytes per second.
pub fn hourly(per_second: f64) -> i64 {
    whole((per_second * 3600.0).round())
}

/// How fast the floors of the levels grow: pairs of a time in milliseconds, which does not decrease, and bytes. Nothing of
/// fewer than 30 levels.
///
/// The floors of long stretches are nearly independent of each other, which single samples are not: that is what makes the
/// interval of the Theil-Sen slope (Sen 1968) mean what it says.
pub fn growth_over_time(levels: &[(u64, u64)]) -> Option<Growth> {
    if levels.len() < WATCH_SAMPLES_MIN as usize {
        return None;
    }
    let settled = &levels[levels.len() / 3..];
    let bytes: Vec<i64> = settled
        .iter()
        .map(|&(_, level)| i64::try_from(level).unwrap_or(i64::MAX))
        .collect();
    let found = floors(&bytes, FLOORS)?;
    let times: Vec<u64> = settled[found.dropped..]
        .chunks_exact(found.length)
        .map(|stretch| u64::midpoint(stretch[0].0, stretch[stretch.len() - 1].0))
        .collect();
    let points: Vec<(f64, f64)> = times
        .iter()
        .zip(&found.floors)
        .map(|(&at, &floor)| (at as f64 / 1000.0, floor as f64))
        .collect();
    let slope = theil_sen(&points)?;
    let increments = found.increments();
    let rises: Vec<f64> = increments.iter().map(|&rise| rise as f64).collect();
    Some(Growth {
        per_second: slope.slope,
        low: slope.low,
        high: slope.high,
        rise: found.floors.last()? - found.floors.first()?,
        rises: increments.iter().filter(|&&rise| rise > 0).count(),
        median_rise: median(&rises)?,
        over_ms: times.last()? - times.first()?,
    })
}

impl Growth {
    /// Whether it is a leak against a limit in bytes per second: it is above it beyond doubt, it goes on, and it amounts to
    /// something.
    fn leaks(&self, limit: u64) -> bool {
        self.low > limit as f64
            && self.median_rise > 0.0
            && self.rises >= RISES_MIN
            && self.rise >= RISE_MIN
    }

    fn in_words(&self) -> String {
        let hourly = |per_second| ByteDelta(hourly(per_second));
        format!(
            "resident memory {} per hour (95 %: {} to {}), {} in the last {} s",
            hourly(self.per_second),
            hourly(self.low),
            hourly(self.high),
            ByteDelta(self.rise),
            self.over_ms / 1000
        )
    }
}

/// `rss.rate`: growth of the tree's resident memory per second.
pub(super) fn rss_rate(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let levels: Vec<(u64, u64)> = evidence
        .measured_ms
        .iter()
        .zip(&evidence.measured)
        .map(|(&at, sample)| (at, sample.memory.tree_rss.0))
        .collect();
    let Some(growth) = growth_over_time(&levels) else {
        return Finding::none(
            GateVerdict::Inconclusive,
            format!(
                "{} samples; growth over time needs {WATCH_SAMPLES_MIN}",
                levels.len()
            ),
        );
    };
    let leaks = growth.leaks(limit);
    let step = !leaks && growth.rise >= RISE_MIN;
    // What would have been called: growth that stands out of the interval's width, and amounts to something in this time.
    let doubt = (growth.high - growth.low) / 2.0;
    let least = RISE_MIN as f64 / (growth.over_ms.max(1) as f64 / 1000.0);
    let per_hour = |per_second: f64| Amount::PerTime {
        amount: hourly(per_second),
        milliseconds: HOUR_MS,
    };
    Finding {
        more: false,
        verdict: if leaks {
            GateVerdict::Leak
        } else {
            GateVerdict::Pass
        },
        observed: Some(per_hour(growth.per_second)),
        sensitivity: Some(per_hour(least.max(limit as f64 + doubt))),
        detail: match (leaks, step) {
            (true, _) => growth.in_words(),
            (false, true) => format!(
                "rose by {}, but not all the time: a step or a cache",
                Bytes(growth.rise.unsigned_abs())
            ),
            (false, false) => String::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(level: impl Fn(u64) -> u64) -> Growth {
        let levels: Vec<_> = (0..120).map(|n| (n * 1000, level(n))).collect();
        growth_over_time(&levels).expect("enough levels")
    }

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_steady_leak_is_found_at_its_rate() {
        let leak = growth(|n| 10 * MIB + n * 65_536);
        assert_eq!(hourly(leak.per_second), 3600 * 65_536);
        assert!(leak.leaks(0) && leak.leaks(65_000) && !leak.leaks(70_000));
    }

    #[test]
    fn a_leak_under_a_sawtooth_is_found() {
        let leak = growth(|n| 10 * MIB + n * 65_536 + (n % 7) * MIB);
        assert!(leak.leaks(0), "{leak:?}");
    }

    #[test]
    fn what_stands_still_steps_fills_or_saws_is_no_leak() {
        let innocents: [&dyn Fn(u64) -> u64; 5] = [
            &|_| 10 * MIB,
            &|n| 10 * MIB + if n > 80 { 8 * MIB } else { 0 },
            &|n| 10 * MIB + n.min(60) * 65_536,
            &|n| 10 * MIB + (n % 20) * MIB,
            &|n| 10 * MIB - n.min(100) * 65_536,
        ];
        for (index, innocent) in innocents.iter().enumerate() {
            assert!(!growth(innocent).leaks(0), "{index}");
        }
    }

    #[test]
    fn too_few_levels_say_nothing() {
        let levels: Vec<_> = (0..29).map(|n| (n * 1000, n * MIB)).collect();
        assert_eq!(growth_over_time(&levels), None);
    }
}
