//! Known leaks: what somebody answers for until a day is no news; more than that, or later, is.

use super::evidence::Evidence;
use super::verdict::{GateVerdict, JudgedGate};
use crate::record::event::KnownLeak;

/// The gate's verdict in the light of its entry in the ledger of known leaks.
///
/// `beyond` is what the gate says with the budget for its limit: the same rule decides what is worse.
pub(super) fn apply(
    gate: JudgedGate,
    known: &KnownLeak,
    beyond: GateVerdict,
    evidence: &Evidence<'_>,
) -> JudgedGate {
    let today = evidence.run.map_or("", |run| run.date.as_str());
    let expired = today > known.expires.as_str();
    let KnownLeak {
        owner,
        expires,
        reason,
        ..
    } = known;
    let (verdict, note) = match gate.verdict {
        GateVerdict::Leak if expired => (
            GateVerdict::Leak,
            format!("the known leak expired on {expires}, {owner} answers for it: {reason}"),
        ),
        GateVerdict::Leak => match beyond {
            GateVerdict::Leak => (
                GateVerdict::Leak,
                format!(
                    "worse than the known leak that {owner} answers for until {expires}: {reason}"
                ),
            ),
            GateVerdict::Pass => (
                GateVerdict::Known,
                format!("known until {expires}, {owner} answers for it: {reason}"),
            ),
            _ => (
                GateVerdict::Inconclusive,
                format!("known until {expires} ({owner}), and perhaps worse by now: {reason}"),
            ),
        },
        GateVerdict::Pass => (
            GateVerdict::Pass,
            format!(
                "listed as known until {expires} ({owner}), but it does not leak: its entry can go"
            ),
        ),
        other => (other, String::new()),
    };
    let parts = [note, gate.detail];
    let told: Vec<&str> = parts
        .iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    JudgedGate {
        verdict,
        detail: told.join("; "),
        owner: Some(owner.clone()),
        ..gate
    }
}
