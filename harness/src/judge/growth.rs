//! Growth of the live heap: in every window, or not at all.
//!
//! The measured cycles are cut into windows and the floor of each is taken. A leak shows between every two neighbours; the
//! weakest of them decides, because a one-time step, a cache that fills or a sawtooth leaves at least one without growth
//! (the weakest cycle separates a leak from noise; the mean does not). What the weakest window supports, over all windows,
//! must exceed the jitter: the deepest fall within a window, in most windows. Where the levels never fall, one byte per
//! cycle is enough.

use leakgate_stats::{Floors, drawdown, floors, jitter, largest_increment, median, theil_sen};

use super::evidence::Evidence;
use super::gates::Finding;
use super::verdict::{Amount, GateVerdict};
use crate::record::event::Sample;
use crate::units::{ByteDelta, Bytes};

/// Windows of a series long enough; fewer tell a slow fill from a leak less well, more miss a leak that is not steady.
pub(super) const WINDOWS: usize = 5;
/// Windows of a short series: three increments, so that two one-time steps are still not a leak.
const WINDOWS_SHORT: usize = 4;
/// From so many samples on a series is long enough: two to a window.
const SAMPLES_LONG: usize = 2 * WINDOWS;
/// Growth that falls back by more than this share of itself, in percent, is not kept.
const DRAWDOWN_SHARE: i64 = 10;
/// Fewer rises than this are one-time steps; from here on they may be a leak that is not steady.
const RISES_UNSTEADY: usize = 3;

/// A series of levels, cut into windows.
pub(super) struct Windows {
    pub(super) levels: Vec<i64>,
    floors: Floors,
    /// Cycles from one window to the next.
    cycles: u32,
    /// Rise from each floor to the next, bytes.
    increments: Vec<i64>,
    /// How far levels wobble, bytes.
    pub(super) jitter: f64,
}

impl Windows {
    /// `levels` are those of `samples`; none when they are too few to be cut.
    pub(super) fn new(samples: &[&Sample], levels: Vec<i64>) -> Option<Windows> {
        let count = if levels.len() < SAMPLES_LONG {
            WINDOWS_SHORT
        } else {
            WINDOWS
        };
        let floors = floors(&levels, count)?;
        let cycle_at = |index: usize| samples.get(index).map(|sample| position(sample));
        let cycles = cycle_at(floors.dropped + floors.length)? - cycle_at(floors.dropped)?;
        let increments = floors.increments();
        let jitter = jitter(&levels[floors.dropped..], floors.length);
        Some(Windows {
            levels,
            floors,
            cycles: cycles.max(1),
            increments,
            jitter,
        })
    }

    /// The floor of the last window.
    pub(super) fn last_floor(&self) -> i64 {
        self.floors.floors.last().copied().unwrap_or_default()
    }

    /// Samples in a window.
    pub(super) fn length(&self) -> usize {
        self.floors.length
    }

    /// Growth from the first floor to the last.
    fn net(&self) -> i64 {
        self.increments.iter().sum()
    }

    fn weakest(&self) -> i64 {
        self.increments.iter().min().copied().unwrap_or_default()
    }

    /// What `limit` bytes per cycle allow from one window to the next.
    fn allowed(&self, limit: i64) -> i64 {
        limit.saturating_mul(i64::from(self.cycles))
    }

    /// The smallest leak in bytes per cycle that would be called one when added to these very levels, their own growth
    /// taken away: found by adding it.
    fn sensitivity(&self, samples: &[&Sample], limit: i64) -> i64 {
        let rises: Vec<f64> = self.increments.iter().map(|&rise| rise as f64).collect();
        let own_growth = whole(median(&rises).unwrap_or(0.0).max(0.0) / f64::from(self.cycles));
        let caught = |leak: i64| {
            let per_cycle = leak - own_growth;
            let levels = self.levels.iter().zip(samples).map(|(level, sample)| {
                level.saturating_add(per_cycle.saturating_mul(i64::from(position(sample))))
            });
            Windows::new(samples, levels.collect())
                .is_some_and(|windows| shape(&windows, limit) == Shape::Leak)
        };
        // Between one that is missed and one that is caught, halved until they are neighbours; nobody asks beyond a TiB.
        let (mut missed, mut found) = (limit, limit.saturating_add(1));
        while !caught(found) && found < 1 << 40 {
            missed = found;
            found = found.saturating_mul(2);
        }
        while found - missed > 1 {
            let between = i64::midpoint(missed, found);
            if caught(between) {
                found = between;
            } else {
                missed = between;
            }
        }
        found
    }
}

/// Which cycle a sample follows, measured ones counted from 1 and the baseline as 0.
fn position(sample: &Sample) -> u32 {
    match sample.phase {
        crate::record::event::Phase::Measure => sample.cycle,
        crate::record::event::Phase::Start | crate::record::event::Phase::Warmup => 0,
    }
}

/// A number of bytes, rounded down. `as` saturates, and no machine has that many.
#[expect(clippy::cast_possible_truncation, reason = "saturates by definition")]
pub(super) fn whole(bytes: f64) -> i64 {
    bytes as i64
}

/// What the live heap did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// No growth that stands out of the jitter.
    Flat,
    /// Growth in every window, and more than the jitter.
    Leak,
    /// Growth in every window that the jitter could have made, or in several steps up to the end.
    Unclear,
    /// Growth in one rise, or two.
    Step,
    /// Growth that has ended.
    Fill,
    /// Growth that was given back.
    Sawtooth,
}

fn shape(windows: &Windows, limit: i64) -> Shape {
    let gaps = i64::try_from(windows.increments.len()).unwrap_or(i64::MAX);
    let excess = windows.weakest().saturating_sub(windows.allowed(limit));
    if excess > 0 && excess.saturating_mul(gaps) as f64 > windows.jitter {
        return Shape::Leak;
    }
    let levels = &windows.levels[windows.floors.dropped..];
    let net = windows.net();
    if excess > 0 && net as f64 > windows.jitter {
        return Shape::Unclear;
    }
    let rises = rises_above(levels, windows.jitter);
    let last_window = levels.len() - windows.length();
    let highest = levels.iter().max().zip(levels.first());
    let climbed = highest.map_or(0, |(highest, first)| highest - first);
    if drawdown(levels).saturating_mul(100) > climbed.saturating_mul(DRAWDOWN_SHARE) {
        // Floors that stand still below the teeth are a sawtooth's; floors that go on rising are not explained by it.
        let rising = net as f64 > windows.jitter
            && net > windows.allowed(limit).saturating_mul(gaps)
            && rises.len() >= RISES_UNSTEADY
            && rises.last().is_some_and(|&last| last >= last_window);
        return match (rising, is_sawtooth(levels)) {
            (true, _) => Shape::Unclear,
            (false, true) => Shape::Sawtooth,
            (false, false) => Shape::Flat,
        };
    }
    match rises.last() {
        None => Shape::Flat,
        Some(_) if rises.len() < RISES_UNSTEADY => Shape::Step,
        Some(&last) if last < last_window => Shape::Fill,
        Some(_) if net <= windows.allowed(limit).saturating_mul(gaps) => Shape::Flat,
        Some(_) => Shape::Unclear,
    }
}

/// Whether levels rise often and fall seldom, and do fall more than once; noise does both alike.
fn is_sawtooth(levels: &[i64]) -> bool {
    let count =
        |matches: fn(&[i64]) -> bool| levels.windows(2).filter(|pair| matches(pair)).count();
    let (rises, falls) = (
        count(|pair| pair[1] > pair[0]),
        count(|pair| pair[1] < pair[0]),
    );
    falls >= 2 && rises >= 2 * falls
}

/// The samples at which the levels reach a height that stands out of the jitter above every one before.
fn rises_above(levels: &[i64], jitter: f64) -> Vec<usize> {
    let mut highest = levels.first().copied().unwrap_or_default();
    let mut rises = Vec::new();
    for (index, &level) in levels.iter().enumerate() {
        if (level - highest) as f64 > jitter {
            rises.push(index);
        }
        highest = highest.max(level);
    }
    rises
}

/// `heap.per_cycle`: the weakest window's growth against the limit.
pub(super) fn heap_per_cycle(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let samples = evidence.series();
    let Some(levels) = live_bytes(&samples) else {
        return Finding::unsupported();
    };
    let Some(windows) = Windows::new(&samples, levels) else {
        return Finding::none(GateVerdict::Inconclusive, "too few samples");
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let shape = shape(&windows, limit);
    let verdict = match shape {
        Shape::Leak => GateVerdict::Leak,
        Shape::Unclear => GateVerdict::Inconclusive,
        Shape::Flat | Shape::Step | Shape::Fill | Shape::Sawtooth => GateVerdict::Pass,
    };
    Finding {
        verdict,
        observed: Some(Amount::PerCycles {
            amount: windows.weakest(),
            cycles: windows.cycles,
        }),
        sensitivity: Some(Amount::PerCycles {
            amount: windows.sensitivity(&samples, limit),
            cycles: 1,
        }),
        detail: describe(shape, &windows, &samples),
    }
}

/// The live bytes of every sample; none when one of them has none.
pub(super) fn live_bytes(samples: &[&Sample]) -> Option<Vec<i64>> {
    samples
        .iter()
        .map(|sample| sample.heap.map(|heap| level(heap.live_bytes)))
        .collect()
}

/// A level as a signed number; no machine holds more.
pub(super) fn level(bytes: Bytes) -> i64 {
    i64::try_from(bytes.0).unwrap_or(i64::MAX)
}

fn describe(shape: Shape, windows: &Windows, samples: &[&Sample]) -> String {
    let net = ByteDelta(windows.net());
    let gaps = windows.increments.len();
    let jitter = Bytes(whole(windows.jitter).unsigned_abs());
    let rise = largest_increment(&windows.levels);
    let rise_text = rise.map_or_else(String::new, |rise| {
        format!(
            "{} in cycle {}",
            ByteDelta(rise.amount),
            position(samples[rise.at])
        )
    });
    match shape {
        Shape::Flat if jitter.0 == 0 => String::new(),
        Shape::Flat => format!("jitter {jitter}"),
        Shape::Leak => describe_leak(windows, samples),
        Shape::Unclear => format!(
            "{net} between the floors of {} windows, jitter {jitter}: neither steady nor over; more cycles would tell",
            gaps + 1
        ),
        Shape::Step => format!("one-time step, not a leak: {rise_text}"),
        Shape::Fill => format!("cache fill, not a leak: {net}, none of it in the last window"),
        Shape::Sawtooth => format!(
            "sawtooth, not a leak: up to {} given back, floors {net}",
            Bytes(drawdown(&windows.levels).unsigned_abs())
        ),
    }
}

fn describe_leak(windows: &Windows, samples: &[&Sample]) -> String {
    let points: Vec<(f64, f64)> = samples
        .iter()
        .zip(&windows.levels)
        .map(|(sample, &level)| (f64::from(position(sample)), level as f64))
        .collect();
    let slope = theil_sen(&points).map_or_else(String::new, |slope| {
        format!(
            ", {:.0} B per cycle (95 %: {:.0} to {:.0})",
            slope.slope, slope.low, slope.high
        )
    });
    let cycles = samples.len().saturating_sub(1);
    let grown = windows.levels.last().copied().unwrap_or_default()
        - windows.levels.first().copied().unwrap_or_default();
    let blocks = |sample: Option<&&Sample>| {
        sample.and_then(|sample| sample.heap).map_or(0, |heap| {
            i64::try_from(heap.live_blocks).unwrap_or(i64::MAX)
        })
    };
    let more_blocks = blocks(samples.last()) - blocks(samples.first());
    format!(
        "live heap {} and {more_blocks:+} blocks in {cycles} cycles{slope}, in each of {} windows",
        ByteDelta(grown),
        windows.increments.len() + 1
    )
}
