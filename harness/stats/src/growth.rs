//! Whether a series of exact levels grows: in every window, or not at all.
//!
//! A leak shows in every window of the measured cycles; a one-time step, a cache that fills or a sawtooth leaves at least
//! one without growth. Three things could still look like one, and each has its own guard:
//!
//! - *noise in rising order*: so many windows are demanded that chance would order them so at most as often as the look
//!   may be wrong (`order`);
//! - *noise that wanders*: the slope must stand out of errors as dependent as the series allows (`drift`);
//! - *a warm-up that is not over*: growth must not be slowing down (`pace`).
//!
//! What fails a guard is unclear: more cycles tell. `docs/statistics.md` has the study behind the constants.

mod exact;
mod order;
mod pace;
mod shape;
mod steps;

use crate::cut::Cut;
use crate::drift::{Persistence, rises};

pub use order::windows_needed;

/// What is asked of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthRule {
    /// Bytes per cycle that pass.
    pub limit: i64,
    /// The chance that this look at the series may have of a false alarm, above 0.
    pub alpha: f64,
}

/// What the levels did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// No growth that stands out of the jitter.
    Flat,
    /// Growth in every window, by more than noise or a warm-up explains.
    Leak,
    /// Growth that has not ended, and that noise, a warm-up or a few steps could have made: more cycles tell.
    Unclear,
    /// Growth in one rise, or two, and none since.
    Step,
    /// Growth that has ended.
    Fill,
    /// Growth that was given back.
    Sawtooth,
}

/// What the levels did, and by how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// What they did.
    pub shape: Shape,
    /// Windows that the series was cut into for this.
    pub windows: usize,
    /// Cycles from one window to the next.
    pub cycles_per_window: u32,
    /// The smallest rise from the floor of a window to the next, bytes.
    pub weakest: i64,
    /// Growth from the first floor to the last, bytes.
    pub net: i64,
    /// How far levels wobble, bytes.
    pub jitter: f64,
    /// The chance that noise puts so many windows in rising order, at most; meant for a leak.
    pub alpha_bound: f64,
}

/// Judges `levels` (bytes), read after the cycles `positions`, both in order and equally many; the first pair is the
/// baseline. None when they are too few to be cut into windows.
pub fn growth(positions: &[u32], levels: &[i64], rule: &GrowthRule) -> Option<Growth> {
    let usual = Cut::new(positions, levels)?;
    let (settled, steps) = steps::without(levels);
    if exact::grows(positions, &settled, steps, rule) {
        let cut = Cut::into(crate::cut::WINDOWS, positions, levels).unwrap_or(usual);
        return Some(found(Shape::Leak, &cut));
    }
    let beyond = beyond_limit(positions, &settled, rule.limit);
    let windows = windows_needed(rule.alpha);
    if let Some(cut) = order::in_rising_order(positions, &beyond, windows) {
        let points = points(positions, &beyond);
        let shape = if !order::stands_out(&cut)
            || pace::slows(&points)
            || !rises(&points, Persistence::Worst, rule.alpha)
        {
            Shape::Unclear
        } else {
            Shape::Leak
        };
        let cut = Cut::into(windows, positions, levels).unwrap_or(usual);
        return Some(found(shape, &cut));
    }
    let shape = shape::without_leak(positions, levels, &beyond, &usual, rule);
    Some(found(shape, &usual))
}

fn found(shape: Shape, cut: &Cut) -> Growth {
    Growth {
        shape,
        windows: cut.windows(),
        cycles_per_window: cut.cycles,
        weakest: cut.weakest(),
        net: cut.net(),
        jitter: cut.jitter,
        alpha_bound: order::chance(cut.windows()),
    }
}

/// Levels less what the limit allows up to each.
fn beyond_limit(positions: &[u32], levels: &[i64], limit: i64) -> Vec<i64> {
    let first = positions.first().copied().unwrap_or_default();
    levels
        .iter()
        .zip(positions)
        .map(|(level, &at)| {
            let cycles = i64::from(at.saturating_sub(first));
            level.saturating_sub(limit.saturating_mul(cycles))
        })
        .collect()
}

fn points(positions: &[u32], levels: &[i64]) -> Vec<(f64, f64)> {
    // From the first level on: small numbers keep their digits.
    let base = levels.first().copied().unwrap_or_default();
    positions
        .iter()
        .zip(levels)
        .map(|(&at, &level)| (f64::from(at), level.saturating_sub(base) as f64))
        .collect()
}

/// Nobody asks for more than a TiB per cycle.
const SENSITIVITY_MAX: i64 = 1 << 40;

/// The smallest leak, in bytes per cycle, that [`growth`] would call one when added to these very levels, their own growth
/// taken away: found by adding it. None where none would be, the series being too short for its jitter.
pub fn sensitivity(positions: &[u32], levels: &[i64], rule: &GrowthRule) -> Option<i64> {
    let cut = Cut::new(positions, levels)?;
    let mut rises = cut.increments().to_vec();
    rises.sort_unstable();
    let own = rises
        .get(rises.len() / 2)
        .copied()
        .unwrap_or_default()
        .max(0);
    let own_per_cycle = own / i64::from(cut.cycles);
    let caught = |leak: i64| {
        let with_leak: Vec<i64> = levels
            .iter()
            .zip(positions)
            .map(|(level, &at)| {
                level.saturating_add((leak - own_per_cycle).saturating_mul(i64::from(at)))
            })
            .collect();
        growth(positions, &with_leak, rule).is_some_and(|found| found.shape == Shape::Leak)
    };
    // Between one that is missed and one that is caught, halved until they are neighbours.
    let (mut missed, mut found) = (rule.limit, rule.limit.saturating_add(1));
    while !caught(found) {
        if found >= SENSITIVITY_MAX {
            return None;
        }
        missed = found;
        found = found.saturating_mul(2);
    }
    while found - missed > 1 {
        let between = i64::midpoint(missed, found);
        if caught(between) {
            found = between;
        } else {
            missed = between;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests;
