//! Noise in rising order, and how seldom that happens.
//!
//! Floors of windows of the same length over exchangeable noise are exchangeable, so each of the W! orders of W floors
//! is equally likely, and the strictly rising one comes with a chance of 1/W!, or less where floors tie. No distribution
//! is assumed. (The same argument gives the records of a series: Renyi 1962; Foster and Stuart, J. R. Stat. Soc. B 16,
//! 1954. CPython's reference-leak hunter asks for a rise in every repetition likewise.)

use crate::cut::{Cut, SAMPLES_MIN, WINDOWS};

/// Nobody spends less than 1/20!.
const WINDOWS_MAX: usize = 20;

/// The chance of `windows` floors of exchangeable noise in strictly rising order, at most: 1 / `windows`!.
pub(super) fn chance(windows: usize) -> f64 {
    (1..=windows).fold(1.0, |chance, k| chance / k as f64)
}

/// The windows that a series must rise in for noise to do so with a chance of at most `alpha`; at least five.
pub fn windows_needed(alpha: f64) -> usize {
    (WINDOWS..WINDOWS_MAX)
        .find(|&windows| chance(windows) <= alpha)
        .unwrap_or(WINDOWS_MAX)
}

/// The series in `windows` windows of at least two samples, if each floor stands above the one before.
pub(super) fn in_rising_order(positions: &[u32], levels: &[i64], windows: usize) -> Option<Cut> {
    if levels.len() < windows * SAMPLES_MIN {
        return None;
    }
    Cut::into(windows, positions, levels).filter(|cut| cut.weakest() > 0)
}

/// Whether what the weakest window supports, over all of them, exceeds the jitter.
pub(super) fn stands_out(cut: &Cut) -> bool {
    let supported = cut.increments().len() as f64 * cut.weakest() as f64;
    supported > cut.jitter
}
