//! Within a cycle: how far memory rises above its start, and how long the target takes to give everything back.

use super::evidence::Evidence;
use super::gates::Finding;
use super::growth::{level, signed};
use super::verdict::{Amount, GateVerdict};
use crate::units::{ByteDelta, Bytes};

/// `peak.heap`: the most that the live heap rose above the start of a cycle, within it.
pub(super) fn heap(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let samples = evidence.series();
    let mut highest: Option<(i64, u32)> = None;
    let mut error = Bytes(0);
    for pair in samples.windows(2) {
        let (Some(before), Some(after)) = (pair[0].heap, pair[1].heap) else {
            return Finding::unsupported();
        };
        let rise = after.peak_bytes.since(before.live_bytes).0;
        if highest.is_none_or(|(most, _)| rise > most) {
            highest = Some((rise, pair[1].cycle));
        }
        error = error.max(after.peak_error_bytes);
    }
    let Some((observed, cycle)) = highest else {
        return Finding::none(GateVerdict::Inconclusive, "too few samples");
    };
    let limit = signed(limit);
    let sensitivity = Amount::Plain(limit.saturating_add(level(error)).saturating_add(1));
    Finding::limited(
        observed > limit,
        Amount::Plain(observed),
        sensitivity,
        || format!("live heap {} within cycle {cycle}", ByteDelta(observed)),
    )
}

/// `peak.rss`: the most that the target's resident memory rose above the start of a cycle, within it.
pub(super) fn rss(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let samples = evidence.series();
    let rises: Option<Vec<(i64, u32)>> = samples
        .windows(2)
        .map(|pair| {
            let high = pair[1].memory.cycle_high_water?;
            Some((high.since(pair[0].memory.rss).0, pair[1].cycle))
        })
        .collect();
    let Some(rises) = rises else {
        return Finding::none(
            GateVerdict::Unsupported,
            "the kernel does not let leakgate reset the high-water mark",
        );
    };
    let Some((observed, cycle)) = rises.into_iter().max() else {
        return Finding::none(GateVerdict::Inconclusive, "too few samples");
    };
    let limit = signed(limit);
    Finding::limited(
        observed > limit,
        Amount::Plain(observed),
        Amount::Plain(limit.saturating_add(1)),
        || {
            format!(
                "resident memory {} within cycle {cycle}",
                ByteDelta(observed)
            )
        },
    )
}

/// `peak.settle`: the longest from the end of a cycle's load until everything that it took had been given back. What had not
/// come back when patience ended took at least as long.
pub(super) fn settle(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let slowest = evidence
        .measured
        .iter()
        .map(|sample| {
            let settle = sample.settle;
            (settle.returned_ms.unwrap_or(settle.waited_ms), sample.cycle)
        })
        .max_by_key(|&(returned, _)| returned);
    let Some((returned, cycle)) = slowest else {
        return Finding::none(GateVerdict::Inconclusive, "too few samples");
    };
    Finding::limited(
        returned > limit,
        Amount::Plain(signed(returned)),
        Amount::Plain(signed(limit).saturating_add(1)),
        || format!("{returned} ms until everything was given back after cycle {cycle}"),
    )
}
