//! Where the warm-up of a finished series of resident memory ends.

use super::line::{Point, Sums};

/// The warm-up is at most a quarter of what is judged: a longer one leaves too little to tell growth by.
const PART_MAX: usize = 4;

/// A shorter rest must be explained better by more than this factor, or nothing is gained by leaving points out.
const GAIN_MIN: f64 = 0.999;

/// How many of the first points belong to the warm-up.
///
/// MSER (White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69, 1997) leaves out
/// the first points such that the squared standard error of the rest's mean is least. The steady state of a leak is a line,
/// not a mean: here the rest's residuals about *its* line are counted, so a leak is no endless warm-up.
pub(super) fn warmup_points(points: &[Point]) -> usize {
    let spread = |left_out: usize| {
        let rest = &points[left_out..];
        Sums::of(rest).unexplained() / (rest.len() as f64).powi(2)
    };
    let mut best = (0, spread(0));
    for left_out in 1..=points.len() / PART_MAX {
        let found = spread(left_out);
        if found < best.1 * GAIN_MIN {
            best = (left_out, found);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(level_at: impl Fn(f64) -> f64) -> usize {
        let points: Vec<Point> = (0..40)
            .map(|x| (f64::from(x), level_at(f64::from(x))))
            .collect();
        warmup_points(&points)
    }

    #[test]
    fn a_line_has_no_warm_up_whatever_its_slope() {
        assert_eq!(found(|_| 5.0), 0);
        assert_eq!(found(|x| 640.0 * x), 0);
    }

    #[test]
    fn a_steep_start_is_left_out_with_and_without_a_leak() {
        for leak in [0.0, 3.0] {
            let warmup = found(|x| leak * x + 100.0 * (1.0 - (-x).exp()));
            assert!((3..=10).contains(&warmup), "{warmup}");
        }
        assert_eq!(found(|x| 50.0 * x.min(7.0)), 7);
    }
}
