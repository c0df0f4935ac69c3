//! Straight lines through points, whole and with one step allowed.

use std::ops::Add;

/// A cycle and the floor of the resident memory around it, in bytes above the first floor.
pub(super) type Point = (f64, f64);

/// Fewer points than this on one side of a step leave its slope to chance.
const SIDE_POINTS_MIN: usize = 2;

/// Sums of squares and products about the means: all that a least-squares line needs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Sums {
    pub(super) fn of(points: &[Point]) -> Self {
        let count = points.len() as f64;
        let x_mean = points.iter().map(|point| point.0).sum::<f64>() / count;
        let y_mean = points.iter().map(|point| point.1).sum::<f64>() / count;
        points.iter().fold(Self::default(), |sums, (x, y)| Self {
            xx: sums.xx + (x - x_mean) * (x - x_mean),
            xy: sums.xy + (x - x_mean) * (y - y_mean),
            yy: sums.yy + (y - y_mean) * (y - y_mean),
        })
    }

    /// What the line leaves unexplained: the sum of squared residuals. Rounding counts as nothing.
    pub(super) fn unexplained(self) -> f64 {
        let rest = self.yy - self.xy * self.xy / self.xx;
        if rest > self.yy * 1e-9 { rest } else { 0.0 }
    }

    /// The slope, and the error that noise of standard deviation `noise` gives it.
    pub(super) fn slope(self, noise: f64) -> Slope {
        Slope {
            estimate: self.xy / self.xx,
            error: noise / self.xx.sqrt(),
        }
    }
}

impl Add for Sums {
    type Output = Self;

    /// Two stretches with one slope and a level each: the model of the analysis of covariance.
    fn add(self, other: Self) -> Self {
        Self {
            xx: self.xx + other.xx,
            xy: self.xy + other.xy,
            yy: self.yy + other.yy,
        }
    }
}

/// A slope in bytes per cycle, with its standard error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slope {
    pub(super) estimate: f64,
    pub(super) error: f64,
}

impl Slope {
    /// Its lower bound, `z` standard errors down.
    pub(super) fn low(self, z: f64) -> f64 {
        self.estimate - z * self.error
    }

    /// Its upper bound, `z` standard errors up.
    pub(super) fn high(self, z: f64) -> f64 {
        self.estimate + z * self.error
    }
}

/// The slope of `points` without their largest step: of all ways to allow one step (and of none), the one that leaves the
/// lowest lower bound. A series that stepped once has none left; one that grows keeps it.
pub(super) fn without_step(points: &[Point], noise: f64, z: f64) -> Slope {
    let whole = Sums::of(points).slope(noise);
    (SIDE_POINTS_MIN..=points.len().saturating_sub(SIDE_POINTS_MIN))
        .map(|at| (Sums::of(&points[..at]) + Sums::of(&points[at..])).slope(noise))
        .fold(whole, |weakest, slope| {
            if slope.low(z) < weakest.low(z) {
                slope
            } else {
                weakest
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(level_at: impl Fn(i32) -> f64) -> Vec<Point> {
        (0..40).map(|x| (f64::from(x), level_at(x))).collect()
    }

    #[test]
    fn a_line_keeps_its_slope_and_a_step_leaves_none() {
        let line = points(|x| 7.0 * f64::from(x));
        assert!((without_step(&line, 0.0, 3.0).estimate - 7.0).abs() < 1e-9);
        assert_eq!(Sums::of(&line).unexplained(), 0.0);
        let step = points(|x| if x < 17 { 0.0 } else { 1000.0 });
        assert!(Sums::of(&step).slope(0.0).estimate > 30.0);
        assert!(without_step(&step, 0.0, 3.0).estimate.abs() < 1e-9);
    }

    #[test]
    fn noise_widens_what_a_step_could_hide() {
        let line = points(|x| 7.0 * f64::from(x));
        let (whole, weakest) = (Sums::of(&line).slope(10.0), without_step(&line, 10.0, 3.0));
        assert!(weakest.error > whole.error);
        assert!(weakest.low(3.0) < weakest.estimate && weakest.estimate < weakest.high(3.0));
    }
}
