//! What a series did that is not in every window a leak's.

use super::exact::PERIOD_MAX;
use super::{GrowthRule, Shape, points};
use crate::cut::Cut;
use crate::drift::{Persistence, rises};
use crate::windows::drawdown;

/// Growth that falls back by more than this share of itself, in percent, is not kept.
const DRAWDOWN_SHARE: i64 = 10;
/// Fewer rises than this are one-time steps; from here on they may be a leak that is not steady.
const RISES_UNSTEADY: usize = 3;
/// A series that seems flat is unclear when its slope stands out at this level.
const DOUBT: f64 = 0.01;

pub(super) fn without_leak(
    positions: &[u32],
    levels: &[i64],
    beyond: &[i64],
    cut: &Cut,
    rule: &GrowthRule,
) -> Shape {
    let gaps = i64::try_from(cut.windows() - 1).unwrap_or(i64::MAX);
    let allowed = rule.limit.saturating_mul(i64::from(cut.cycles));
    let net = cut.net();
    if cut.weakest() > allowed && net as f64 > cut.jitter {
        return Shape::Unclear;
    }
    let levels = &levels[cut.dropped()..];
    let is_over = |rises: &[usize]| is_over(positions, cut.dropped(), rises);
    let rises = rises_above(levels, cut.jitter);
    let last_window = levels.len() - cut.length();
    let highest = levels.iter().max().zip(levels.first());
    let climbed = highest.map_or(0, |(highest, first)| highest - first);
    if drawdown(levels).saturating_mul(100) > climbed.saturating_mul(DRAWDOWN_SHARE) {
        // Floors that stand still below the teeth are a sawtooth's; floors that go on rising are not explained by it.
        let rising = net as f64 > cut.jitter
            && net > allowed.saturating_mul(gaps)
            && rises.len() >= RISES_UNSTEADY
            && rises.last().is_some_and(|&last| last >= last_window);
        return match (rising, is_sawtooth(levels)) {
            (true, _) => Shape::Unclear,
            (false, _) if in_doubt(positions, beyond) => Shape::Unclear,
            (false, true) => Shape::Sawtooth,
            (false, false) => Shape::Flat,
        };
    }
    match rises.last() {
        None if in_doubt(positions, beyond) => Shape::Unclear,
        None => Shape::Flat,
        Some(_) if net <= allowed.saturating_mul(gaps) => Shape::Flat,
        Some(_) if rises.len() < RISES_UNSTEADY && is_over(&rises) => Shape::Step,
        Some(&last) if rises.len() >= RISES_UNSTEADY && last < last_window && is_over(&rises) => {
            Shape::Fill
        }
        Some(_) => Shape::Unclear,
    }
}

/// Whether the slope stands out of errors as dependent as they seem.
fn in_doubt(positions: &[u32], beyond: &[i64]) -> bool {
    rises(&points(positions, beyond), Persistence::Expected, DOUBT)
}

/// Whether the last of `rises` (indices) was followed by a longer rest than any before it, or one that no leak of every
/// tenth cycle leaves; or such a rest came before.
fn is_over(positions: &[u32], dropped: usize, rises: &[usize]) -> bool {
    let first = positions.first().copied();
    let at = rises
        .iter()
        .map(|&index| positions.get(dropped + index).copied());
    let marks: Vec<u32> = std::iter::once(first)
        .chain(at)
        .chain([positions.last().copied()])
        .flatten()
        .collect();
    let mut rests = marks.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
    let since = rests.next_back().unwrap_or(0);
    let before = rests.max().unwrap_or(0);
    let longest_of_a_leak = u32::try_from(PERIOD_MAX).unwrap_or(u32::MAX);
    since > before
        || since > longest_of_a_leak
        || (rises.len() < RISES_UNSTEADY && before > longest_of_a_leak)
}

/// Whether levels rise often and fall seldom, and do fall more than once; noise does both alike.
fn is_sawtooth(levels: &[i64]) -> bool {
    let count =
        |matches: fn(&[i64]) -> bool| levels.windows(2).filter(|pair| matches(pair)).count();
    let (rises, falls) = (
        count(|pair| pair[1] > pair[0]),
        count(|pair| pair[1] < pair[0]),
    );
    falls >= 2 && rises >= 2 * falls
}

/// The samples at which the levels reach a height that stands out of the jitter above every one before.
fn rises_above(levels: &[i64], jitter: f64) -> Vec<usize> {
    let mut highest = levels.first().copied().unwrap_or_default();
    let mut rises = Vec::new();
    for (index, &level) in levels.iter().enumerate() {
        if (level - highest) as f64 > jitter {
            rises.push(index);
        }
        highest = highest.max(level);
    }
    rises
}
