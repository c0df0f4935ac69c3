//! How a scenario and its target ended: the gates that do not ask for cycles.

use super::evidence::Evidence;
use super::gates::Finding;
use super::verdict::{Amount, GateVerdict};
use crate::record::event::Outcome;

/// `stop`: from the request to end to the target's end. One that was killed for it took at least as long as it may.
pub(super) fn stop(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let asked = evidence.exited.filter(|exited| exited.asked);
    let Some(exited) = asked else {
        return Finding::none(GateVerdict::NotJudged, "it was not asked to end");
    };
    let took = i64::try_from(exited.took_ms).unwrap_or(i64::MAX);
    let limit_ms = i64::try_from(limit).unwrap_or(i64::MAX);
    Finding::limited(
        exited.took_ms > limit,
        Amount::Plain(took),
        Amount::Plain(limit_ms.saturating_add(1)),
        || format!("{took} ms from the request to its end"),
    )
}

/// `unmet`: the step that the target did not do, or not in time. A scenario ends with its first, so there is one or none.
pub(super) fn unmet(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let Some(finished) = evidence.finished else {
        return Finding::none(GateVerdict::NotJudged, "not all steps are done");
    };
    let unmet: u32 = match finished.outcome {
        Outcome::Complete => 0,
        Outcome::LoadFailed | Outcome::TimedOut => 1,
        Outcome::TargetFailed | Outcome::Interrupted | Outcome::Skipped | Outcome::Internal => {
            return Finding::none(GateVerdict::NotJudged, finished.detail.as_str());
        }
    };
    Finding::limited(
        u64::from(unmet) > limit,
        Amount::Plain(i64::from(unmet)),
        Amount::Plain(1),
        || finished.detail.clone(),
    )
}
