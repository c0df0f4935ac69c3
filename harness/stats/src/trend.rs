//! How fast values rise: rank-based, so no distribution is assumed.

use crate::centre::median;

/// More points than this are thinned evenly before pairs are formed: there are half a million pairs of a thousand.
pub const POINTS_MAX: usize = 1_000;

/// A slope per unit of `x`, with its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// The estimate.
    pub slope: f64,
    /// Lower end of the two-sided 95 % interval.
    pub low: f64,
    /// Upper end of the two-sided 95 % interval.
    pub high: f64,
}

/// The median slope over all pairs of points `(x, y)`; none of fewer than two distinct `x`.
///
/// The interval comes from the ranks of the pairwise slopes by the normal approximation of Kendall's S, without a
/// correction for ties (which makes it wider, never narrower).
/// Theil (1950); Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 63 (1968).
pub fn theil_sen(points: &[(f64, f64)]) -> Option<Slope> {
    const Z_975: f64 = 1.959_964;
    let points = thinned(points);
    let mut slopes = pairwise(&points);
    let slope = median(&slopes)?;
    slopes.sort_by(f64::total_cmp);
    let spread = Z_975 * variance_of_s(points.len()).sqrt();
    let last = slopes.len() - 1;
    let rank = |position: f64| slopes[index_within(position, last)];
    let pairs = slopes.len() as f64;
    Some(Slope {
        slope,
        low: rank(((pairs - spread) / 2.0).floor() - 1.0),
        high: rank(((pairs + spread) / 2.0).ceil()),
    })
}

/// The estimate of [`theil_sen`] alone, which is found without sorting.
pub(crate) fn median_slope(points: &[(f64, f64)]) -> Option<f64> {
    median(&pairwise(&thinned(points)))
}

/// The slopes between all pairs of points at different `x`.
fn pairwise(points: &[(f64, f64)]) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(points.len() * points.len().saturating_sub(1) / 2);
    for (index, from) in points.iter().enumerate() {
        for to in &points[index + 1..] {
            if to.0 != from.0 {
                slopes.push((to.1 - from.1) / (to.0 - from.0));
            }
        }
    }
    slopes
}

/// Variance of Kendall's S of `count` values without ties.
fn variance_of_s(count: usize) -> f64 {
    let n = count as f64;
    n * (n - 1.0) * (2.0 * n + 5.0) / 18.0
}

/// At most [`POINTS_MAX`] of the points, evenly taken, the first among them.
fn thinned<T: Copy>(points: &[T]) -> Vec<T> {
    let every = points.len().div_ceil(POINTS_MAX).max(1);
    points.iter().step_by(every).copied().collect()
}

/// `position` as an index from 0 to `last`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to an index first"
)]
fn index_within(position: f64, last: usize) -> usize {
    position.clamp(0.0, last as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn over_cycles(values: &[f64]) -> Vec<(f64, f64)> {
        values
            .iter()
            .enumerate()
            .map(|(cycle, &value)| (cycle as f64, value))
            .collect()
    }

    #[test]
    fn a_line_is_found_through_outliers() {
        let mut values: Vec<f64> = (0..31)
            .map(|cycle| 100.0 + 16.0 * f64::from(cycle))
            .collect();
        values[5] = 1e6;
        values[20] = -1e6;
        let slope = theil_sen(&over_cycles(&values)).unwrap();
        assert_eq!(slope.slope, 16.0);
        assert!(slope.low <= 16.0 && 16.0 <= slope.high);
        assert!(slope.low > 10.0 && slope.high < 22.0, "{slope:?}");
    }

    #[test]
    fn a_slope_needs_two_cycles() {
        assert_eq!(theil_sen(&[]), None);
        assert_eq!(theil_sen(&[(1.0, 5.0), (1.0, 6.0)]), None);
    }

    #[test]
    fn a_long_series_is_thinned_and_still_read() {
        let values: Vec<f64> = (0..20_000).map(|cycle| 3.0 * f64::from(cycle)).collect();
        assert_eq!(theil_sen(&over_cycles(&values)).unwrap().slope, 3.0);
    }

    fn levels() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec((-100_000i32..100_000).prop_map(f64::from), 2..40)
    }

    proptest! {
        #[test]
        fn a_slope_ignores_a_shift_and_follows_a_scale(values in levels(), shift in -1000i32..1000, power in 0i32..6) {
            let scale = 2f64.powi(power);
            let moved: Vec<f64> = values.iter().map(|v| v * scale + f64::from(shift)).collect();
            let (before, after) = (theil_sen(&over_cycles(&values)).unwrap(), theil_sen(&over_cycles(&moved)).unwrap());
            prop_assert_eq!(after.slope, before.slope * scale);
            prop_assert_eq!(after.low, before.low * scale);
            prop_assert_eq!(after.high, before.high * scale);
            prop_assert!(before.low <= before.slope && before.slope <= before.high);
        }

        #[test]
        fn constants_have_no_slope(value in -1e9f64..1e9, count in 2usize..40) {
            let values = vec![value; count];
            prop_assert_eq!(theil_sen(&over_cycles(&values)), Some(Slope { slope: 0.0, low: 0.0, high: 0.0 }));
        }

        #[test]
        fn a_series_backwards_has_the_opposite_slope(values in levels()) {
            let mut backwards = values.clone();
            backwards.reverse();
            let (forth, back) = (theil_sen(&over_cycles(&values)).unwrap(), theil_sen(&over_cycles(&backwards)).unwrap());
            prop_assert_eq!(back.slope, -forth.slope);
        }
    }
}
