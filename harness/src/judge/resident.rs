//! `rss.per_cycle`: the slope of resident memory, the only byte metric where there is no probe.

use leakgate_stats::{
    RESIDENT_CLEAN_SAMPLES_MIN, Resident, ResidentRule, ResidentShape, ResidentVerdict, resident,
};

use super::evidence::Evidence;
use super::gates::Finding;
use super::growth::{level, live_bytes, position, signed, whole};
use super::risk;
use super::verdict::{Amount, GateVerdict};
use crate::units::{ByteDelta, Bytes};

/// Robust slope of the floors of the tree's resident memory after its warm-up.
pub(super) fn rss_per_cycle(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let samples = evidence.series();
    let positions: Vec<u32> = samples.iter().map(|sample| position(sample)).collect();
    let levels: Vec<i64> = samples
        .iter()
        .map(|sample| level(sample.memory.tree_rss))
        .collect();
    let rule = ResidentRule {
        limit: signed(limit),
        alpha: risk::alpha(evidence),
    };
    let found = resident(&positions, &levels, &rule);
    // Fewer cycles than that cannot end in a pass, so nothing that they show is held against the target but a leak.
    let last_look = evidence.started.looks.last().copied().unwrap_or(0);
    let judgeable = last_look as usize >= RESIDENT_CLEAN_SAMPLES_MIN;
    let verdict = match found.verdict {
        ResidentVerdict::Leak => GateVerdict::Leak,
        ResidentVerdict::Clean => GateVerdict::Pass,
        _ if !judgeable => GateVerdict::NotJudged,
        ResidentVerdict::Unclear | ResidentVerdict::NotJudged => GateVerdict::Inconclusive,
    };
    let per_cycle = |amount: i64| Amount::PerCycles { amount, cycles: 1 };
    Finding {
        verdict,
        observed: (verdict != GateVerdict::NotJudged).then(|| per_cycle(whole(found.slope))),
        // Growth of the series' own counts for nothing here.
        sensitivity: found
            .sensitivity
            .map(|least| per_cycle(least.max(rule.limit.saturating_add(1)))),
        detail: match verdict {
            GateVerdict::NotJudged => format!(
                "a slope of resident memory is judged from {RESIDENT_CLEAN_SAMPLES_MIN} cycles on, and at most {last_look} are planned"
            ),
            _ => describe(&found, live_bytes(&samples).as_deref()),
        },
        more: verdict == GateVerdict::Inconclusive,
    }
}

fn describe(found: &Resident, heap: Option<&[i64]>) -> String {
    let (low, high) = (ByteDelta(whole(found.low)), ByteDelta(whole(found.high)));
    let range = format!("{low} to {high} per cycle");
    match (found.verdict, found.shape) {
        (ResidentVerdict::NotJudged, _) => {
            "resident memory was warming up for most of the cycles".to_owned()
        }
        (ResidentVerdict::Leak, _) => format!("resident memory grows by {range}{}", beside(heap)),
        (ResidentVerdict::Unclear, _) => {
            format!("{range}: neither steady nor over; more cycles would tell")
        }
        (ResidentVerdict::Clean, ResidentShape::Flat) => String::new(),
        (ResidentVerdict::Clean, ResidentShape::Step) => {
            format!("one-time step, not a leak: {range}")
        }
        (ResidentVerdict::Clean, ResidentShape::Sawtooth) => {
            format!("sawtooth, not a leak: {range}")
        }
        (ResidentVerdict::Clean, _) => range,
    }
}

/// What the live heap says beside resident memory that grows.
fn beside(heap: Option<&[i64]>) -> String {
    let Some([first, .., last]) = heap else {
        return String::new();
    };
    if last > first {
        return String::new();
    }
    format!(
        ", beside a live heap that does not ({}): outside the counted heap, or fragmentation of the allocator",
        Bytes(last.unsigned_abs())
    )
}
