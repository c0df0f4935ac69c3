//! Growth without any noise: levels that never fall and rise by the same amount each cycle, or each few cycles.
//!
//! The argument is not a chance of order but of repetition. Noise that is drawn anew for each sample repeats one and the
//! same difference, to the byte, over a whole series only by having few values: five independent draws form a rising
//! progression with a chance of at most 1/3125 (five values, equally likely), seven with one of at most 7^-7; and what is
//! not drawn anew (a step, a fill, a sawtooth) breaks the progression where it ends. A cache that gains the same amount in
//! each cycle, and has not reached its bound, is not told from a leak: the warm-up is there for it.

use super::GrowthRule;
use crate::cut::WINDOWS;

/// Leaks that show less often than this are not looked for.
pub(super) const PERIOD_MAX: usize = 10;

/// Whether the levels rise by the same amount over each period of some length, above the rule's limit per cycle,
/// throughout so many periods that noise does so no more often than the rule's alpha. `made` increments of the levels were
/// put in place of steps: they repeat by themselves, and count for nothing.
pub(super) fn grows(positions: &[u32], levels: &[i64], made: usize, rule: &GrowthRule) -> bool {
    if levels.windows(2).any(|pair| pair[1] < pair[0]) {
        return false;
    }
    let increments = levels.len().saturating_sub(1 + made);
    let longest = PERIOD_MAX.min(increments / periods_needed(rule.alpha));
    (1..=longest).any(|period| {
        let rise = levels[period] - levels[0];
        let steady = levels
            .windows(period + 1)
            .all(|run| run[period] - run[0] == rise);
        let cycles = positions
            .windows(period + 1)
            .map(|run| run[period].saturating_sub(run[0]))
            .max()
            .unwrap_or(1);
        steady && rise > 0 && rise > rule.limit.saturating_mul(i64::from(cycles))
    })
}

/// The fewest periods n, at least as many as windows, with n^-n no more than `alpha`.
fn periods_needed(alpha: f64) -> usize {
    (WINDOWS..)
        .find(|&n| (n as f64).powf(-(n as f64)) <= alpha)
        .unwrap_or(usize::MAX)
}
