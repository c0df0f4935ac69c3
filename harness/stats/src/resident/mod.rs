//! Judging resident memory alone: whether it grows with the cycles, and what its growth looks like.
//!
//! Resident memory is what an allocator keeps, not what the program keeps. It wanders with the threads that ran, steps when an
//! arena grows, and stands still while a leak uses up what was free. So floors are judged, not levels; growth that is
//! one step is not a leak; and growth must go on in the last half. How the numbers below were found, and the error
//! rates they have on real daemons: `docs/design/resident-memory.md`.

mod line;
mod noise;
mod normal;
mod shape;
mod warmup;

use crate::windows::floors;
use line::{Point, Sums, without_step};
pub use shape::ResidentShape;

/// Samples, one per cycle, that must be left after the warm-up.
pub const RESIDENT_SAMPLES_MIN: usize = 150;

/// Samples from which on a leak is called: what a bounded cache fills in a hundred cycles must have stood still for as long.
pub const RESIDENT_LEAK_SAMPLES_MIN: usize = 200;

/// Samples from which on a series is called clean: a leak of 8 KiB per cycle may hide for 200 cycles in memory that was free.
pub const RESIDENT_CLEAN_SAMPLES_MIN: usize = 400;

/// After how many samples a run looks: each time after about √2 as many. A leak at any look ends it, a clean series at the
/// third or fourth; what is unclear after the last stays so.
pub const RESIDENT_LOOKS: [usize; 4] = [200, 283, 400, 566];

/// Samples whose lowest level is one floor.
const BLOCK: usize = 10;

/// Longer blocks keep a soak of days to this many floors: the rule compares each with each.
const BLOCKS_MAX: usize = 500;

/// The last half must grow by more than this part of the limit, its largest step left out: else the growth has ended.
const LAST_HALF_PART: f64 = 0.5;

/// A clean series grows by less than this many limits, its steps included.
const CLEAN_LIMITS: f64 = 1.5;

/// A leak of more than this per cycle would be seen without statistics.
const SENSITIVITY_MAX: i64 = 1 << 30;

/// What passes, and how sure a verdict must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResidentRule {
    /// Bytes per cycle that pass: allocators that do not leak creep by up to about a KiB.
    pub limit: i64,
    /// Probability of a false alarm at this look, by independent noise that only the bounds hold off; above 0, at most 0.5.
    pub alpha: f64,
}

impl Default for ResidentRule {
    /// The rule whose error rates were measured: 2 KiB per cycle, and 1 in 300 shared by four looks.
    fn default() -> Self {
        Self {
            limit: 2048,
            alpha: 1.0 / 300.0 / 4.0,
        }
    }
}

/// What is said of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResidentVerdict {
    /// It grows by more than the limit, not by one step, and still did in its last half.
    Leak,
    /// It does not.
    Clean,
    /// It may or may not: further cycles may tell.
    Unclear,
    /// Too few samples after the warm-up.
    NotJudged,
}

/// The finding on a series of resident memory. Slopes are bytes per cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resident {
    /// The verdict.
    pub verdict: ResidentVerdict,
    /// Growth without its largest step.
    pub slope: f64,
    /// Lower bound of `slope`, at `1 - alpha` on its side. Of resident memory, that is: free memory can hide a leak.
    pub low: f64,
    /// Upper bound of `slope`, at `1 - alpha` on its side; both together are an interval at `1 - 2 alpha`.
    pub high: f64,
    /// The smallest leak, in bytes per cycle, that would have been called had it come on top of these very levels; none
    /// where no leak can be called.
    pub sensitivity: Option<i64>,
    /// The first samples, which were left out as the warm-up.
    pub warmup: usize,
    /// What the levels look like.
    pub shape: ResidentShape,
}

/// Judges `levels`, resident bytes after the cycles numbered `positions`, in order and one for each; of lists of different
/// lengths the longer one's end is ignored. Warm-up cycles may be among them: they are detected.
pub fn resident(positions: &[u32], levels: &[i64], rule: &ResidentRule) -> Resident {
    let count = positions.len().min(levels.len());
    let (positions, levels) = (&positions[..count], &levels[..count]);
    let mut found = judged(positions, levels, rule);
    found.sensitivity = sensitivity(positions, levels, rule);
    found
}

/// The finding, its sensitivity still missing.
fn judged(positions: &[u32], levels: &[i64], rule: &ResidentRule) -> Resident {
    let (points, block) = blocks(positions, levels);
    let warmup = warmup::warmup_points(&points);
    let points = &points[warmup..];
    let left_out = levels.len() - points.len() * block;
    let mut found = Resident {
        verdict: ResidentVerdict::NotJudged,
        slope: 0.0,
        low: 0.0,
        high: 0.0,
        sensitivity: None,
        warmup: left_out,
        shape: ResidentShape::Flat,
    };
    if points.len() * block < RESIDENT_SAMPLES_MIN {
        found.shape = ResidentShape::WarmingUp;
        return found;
    }
    let z = normal::exceeded_with(rule.alpha);
    let limit = rule.limit as f64;
    let noise = noise::noise(points);
    let whole = Sums::of(points).slope(noise);
    let slope = without_step(points, noise, z);
    let last_half = without_step(&points[points.len() / 2..], noise, 0.0);
    found.slope = slope.estimate;
    found.low = slope.low(z);
    found.high = slope.high(z);
    let grows = found.low > limit && last_half.estimate > limit * LAST_HALF_PART;
    let stands = whole.high(z) <= limit * CLEAN_LIMITS;
    found.verdict = if grows && levels.len() >= RESIDENT_LEAK_SAMPLES_MIN {
        ResidentVerdict::Leak
    } else if stands && levels.len() >= RESIDENT_CLEAN_SAMPLES_MIN {
        ResidentVerdict::Clean
    } else {
        ResidentVerdict::Unclear
    };
    found.shape = if grows {
        ResidentShape::Growing
    } else if whole.low(z) > limit {
        ResidentShape::Step
    } else {
        shape::without_growth(&levels[left_out..])
    };
    found
}

/// The floors of blocks of samples, each at the mean of its cycles, and how many samples are in a block. The first samples
/// that do not fill a block are left out. Floors are counted from the first: only differences are judged.
fn blocks(positions: &[u32], levels: &[i64]) -> (Vec<Point>, usize) {
    let length = BLOCK.max(levels.len().div_ceil(BLOCKS_MAX));
    let Some(found) = floors(levels, levels.len() / length) else {
        return (Vec::new(), length);
    };
    let middles = positions[found.dropped..]
        .chunks_exact(found.length)
        .map(|cycles| {
            cycles.iter().map(|&cycle| f64::from(cycle)).sum::<f64>() / cycles.len() as f64
        });
    let above_first = found
        .floors
        .iter()
        .map(|floor| (floor - found.floors[0]) as f64);
    (middles.zip(above_first).collect(), found.length)
}

/// The smallest leak that would have been called on top of `levels`, by bisection: the rule itself is asked.
fn sensitivity(positions: &[u32], levels: &[i64], rule: &ResidentRule) -> Option<i64> {
    let called = |leak: i64| {
        let leaking: Vec<i64> = levels
            .iter()
            .zip(positions)
            .map(|(level, &cycle)| level + leak * i64::from(cycle))
            .collect();
        judged(positions, &leaking, rule).verdict == ResidentVerdict::Leak
    };
    if !called(SENSITIVITY_MAX) {
        return None;
    }
    let (mut missed, mut caught) = (-1, SENSITIVITY_MAX);
    while caught - missed > 1 {
        let middle = missed + (caught - missed) / 2;
        if called(middle) {
            caught = middle;
        } else {
            missed = middle;
        }
    }
    Some(caught)
}

#[cfg(test)]
mod tests;
