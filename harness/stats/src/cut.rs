//! A series of levels cut into windows: what grows from one to the next, and what wobbles within them.

use crate::windows::{Floors, floors, jitter};

/// Windows of a series long enough; fewer tell a slow fill from a leak less well, more miss a leak that is not steady.
pub(crate) const WINDOWS: usize = 5;
/// Windows of a short series: three increments, so that two one-time steps are still not a leak.
const WINDOWS_SHORT: usize = 4;
/// Samples that a window needs for its floor to be lower than a single sample by more than chance.
pub(crate) const SAMPLES_MIN: usize = 2;

/// A series of levels with the floors of its windows.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    floors: Floors,
    increments: Vec<i64>,
    /// Cycles from one window to the next, at least 1.
    pub cycles: u32,
    /// How far levels wobble: see [`jitter`].
    pub jitter: f64,
}

impl Cut {
    /// Into five windows, or four below ten samples. `positions` are the cycles after which `levels` were read; none when
    /// there are not two windows' first samples.
    pub fn new(positions: &[u32], levels: &[i64]) -> Option<Cut> {
        let windows = if levels.len() < WINDOWS * SAMPLES_MIN {
            WINDOWS_SHORT
        } else {
            WINDOWS
        };
        Cut::into(windows, positions, levels)
    }

    pub(crate) fn into(windows: usize, positions: &[u32], levels: &[i64]) -> Option<Cut> {
        let floors = floors(levels, windows)?;
        let [first, second] = [floors.dropped, floors.dropped + floors.length]
            .map(|index| positions.get(index).copied());
        Some(Cut {
            increments: floors.increments(),
            jitter: jitter(&levels[floors.dropped..], floors.length),
            cycles: second?.saturating_sub(first?).max(1),
            floors,
        })
    }

    /// Windows.
    pub fn windows(&self) -> usize {
        self.floors.floors.len()
    }

    /// Samples in a window.
    pub fn length(&self) -> usize {
        self.floors.length
    }

    /// Samples before the first window.
    pub(crate) fn dropped(&self) -> usize {
        self.floors.dropped
    }

    /// The floor of the last window.
    pub fn last_floor(&self) -> i64 {
        self.floors.floors.last().copied().unwrap_or_default()
    }

    /// Rise from each floor to the next.
    pub(crate) fn increments(&self) -> &[i64] {
        &self.increments
    }

    /// Growth from the first floor to the last.
    pub fn net(&self) -> i64 {
        self.increments.iter().sum()
    }

    /// The smallest rise from a floor to the next.
    pub fn weakest(&self) -> i64 {
        self.increments.iter().min().copied().unwrap_or_default()
    }
}
