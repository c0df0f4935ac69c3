//! A rate of which only k of n trials are known: how far it may be from k/n.

use crate::special::beta_quantile;

/// A rate with its two-sided confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Hits over trials; 0 of no trials.
    pub rate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The exact interval for the rate behind `hits` of `trials` (more hits than trials count as all) at the given
/// `confidence`, between 0 and 1: it covers the true rate at least that often, whatever the rate. Without trials: 0 to 1.
///
/// Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26
/// (1934), through quantiles of the beta distribution.
pub fn clopper_pearson(hits: u64, trials: u64, confidence: f64) -> Rate {
    if trials == 0 {
        return Rate {
            rate: 0.0,
            low: 0.0,
            high: 1.0,
        };
    }
    let (k, n) = (hits.min(trials) as f64, trials as f64);
    let tail = (1.0 - confidence.clamp(0.0, 1.0)) / 2.0;
    Rate {
        rate: k / n,
        low: if k == 0.0 {
            0.0
        } else {
            beta_quantile(tail, k, n - k + 1.0)
        },
        high: if k == n {
            1.0
        } else {
            beta_quantile(1.0 - tail, k + 1.0, n - k)
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(found: f64, printed: f64) {
        assert!((found - printed).abs() < 5e-5, "{found} is not {printed}");
    }

    #[test]
    fn the_printed_intervals_are_found() {
        // 95 %: Diem and Lentner, *Scientific Tables* (1970), in per cent to two places.
        for (hits, trials, low, high) in [
            (0, 10, 0.0, 0.3085),
            (1, 10, 0.0025, 0.4450),
            (5, 10, 0.1871, 0.8129),
            (10, 10, 0.6915, 1.0),
            (0, 100, 0.0, 0.0362),
            (50, 100, 0.3983, 0.6017),
        ] {
            let found = clopper_pearson(hits, trials, 0.95);
            close(found.low, low);
            close(found.high, high);
        }
    }

    #[test]
    fn none_and_all_of_many_have_a_closed_form() {
        let none = clopper_pearson(0, 10_000, 0.95);
        assert_eq!(none.low, 0.0);
        assert!((none.high - (1.0 - 0.025f64.powf(1e-4))).abs() < 1e-12);
        let all = clopper_pearson(10_000, 10_000, 0.95);
        assert_eq!(all.high, 1.0);
        assert!((all.low - 0.025f64.powf(1e-4)).abs() < 1e-12);
        let nothing = clopper_pearson(0, 0, 0.95);
        assert_eq!((nothing.low, nothing.high), (0.0, 1.0));
    }

    /// Chance of at most `hits`, summed term by term.
    fn at_most(hits: u64, trials: u64, rate: f64) -> f64 {
        let mut ln_term = trials as f64 * (-rate).ln_1p();
        let mut sum = ln_term.exp();
        for k in 1..=hits {
            ln_term += ((trials - k + 1) as f64 / k as f64).ln() + (rate / (1.0 - rate)).ln();
            sum += ln_term.exp();
        }
        sum
    }

    proptest! {
        #[test]
        fn each_end_leaves_half_of_the_error_beyond_it(trials in 1u64..10_000, share in 0.0f64..1.0) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the trials")]
            let hits = (share * trials as f64) as u64;
            let found = clopper_pearson(hits, trials, 0.95);
            prop_assert!(found.low <= found.rate && found.rate <= found.high);
            if hits < trials {
                prop_assert!((at_most(hits, trials, found.high) - 0.025).abs() < 1e-6);
            }
            if hits > 0 {
                prop_assert!((at_most(hits - 1, trials, found.low) - 0.975).abs() < 1e-6);
            }
        }

        #[test]
        fn hits_and_misses_mirror_each_other(trials in 1u64..500, hits in 0u64..500) {
            let hits = hits.min(trials);
            let (one, other) = (clopper_pearson(hits, trials, 0.99), clopper_pearson(trials - hits, trials, 0.99));
            prop_assert!((one.low - (1.0 - other.high)).abs() < 1e-9);
            prop_assert!((one.high - (1.0 - other.low)).abs() < 1e-9);
        }
    }
}
