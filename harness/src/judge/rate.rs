//! Growth of resident memory over time: for a process that is only watched, where an interval is all there is to a cycle.
//!
//! Resident memory comes and goes in its own time, so its floors are judged: the lowest level in each of ten stretches of
//! the time after the first third, in which a process may still be warming up. Time counts, not the number of levels: a long
//! recording thins out, and late levels stand for more of it than early ones.

use leakgate_stats::{median, theil_sen};

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
/// When so many changes in a row, the last ones, are rises to where it never was, it may have begun to grow.
const LATE_RISES: usize = 3;
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
    /// How much of the rise came in the last changes, where all of them are rises and it was never so high; else 0, bytes.
    late_rise: i64,
    /// From the middle of the first stretch to the middle of the last, milliseconds.
    over_ms: u64,
}

/// Bytes per hour of bytes per second.
pub fn hourly(per_second: f64) -> i64 {
    whole((per_second * 3600.0).round())
}

/// How fast the floors of the levels grow: pairs of a time in milliseconds, which does not decrease, and bytes. Nothing of
/// fewer than 30 levels, nor where they leave more than one of the stretches empty.
///
/// The floors of long stretches are nearly independent of each other, which single samples are not: that is what makes the
/// interval of the Theil-Sen slope (Sen 1968) mean what it says.
pub fn growth_over_time(levels: &[(u64, u64)]) -> Option<Growth> {
    if levels.len() < WATCH_SAMPLES_MIN as usize {
        return None;
    }
    let floors = floors(levels)?;
    if floors.len() <= RISES_MIN {
        return None;
    }
    let (first, last) = (floors.first()?, floors.last()?);
    let points: Vec<(f64, f64)> = floors
        .iter()
        .map(|floor| (floor.middle_ms() as f64 / 1000.0, floor.low as f64))
        .collect();
    let slope = theil_sen(&points)?;
    let rises: Vec<i64> = floors
        .windows(2)
        .map(|pair| pair[1].low - pair[0].low)
        .collect();
    let late = &rises[rises.len() - LATE_RISES..];
    let highest = floors.iter().all(|floor| floor.low <= last.low);
    Some(Growth {
        per_second: slope.slope,
        low: slope.low,
        high: slope.high,
        rise: last.low - first.low,
        rises: rises.iter().filter(|&&rise| rise > 0).count(),
        median_rise: median(&rises.iter().map(|&rise| rise as f64).collect::<Vec<_>>())?,
        late_rise: match highest && late.iter().all(|&rise| rise > 0) {
            true => late.iter().sum(),
            false => 0,
        },
        over_ms: last.middle_ms().checked_sub(first.middle_ms())?,
    })
}

/// The lowest level in a stretch of time.
struct Floor {
    /// When the first level in it was seen, milliseconds.
    from_ms: u64,
    /// When the last one was, milliseconds.
    to_ms: u64,
    low: i64,
}

impl Floor {
    fn middle_ms(&self) -> u64 {
        u64::midpoint(self.from_ms, self.to_ms)
    }
}

/// The floors of stretches of equal length in time, after the first third of it; fewer where a stretch has no level in it.
/// Nothing where time stands still or ends before it begins, as it does in no recording that leakgate wrote.
fn floors(levels: &[(u64, u64)]) -> Option<Vec<Floor>> {
    let (begin, end) = (levels.first()?.0, levels.last()?.0);
    let from = begin + end.checked_sub(begin)? / 3;
    let span = u128::from(end.checked_sub(from)?) + 1;
    let mut stretches: [Option<Floor>; FLOORS] = [const { None }; FLOORS];
    for &(at, level) in levels.iter().filter(|&&(at, _)| (from..=end).contains(&at)) {
        let place = u128::from(at - from) * FLOORS as u128 / span;
        let stretch = stretches.get_mut(usize::try_from(place).ok()?)?;
        let level = i64::try_from(level).unwrap_or(i64::MAX);
        let floor = stretch.get_or_insert(Floor {
            from_ms: at,
            to_ms: at,
            low: level,
        });
        floor.to_ms = at.max(floor.to_ms);
        floor.low = level.min(floor.low);
    }
    Some(stretches.into_iter().flatten().collect())
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

    /// Whether it may have begun to leak too late to be called that: what is a step or a cache has ended by the end.
    fn may_have_begun(&self, limit: u64) -> bool {
        let late_seconds = self.over_ms as f64 / 1000.0 * LATE_RISES as f64 / FLOORS as f64;
        self.late_rise >= RISE_MIN && self.late_rise as f64 > limit as f64 * late_seconds
    }

    /// The verdict, and what there is to tell of it.
    fn verdict(&self, limit: u64) -> (GateVerdict, String) {
        if self.leaks(limit) {
            (GateVerdict::Leak, self.in_words())
        } else if self.may_have_begun(limit) {
            let late = Bytes(self.late_rise.unsigned_abs());
            let detail = format!("rose by {late} at the end, and may go on: watch for longer");
            (GateVerdict::Inconclusive, detail)
        } else if self.rise >= RISE_MIN {
            let rise = Bytes(self.rise.unsigned_abs());
            let detail = format!("rose by {rise}, but not all the time: a step or a cache");
            (GateVerdict::Pass, detail)
        } else {
            (GateVerdict::Pass, String::new())
        }
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
            match levels.len() {
                few if few < WATCH_SAMPLES_MIN as usize => {
                    format!("{few} samples; growth over time needs {WATCH_SAMPLES_MIN}")
                }
                many => format!("{many} samples, but none for more than a tenth of the time"),
            },
        );
    };
    let (verdict, detail) = growth.verdict(limit);
    // What would have been called: growth that stands out of the interval's width, and amounts to something in this time.
    let doubt = (growth.high - growth.low) / 2.0;
    let least = RISE_MIN as f64 / (growth.over_ms.max(1) as f64 / 1000.0);
    let per_hour = |per_second: f64| Amount::PerTime {
        amount: hourly(per_second),
        milliseconds: HOUR_MS,
    };
    Finding {
        more: false,
        verdict,
        observed: Some(per_hour(growth.per_second)),
        sensitivity: Some(per_hour(least.max(limit as f64 + doubt))),
        detail,
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
            let (verdict, detail) = growth(innocent).verdict(0);
            assert_eq!(verdict, GateVerdict::Pass, "{index}: {detail}");
        }
    }

    /// A day of looks, one per second, thinned out as a watch does it; it grows by 10 KiB/s from a minute on.
    fn day(leaks_from: u64) -> Vec<(u64, u64)> {
        let recorded = |n: u64| {
            let (mut stride, mut begin) = (1, 0);
            while n >= begin + 4096 * stride {
                begin += 4096 * stride;
                stride *= 2;
            }
            n.is_multiple_of(stride)
        };
        (0..86_400)
            .filter(|&n| recorded(n))
            .map(|n| {
                (
                    n * 1000,
                    10 * MIB + n.saturating_sub(leaks_from * 60) * 10 * 1024,
                )
            })
            .collect()
    }

    #[test]
    fn a_day_that_thins_out_is_cut_by_time() {
        for (leaks_from, expected) in [
            (0, GateVerdict::Leak),
            (9 * 60 + 24, GateVerdict::Leak),
            (14 * 60, GateVerdict::Inconclusive),
            (24 * 60, GateVerdict::Pass),
        ] {
            let growth = growth_over_time(&day(leaks_from)).expect("enough levels");
            assert_eq!(growth.verdict(0).0, expected, "from minute {leaks_from}");
        }
    }

    #[test]
    fn time_that_goes_back_stands_still_or_is_not_looked_at_says_nothing() {
        let over = |time: &dyn Fn(u64) -> u64| {
            let levels: Vec<_> = (0..120).map(|n| (time(n), n * MIB)).collect();
            growth_over_time(&levels)
        };
        assert_eq!(over(&|n| 1_000_000 - n * 1000), None);
        assert_eq!(over(&|_| 7), None);
        assert_eq!(over(&|n| n * 1000 + n / 80 * 100_000), None);
        assert_eq!(over(&|n| if n == 119 { u64::MAX } else { n }), None);
        assert!(over(&|n| (n ^ 1) * 1000).is_some());
    }

    #[test]
    fn too_few_levels_say_nothing() {
        let levels: Vec<_> = (0..29).map(|n| (n * 1000, n * MIB)).collect();
        assert_eq!(growth_over_time(&levels), None);
    }
}
