//! Growth of the live heap: what the rule for growth found, as a finding.
//!
//! The decision is [`leakgate_stats::growth`]'s. Here samples become positions and levels, and its shape becomes a verdict
//! and a sentence.

use leakgate_stats::{
    Cut, Growth, GrowthRule, Shape, drawdown, growth, largest_increment, sensitivity, theil_sen,
};

use super::evidence::Evidence;
use super::gates::Finding;
use super::risk;
use super::verdict::{Amount, GateVerdict};
use crate::record::event::Sample;
use crate::units::{ByteDelta, Bytes};

/// A gate that would have missed more than this per cycle asks for the further cycles that are planned.
const SENSITIVITY_WANTED: i64 = 1024;

/// `levels`, which are those of `samples`, cut into windows; none when they are too few.
pub(super) fn cut(samples: &[&Sample], levels: &[i64]) -> Option<Cut> {
    Cut::new(&positions(samples), levels)
}

/// The cycles after which samples were taken.
fn positions(samples: &[&Sample]) -> Vec<u32> {
    samples.iter().map(|sample| position(sample)).collect()
}

/// Which cycle a sample follows, measured ones counted from 1 and the baseline as 0.
pub(super) fn position(sample: &Sample) -> u32 {
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

/// `heap.per_cycle`: the weakest window's growth against the limit.
pub(super) fn heap_per_cycle(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let samples = evidence.series();
    let Some(levels) = live_bytes(&samples) else {
        return Finding::unsupported();
    };
    let positions = positions(&samples);
    let rule = GrowthRule {
        limit: signed(limit),
        alpha: risk::alpha(evidence),
    };
    let Some(found) = growth(&positions, &levels, &rule) else {
        return Finding::none(GateVerdict::Inconclusive, "too few samples");
    };
    let sensitivity = sensitivity(&positions, &levels, &rule);
    let verdict = match (found.shape, sensitivity) {
        (Shape::Leak, _) => GateVerdict::Leak,
        // Where no leak at all could have been called, none was looked for.
        (Shape::Unclear, _) | (_, None) => GateVerdict::Inconclusive,
        (Shape::Flat | Shape::Step | Shape::Fill | Shape::Sawtooth, Some(_)) => GateVerdict::Pass,
    };
    Finding {
        verdict,
        more: wants_more(found.shape, sensitivity, rule.limit),
        observed: Some(Amount::PerCycles {
            amount: found.weakest,
            cycles: found.cycles_per_window,
        }),
        sensitivity: sensitivity.map(|amount| Amount::PerCycles { amount, cycles: 1 }),
        detail: describe(&found, &levels, &samples),
    }
}

/// Whether further cycles that were planned should be run: what looks like a step or a fill that is over shows there that
/// it is, and what hides under a sawtooth or one large fall shows there too.
fn wants_more(shape: Shape, sensitivity: Option<i64>, limit: i64) -> bool {
    match shape {
        Shape::Leak => false,
        Shape::Unclear | Shape::Step | Shape::Fill | Shape::Sawtooth => true,
        Shape::Flat => sensitivity.is_none_or(|least| least > limit + SENSITIVITY_WANTED),
    }
}

/// The live bytes of every sample; none when one of them has none.
pub(super) fn live_bytes(samples: &[&Sample]) -> Option<Vec<i64>> {
    samples
        .iter()
        .map(|sample| sample.heap.map(|heap| level(heap.live_bytes)))
        .collect()
}

/// A level as a signed number, so far below the largest that sums over a series stay numbers; no machine holds a pebibyte.
pub(super) fn level(bytes: Bytes) -> i64 {
    const LEVEL_MAX: u64 = 1 << 50;
    i64::try_from(bytes.0.min(LEVEL_MAX)).unwrap_or(i64::MAX)
}

/// A limit as a signed number, so far below the largest that a hundred thousand cycles of it stay one.
pub(super) fn signed(limit: u64) -> i64 {
    const LIMIT_MAX: u64 = 1 << 45;
    i64::try_from(limit.min(LIMIT_MAX)).unwrap_or(i64::MAX)
}

fn describe(found: &Growth, levels: &[i64], samples: &[&Sample]) -> String {
    let net = ByteDelta(found.net);
    let jitter = Bytes(whole(found.jitter).unsigned_abs());
    let rise = largest_increment(levels);
    let rise_text = rise.map_or_else(String::new, |rise| {
        format!(
            "{} in cycle {}",
            ByteDelta(rise.amount),
            position(samples[rise.at])
        )
    });
    match found.shape {
        Shape::Flat if jitter.0 == 0 => String::new(),
        Shape::Flat => format!("jitter {jitter}"),
        Shape::Leak => describe_leak(found, levels, samples),
        Shape::Unclear => format!(
            "{net} between the floors of {} windows, jitter {jitter}: neither steady nor over; more cycles would tell",
            found.windows
        ),
        Shape::Step => format!("one-time step, not a leak: {rise_text}"),
        Shape::Fill => format!("cache fill, not a leak: {net}, none of it in the last window"),
        Shape::Sawtooth => format!(
            "sawtooth, not a leak: up to {} given back, floors {net}",
            Bytes(drawdown(levels).unsigned_abs())
        ),
    }
}

fn describe_leak(found: &Growth, levels: &[i64], samples: &[&Sample]) -> String {
    let points: Vec<(f64, f64)> = samples
        .iter()
        .zip(levels)
        .map(|(sample, &level)| (f64::from(position(sample)), level as f64))
        .collect();
    let slope = theil_sen(&points).map_or_else(String::new, |slope| {
        format!(
            ", {:.0} B per cycle (95 %: {:.0} to {:.0})",
            slope.slope, slope.low, slope.high
        )
    });
    let cycles = samples.len().saturating_sub(1);
    let grown =
        levels.last().copied().unwrap_or_default() - levels.first().copied().unwrap_or_default();
    let blocks = |sample: Option<&&Sample>| {
        sample.and_then(|sample| sample.heap).map_or(0, |heap| {
            i64::try_from(heap.live_blocks).unwrap_or(i64::MAX)
        })
    };
    let more_blocks = blocks(samples.last()) - blocks(samples.first());
    format!(
        "live heap {} and {more_blocks:+} blocks in {cycles} cycles{slope}, in each of {} windows",
        ByteDelta(grown),
        found.windows
    )
}
