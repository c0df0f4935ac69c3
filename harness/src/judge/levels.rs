//! Levels against a ceiling: how far memory and files stand above their baseline at the end.

use leakgate_stats::median;

use super::evidence::Evidence;
use super::gates::Finding;
use super::growth::{cut, heap_per_cycle, level, live_bytes, signed, whole};
use super::verdict::{Amount, GateVerdict};
use crate::record::event::Sample;
use crate::units::ByteDelta;

/// `heap.total`: the floor of the live heap at the end, above the baseline.
pub(super) fn heap_total(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let samples = evidence.series();
    match live_bytes(&samples) {
        Some(levels) => ceiling(limit, "live heap", &samples, &levels),
        None => Finding::unsupported(),
    }
}

/// `rss.total`: the floor of the tree's resident memory at the end, above the baseline.
///
/// What stands above the ceiling without growing any more, over a live heap that did not grow, is what the allocator
/// retains: it is named, and is no leak; but a ceiling that does not hold is no pass either.
pub(super) fn rss_total(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let samples = evidence.series();
    let levels: Vec<i64> = samples
        .iter()
        .map(|sample| level(sample.memory.tree_rss))
        .collect();
    let found = ceiling(limit, "resident memory", &samples, &levels);
    let Some(Amount::Plain(observed)) = found.observed else {
        return found;
    };
    // The heap is asked last: that takes by far the longest.
    let retained = found.verdict == GateVerdict::Leak
        && stands_still(&samples, &levels)
        && heap_per_cycle(0, evidence).verdict == GateVerdict::Pass;
    if !retained {
        return found;
    }
    Finding {
        verdict: GateVerdict::Inconclusive,
        detail: format!(
            "allocator retention, not a leak: resident memory {} stands still above the ceiling, the live heap does not grow",
            ByteDelta(observed)
        ),
        more: true,
        ..found
    }
}

/// Whether the last quarter of the levels stands no higher than the second, by more than they fall back in between.
fn stands_still(samples: &[&Sample], levels: &[i64]) -> bool {
    let quarter = levels.len() / 4;
    let typical = |levels: &[i64]| {
        let values: Vec<f64> = levels.iter().map(|&level| level as f64).collect();
        median(&values)
    };
    let middle = typical(&levels[quarter..2 * quarter]);
    let end = typical(&levels[3 * quarter..]);
    let wobble = cut(samples, levels).map_or(0.0, |cut| cut.jitter);
    middle
        .zip(end)
        .is_some_and(|(middle, end)| end - middle <= wobble)
}

/// `disk.bytes`: what the files in the target's private directories take, above the baseline.
pub(super) fn disk_bytes(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let samples = evidence.series();
    let levels: Vec<i64> = samples
        .iter()
        .map(|sample| level(sample.disk.allocated))
        .collect();
    ceiling(limit, "files", &samples, &levels)
}

fn ceiling(limit: u64, what: &str, samples: &[&Sample], levels: &[i64]) -> Finding {
    let baseline = levels[0];
    let Some(windows) = cut(samples, levels) else {
        return Finding::none(GateVerdict::Inconclusive, "too few samples");
    };
    let observed = windows.last_floor() - baseline;
    let signed_limit = signed(limit);
    // The last window's floor has seen all cycles but those after its first sample.
    let seen = (samples.len() - windows.length()).max(1);
    let per_cycle = (signed_limit as f64 + windows.jitter) / seen as f64;
    let sensitivity = Amount::PerCycles {
        amount: whole(per_cycle).saturating_add(1),
        cycles: 1,
    };
    Finding::limited(
        observed > signed_limit,
        Amount::Plain(observed),
        sensitivity,
        || {
            let cycles = samples.len() - 1;
            format!("{what} {} in {cycles} cycles", ByteDelta(observed))
        },
    )
}
