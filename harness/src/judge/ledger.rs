//! `ledger`: whether the bytes that the target accounts for are the bytes that it holds.
//!
//! An owner that counts too little keeps more than its budget allows, and nobody sees it: the estimator is what leaks. At
//! rest there is nothing to compare, so both are read in the middle of a cycle (step `sample`), above the baseline.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::gates::Finding;
use super::growth::{level, signed};
use super::verdict::{Amount, GateVerdict};
use crate::record::event::{Gauge, GaugeKind, WithinCycle};
use crate::units::{ByteDelta, Bytes};

/// Less than this says nothing about an estimator: a few of the daemon's own buffers are as much.
const HELD_MIN: i64 = 64 * 1024;

/// Bytes above the baseline in the middle of a cycle.
#[derive(Clone, Copy)]
struct Compared {
    held: i64,
    accounted: i64,
}

impl Compared {
    /// How far the accounted bytes are from the held ones, in percent of these, rounded up.
    fn off_percent(self) -> i64 {
        let off = (self.held - self.accounted).unsigned_abs();
        let share = off
            .saturating_mul(100)
            .div_ceil(self.held.unsigned_abs().max(1));
        i64::try_from(share).unwrap_or(i64::MAX)
    }
}

/// The median over the measured cycles of how far the account is off.
pub(super) fn judge(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let Some(baseline) = evidence.baseline else {
        return Finding::none(GateVerdict::NotJudged, "no baseline was taken");
    };
    let (Some(heap), Some(gauges)) = (&baseline.heap, &baseline.gauges) else {
        return Finding::unsupported();
    };
    if evidence.within.is_empty() {
        return Finding::none(
            GateVerdict::Inconclusive,
            "no step `sample` read the target in the middle of a cycle",
        );
    }
    let (live, accounted) = (level(heap.live_bytes), at_rest(gauges));
    let mut compared: Vec<Compared> = evidence
        .within
        .iter()
        .filter_map(|within| above(within, live, accounted))
        .filter(|compared| compared.held >= HELD_MIN)
        .collect();
    compared.sort_by_key(|compared| compared.off_percent());
    let Some(median) = compared.get(compared.len() / 2).copied() else {
        let least = Bytes(HELD_MIN.unsigned_abs());
        return Finding::none(
            GateVerdict::Inconclusive,
            format!("nothing worth comparing was held: less than {least} above the baseline"),
        );
    };
    let (held, booked) = (ByteDelta(median.held), ByteDelta(median.accounted));
    let limit = signed(limit);
    let off = median.off_percent();
    let mut found = Finding::limited(
        off > limit,
        Amount::Plain(off),
        Amount::Plain(limit.saturating_add(1)),
        String::new,
    );
    found.detail = format!("held {held}, accounted for {booked}{}", parts(evidence));
    found
}

fn above(within: &WithinCycle, live: i64, accounted: i64) -> Option<Compared> {
    Some(Compared {
        held: level(within.heap?.live_bytes) - live,
        accounted: within.accounted.as_ref()?.values().sum::<i64>() - accounted,
    })
}

fn at_rest(gauges: &BTreeMap<String, Gauge>) -> i64 {
    gauges
        .values()
        .filter(|gauge| gauge.kind == GaugeKind::Accounted)
        .map(|gauge| gauge.value)
        .sum()
}

/// Which owners account for something in the last reading, most first.
fn parts(evidence: &Evidence<'_>) -> String {
    let last = evidence.within.last().and_then(|w| w.accounted.as_ref());
    let mut owners: Vec<(&String, i64)> = last
        .into_iter()
        .flatten()
        .map(|(name, &bytes)| (name, bytes))
        .filter(|&(_, bytes)| bytes != 0)
        .collect();
    owners.sort_by_key(|&(_, bytes)| std::cmp::Reverse(bytes));
    if owners.is_empty() {
        return String::new();
    }
    let named: Vec<String> = owners
        .into_iter()
        .take(4)
        .map(|(name, bytes)| format!("{name} {}", ByteDelta(bytes)))
        .collect();
    format!(" ({})", named.join(", "))
}
