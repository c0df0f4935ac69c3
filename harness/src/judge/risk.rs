//! The risk of a false alarm: how much of the run's budget a gate may spend on one look.
//!
//! The budget is that of the whole run. It is divided among the gates whose readings are noisy (the others are exact and
//! take no risk), among the runs that answer together, and among the planned looks of a scenario: by Bonferroni's
//! inequality the chance that any of them raises a false alarm is at most the sum of the shares. Every planned look has
//! its share, whether it is taken or not, so that more cycles never buy a second chance.

use leakgate_stats::Budget;

use super::evidence::Evidence;

/// What one look at one noisy gate may spend.
pub(super) fn alpha(evidence: &Evidence<'_>) -> f64 {
    let budget = evidence.run.map(|run| run.budget).unwrap_or_default();
    let looks = u32::try_from(evidence.started.looks.len()).unwrap_or(u32::MAX);
    // Runs that answer together are so many times as many gates.
    let gates = budget.gates.saturating_mul(budget.runs.max(1));
    Budget::new(budget.per_run, gates).per_look(looks)
}
