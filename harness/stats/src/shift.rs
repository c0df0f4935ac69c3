//! How much higher one sample lies than another, with an interval that holds whatever their common shape is.

use crate::centre::median;
use crate::ranks::{RankSum, SAMPLE_MAX};

/// A difference of two samples, the second less the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// The estimate: the median of the differences of all pairs.
    pub estimate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// How much higher the values of `head` lie than those of `base` (at most [`SAMPLE_MAX`] of each are looked at), with an
/// interval that misses the true difference with a chance of at most `error`, half of it at each end. None where so few
/// values could not be so sure: see [`values_needed`].
///
/// The interval is exact, for a difference of place between two distributions of one shape, by the counts of
/// [`crate::ranks`]; ties make it wider, never narrower. Hodges and Lehmann, "Estimates of location based on rank tests",
/// Annals of Mathematical Statistics 34 (1963); Moses, in Walker and Lev, *Statistical Inference* (1953).
pub fn shift(base: &[f64], head: &[f64], error: f64) -> Option<Shift> {
    let (base, head) = (
        &base[..base.len().min(SAMPLE_MAX)],
        &head[..head.len().min(SAMPLE_MAX)],
    );
    let rare = RankSum::new(base.len(), head.len()).rarer_than(error / 2.0);
    let mut differences: Vec<f64> = head
        .iter()
        .flat_map(|head| base.iter().map(move |base| head - base))
        .collect();
    let estimate = median(&differences)?;
    differences.sort_by(f64::total_cmp);
    // The end leaves out as many differences as could lie beyond the truth in so rare a case.
    let low = *differences.get(rare.checked_sub(1)?)?;
    let high = *differences.get(differences.len().checked_sub(rare)?)?;
    Some(Shift {
        estimate,
        low,
        high,
    })
}

/// The fewest values that each of two samples must have for [`shift`] to be sure to `error`; none where more than
/// [`SAMPLE_MAX`] would be needed.
pub fn values_needed(error: f64) -> Option<usize> {
    (1..=SAMPLE_MAX).find(|count| RankSum::new(*count, *count).rarer_than(error / 2.0) > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_published_example_is_met() {
        // Hollander and Wolfe, *Nonparametric Statistical Methods* (1973), example 4.1: permeability constants of the human
        // chorioamnion at term and at 12 to 26 weeks; estimate 0.305, 95.2 % interval -0.10 to 0.80 (their alpha is 0.048).
        let term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        let early = [1.15, 0.88, 0.90, 0.74, 1.21];
        let found = shift(&early, &term, 0.05).unwrap();
        assert!((found.estimate - 0.305).abs() < 1e-9, "{found:?}");
        assert!(
            (found.low + 0.15).abs() < 1e-9 || (found.low + 0.10).abs() < 1e-9,
            "{found:?}"
        );
        assert!(found.high > 0.75 && found.high < 0.9, "{found:?}");
    }

    #[test]
    fn too_few_values_cannot_be_sure() {
        assert_eq!(shift(&[1.0, 1.0, 1.0], &[9.0, 9.0, 9.0], 0.05), None);
        assert_eq!(shift(&[], &[1.0], 0.05), None);
        assert_eq!(values_needed(0.05), Some(4));
        assert_eq!(values_needed(0.0), None);
        for error in [0.05, 0.003, 1e-6] {
            let needed = values_needed(error).unwrap();
            let (low, high) = (vec![1.0; needed], vec![9.0; needed]);
            assert_eq!(shift(&low, &high, error).map(|shift| shift.low), Some(8.0));
            assert_eq!(shift(&low[1..], &high[1..], error), None);
        }
    }

    /// Every way to call `n` of these values the base, and the rest the head.
    fn every_labelling(values: &[f64], n: usize) -> Vec<(Vec<f64>, Vec<f64>)> {
        (0u32..1 << values.len())
            .filter(|mask| mask.count_ones() as usize == n)
            .map(|mask| {
                let (mut base, mut head) = (Vec::new(), Vec::new());
                for (place, value) in values.iter().enumerate() {
                    match mask >> place & 1 {
                        1 => base.push(*value),
                        _ => head.push(*value),
                    }
                }
                (base, head)
            })
            .collect()
    }

    fn levels(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec((0i32..12).prop_map(f64::from), count)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The chance of an alarm where nothing differs, counted over everything that labels could do; with ties.
        #[test]
        fn a_binary_against_itself_is_called_different_no_oftener_than_stated(values in levels(8..11), error in 0.01f64..0.3) {
            let all = every_labelling(&values, values.len() / 2);
            let called = |high: bool| {
                let is = |(base, head): &&(Vec<f64>, Vec<f64>)| {
                    let found = shift(base, head, error);
                    found.is_some_and(|shift| if high { shift.low > 0.0 } else { shift.high < 0.0 })
                };
                all.iter().filter(is).count() as f64 / all.len() as f64
            };
            prop_assert!(called(true) <= error / 2.0 + 1e-12);
            prop_assert!(called(false) <= error / 2.0 + 1e-12);
        }
    }

    proptest! {
        #[test]
        fn it_follows_a_shift_and_a_scale(base in levels(4..12), head in levels(4..12), by in -50i32..50, power in 0i32..5) {
            let (by, scale) = (f64::from(by), 2f64.powi(power));
            let moved: Vec<f64> = head.iter().map(|value| value + by).collect();
            let scaled = |values: &[f64]| values.iter().map(|value| value * scale).collect::<Vec<_>>();
            let before = shift(&base, &head, 0.05).unwrap();
            let after = shift(&base, &moved, 0.05).unwrap();
            prop_assert_eq!(after, Shift { estimate: before.estimate + by, low: before.low + by, high: before.high + by });
            let larger = shift(&scaled(&base), &scaled(&head), 0.05).unwrap();
            prop_assert_eq!(larger, Shift { estimate: before.estimate * scale, low: before.low * scale, high: before.high * scale });
            prop_assert!(before.low <= before.estimate && before.estimate <= before.high);
        }

        #[test]
        fn the_other_way_round_it_is_the_opposite(base in levels(4..12), head in levels(4..12)) {
            let (there, back) = (shift(&base, &head, 0.05).unwrap(), shift(&head, &base, 0.05).unwrap());
            prop_assert_eq!((back.estimate, back.low, back.high), (-there.estimate, -there.high, -there.low));
        }

        #[test]
        fn more_certainty_is_never_narrower(base in levels(6..12), head in levels(6..12)) {
            let (sure, surer) = (shift(&base, &head, 0.1).unwrap(), shift(&base, &head, 0.01).unwrap());
            prop_assert!(surer.low <= sure.low && sure.high <= surer.high);
        }
    }
}
