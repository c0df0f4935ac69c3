//! Churn: what is allocated although nothing is kept, while nothing happens and in a cycle.

use super::evidence::Evidence;
use super::gates::Finding;
use super::growth::level;
use super::verdict::{Amount, GateVerdict};
use crate::units::Bytes;

/// `churn.idle`: what is allocated per second while nothing happens; of several readings the quietest counts.
pub(super) fn idle(limit: u64, evidence: &Evidence<'_>) -> Finding {
    if evidence.series().iter().any(|sample| sample.heap.is_none()) {
        return Finding::unsupported();
    }
    let quietest = evidence
        .idle
        .iter()
        .filter(|idle| idle.duration_ms > 0)
        .min_by(|a, b| {
            let rate = |bytes: u64, other_ms: u64| u128::from(bytes) * u128::from(other_ms);
            rate(a.allocated_bytes, b.duration_ms).cmp(&rate(b.allocated_bytes, a.duration_ms))
        });
    let Some(idle) = quietest else {
        return Finding::none(
            GateVerdict::Inconclusive,
            "the idle target was not measured",
        );
    };
    let allowed = u128::from(limit) * u128::from(idle.duration_ms) / 1000;
    let per_time = |bytes: u128| Amount::PerTime {
        amount: i64::try_from(bytes).unwrap_or(i64::MAX),
        milliseconds: idle.duration_ms,
    };
    let allocated = u128::from(idle.allocated_bytes);
    Finding::limited(
        allocated > allowed,
        per_time(allocated),
        per_time(allowed + 1),
        || {
            format!(
                "{} allocated in {} ms while nothing happened",
                Bytes(idle.allocated_bytes),
                idle.duration_ms
            )
        },
    )
}

/// `churn.cycle`: what a cycle allocates, in the median one.
pub(super) fn cycle(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let Some(mut allocated) = per_cycle(evidence) else {
        return Finding::unsupported();
    };
    allocated.sort_unstable();
    let Some(&median) = allocated.get(allocated.len() / 2) else {
        return Finding::none(GateVerdict::Inconclusive, "too few samples");
    };
    Finding::limited(
        median > limit,
        Amount::Plain(level(Bytes(median))),
        Amount::Plain(level(Bytes(limit)).saturating_add(1)),
        || format!("{} allocated in the median cycle", Bytes(median)),
    )
}

/// Bytes allocated from each sample to the next; none without a probe.
pub(super) fn per_cycle(evidence: &Evidence<'_>) -> Option<Vec<u64>> {
    let heaps: Option<Vec<u64>> = evidence
        .series()
        .iter()
        .map(|sample| Some(sample.heap?.allocated_bytes))
        .collect();
    let heaps = heaps?;
    // A counter that goes backwards is of no process.
    heaps
        .windows(2)
        .map(|pair| pair[1].checked_sub(pair[0]))
        .collect()
}
