//! How far floors of resident memory wander without growing.

use super::line::Point;

/// How many blocks apart floors are compared: noise with a memory falls further the longer one waits.
const LAGS: [usize; 3] = [1, 2, 4];

/// The standard deviation that a line's error is computed with: of independent noise that would mislead as much.
///
/// Only *falls* count, as they do for live heap: what rises and stays (a leak, a step, a fill) is not noise. Half the mean
/// squared difference of symmetric noise is its variance, and half of that difference are falls, so the mean squared fall
/// estimates the variance. Over longer lags it grows by as much as the noise remembers; with the correlation of a
/// first-order process the variance of a mean is larger by `(1 + r) / (1 - r)` (Bartlett, "Some aspects of the
/// time-correlation problem in regard to tests of significance", JRSS 98, 1935). At least two independent points are
/// always granted.
pub(super) fn noise(points: &[Point]) -> f64 {
    let fallen = LAGS.map(|lag| mean_squared_fall(points, lag));
    let variance = fallen.into_iter().fold(0.0, f64::max);
    if variance == 0.0 {
        return 0.0;
    }
    let remembered = 1.0 - fallen[0] / variance;
    let points_per_independent = if remembered < 1.0 {
        (1.0 + remembered) / (1.0 - remembered)
    } else {
        f64::INFINITY
    };
    let inflation = points_per_independent.min(points.len() as f64 / 2.0);
    (variance * inflation).sqrt()
}

fn mean_squared_fall(points: &[Point], lag: usize) -> f64 {
    let pairs = points.len().saturating_sub(lag).max(1);
    let squares: f64 = points
        .iter()
        .zip(points.iter().skip(lag))
        .map(|(before, after)| (before.1 - after.1).max(0.0).powi(2))
        .sum();
    squares / pairs as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(levels: &[f64]) -> Vec<Point> {
        levels.iter().map(|&level| (0.0, level)).collect()
    }

    #[test]
    fn what_only_rises_is_not_noise() {
        assert_eq!(noise(&points(&[0.0, 1.0, 1.0, 50.0, 50.0, 60.0])), 0.0);
    }

    #[test]
    fn slow_noise_counts_for_more_than_fast_noise_of_the_same_width() {
        let fast: Vec<f64> = (0..40).map(|at| f64::from(at % 2) * 10.0).collect();
        let slow: Vec<f64> = (0..40).map(|at| f64::from((at / 8) % 2) * 10.0).collect();
        assert!(noise(&points(&slow)) > 1.5 * noise(&points(&fast)));
    }
}
