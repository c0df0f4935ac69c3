//! Levels against a ceiling: how far memory stands above its baseline, within cycles and after them, and what is allocated
//! while nothing happens.
//!
//! Resident memory is only held against its ceiling: its slope means something from 150 cycles after the warm-up on, and
//! no gate asks for it yet.

use super::evidence::Evidence;
use super::gates::Finding;
use super::growth::{cut, level, live_bytes, whole};
use super::verdict::{Amount, GateVerdict};
use crate::record::event::Sample;
use crate::units::{ByteDelta, Bytes};

/// `heap.total`: the floor of the live heap at the end, above the baseline.
pub(super) fn heap_total(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let samples = evidence.series();
    match live_bytes(&samples) {
        Some(levels) => ceiling(limit, "live heap", &samples, levels),
        None => Finding::unsupported(),
    }
}

/// `rss.total`: the floor of the tree's resident memory at the end, above the baseline.
pub(super) fn rss_total(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let samples = evidence.series();
    let levels = samples
        .iter()
        .map(|sample| level(sample.memory.tree_rss))
        .collect();
    ceiling(limit, "resident memory", &samples, levels)
}

fn ceiling(limit: u64, what: &str, samples: &[&Sample], levels: Vec<i64>) -> Finding {
    let baseline = levels[0];
    let Some(windows) = cut(samples, &levels) else {
        return Finding::none(GateVerdict::Inconclusive, "too few samples");
    };
    let observed = windows.last_floor() - baseline;
    let signed_limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // The last window's floor has seen all cycles but those after its first sample.
    let seen = (samples.len() - windows.length()).max(1);
    let per_cycle = (signed_limit as f64 + windows.jitter) / seen as f64;
    let leaks = observed > signed_limit;
    Finding {
        verdict: if leaks {
            GateVerdict::Leak
        } else {
            GateVerdict::Pass
        },
        observed: Some(Amount::Plain(observed)),
        sensitivity: Some(Amount::PerCycles {
            amount: whole(per_cycle).saturating_add(1),
            cycles: 1,
        }),
        detail: if leaks {
            let cycles = samples.len() - 1;
            format!("{what} {} in {cycles} cycles", ByteDelta(observed))
        } else {
            String::new()
        },
    }
}

/// `peak.heap`: the most that the live heap rose above the start of a cycle, within it.
pub(super) fn peak_heap(limit: u64, evidence: &Evidence<'_>) -> Finding {
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
    let signed_limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let leaks = observed > signed_limit;
    Finding {
        verdict: if leaks {
            GateVerdict::Leak
        } else {
            GateVerdict::Pass
        },
        observed: Some(Amount::Plain(observed)),
        sensitivity: Some(Amount::Plain(
            signed_limit.saturating_add(level(error)).saturating_add(1),
        )),
        detail: if leaks {
            format!("live heap {} within cycle {cycle}", ByteDelta(observed))
        } else {
            String::new()
        },
    }
}

/// `churn.idle`: what is allocated per second while nothing happens; of several readings the quietest counts.
pub(super) fn churn_idle(limit: u64, evidence: &Evidence<'_>) -> Finding {
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
    let leaks = u128::from(idle.allocated_bytes) > allowed;
    let per_time = |bytes: u128| Amount::PerTime {
        amount: i64::try_from(bytes).unwrap_or(i64::MAX),
        milliseconds: idle.duration_ms,
    };
    Finding {
        verdict: if leaks {
            GateVerdict::Leak
        } else {
            GateVerdict::Pass
        },
        observed: Some(per_time(u128::from(idle.allocated_bytes))),
        sensitivity: Some(per_time(allowed + 1)),
        detail: if leaks {
            format!(
                "{} allocated in {} ms while nothing happened",
                Bytes(idle.allocated_bytes),
                idle.duration_ms
            )
        } else {
            String::new()
        },
    }
}
