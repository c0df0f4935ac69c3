//! The rank sum of two samples: how its chance is counted, whatever the distribution that both come from.
//!
//! Of `first` and `second` values in one order, `U` is the number of pairs in which the second is not above the first. Where
//! both come from one continuous distribution and are independent, every interleaving is as likely as every other, and the
//! chance of a `U` is a count of interleavings. Mann and Whitney, "On a test of whether one of two random variables is
//! stochastically larger than the other", Annals of Mathematical Statistics 18 (1947). A tie counts as a pair against: broken
//! by lot it could only lower `U`, so a stated chance is never too small.

/// More values than this of one sample are not counted exactly in a moment.
pub const SAMPLE_MAX: usize = 100;

/// The chances of a rank sum of two samples of given sizes.
#[derive(Clone, Debug)]
pub(crate) struct RankSum {
    /// The chance of at most so many pairs against, by that number.
    at_most: Vec<f64>,
}

impl RankSum {
    /// Of two samples with so many values, each taken as at most [`SAMPLE_MAX`].
    ///
    /// The numbers of interleavings are the coefficients of a Gaussian binomial, the product of (1 - x^(m + i)) / (1 - x^i)
    /// over i from 1 to n. They rise up to their middle and are symmetric: the lower half is worked out, where differences
    /// lose no digits, and mirrored.
    pub(crate) fn new(first: usize, second: usize) -> RankSum {
        let (n, m) = (first.min(SAMPLE_MAX), second.min(SAMPLE_MAX));
        let pairs = n * m;
        let mut counts = vec![0.0; pairs / 2 + 1];
        counts[0] = 1.0;
        for i in 1..=n {
            for at in (m + i..counts.len()).rev() {
                counts[at] -= counts[at - m - i];
            }
            for at in i..counts.len() {
                counts[at] += counts[at - i];
            }
        }
        let mirrored = |against: usize| counts[against.min(pairs - against)];
        let all: f64 = (0..=pairs).map(mirrored).sum();
        let mut sum = 0.0;
        let at_most = (0..=pairs).map(|against| {
            sum += mirrored(against);
            (sum / all).min(1.0)
        });
        RankSum {
            at_most: at_most.collect(),
        }
    }

    /// The chance of at most `against` pairs.
    pub(crate) fn at_most(&self, against: usize) -> f64 {
        self.at_most.get(against).copied().unwrap_or(1.0)
    }

    /// How many values of `against` there are whose chance, of them or fewer, is at most `error`: 0 where none is so rare.
    pub(crate) fn rarer_than(&self, error: f64) -> usize {
        self.at_most.partition_point(|chance| *chance <= error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The pairs against of every interleaving of `n` and `m` values.
    fn every_interleaving(n: usize, m: usize) -> Vec<usize> {
        let mut found = Vec::new();
        for mask in 0u32..1 << (n + m) {
            if mask.count_ones() as usize != n {
                continue;
            }
            let mut seen = 0;
            let mut against = 0;
            for place in 0..n + m {
                match mask >> place & 1 {
                    1 => against += seen,
                    _ => seen += 1,
                }
            }
            found.push(against);
        }
        found
    }

    #[test]
    fn the_printed_critical_values_are_found() {
        // Mann and Whitney (1947), table I; two-sided 5 %: Siegel, *Nonparametric Statistics* (1956), table K.
        assert!((RankSum::new(4, 4).at_most(0) - 1.0 / 70.0).abs() < 1e-12);
        for (n, m, critical) in [
            (5, 5, 2),
            (8, 8, 13),
            (10, 10, 23),
            (20, 20, 127),
            (8, 12, 22),
        ] {
            assert_eq!(
                RankSum::new(n, m).rarer_than(0.025),
                critical + 1,
                "{n}, {m}"
            );
        }
        assert_eq!(RankSum::new(3, 3).rarer_than(0.025), 0);
    }

    #[test]
    fn the_largest_samples_lose_no_digits_that_matter() {
        let largest = RankSum::new(SAMPLE_MAX, SAMPLE_MAX);
        let middle = largest.at_most(SAMPLE_MAX * SAMPLE_MAX / 2);
        assert!((middle - 0.5).abs() < 1e-3, "{middle}");
        assert!(largest.at_most.is_sorted());
    }

    proptest! {
        #[test]
        fn a_chance_is_a_count_of_interleavings(n in 1usize..6, m in 1usize..6, against in 0usize..30) {
            let all = every_interleaving(n, m);
            let fewer = all.iter().filter(|found| **found <= against).count();
            let chance = RankSum::new(n, m).at_most(against);
            prop_assert!((chance - fewer as f64 / all.len() as f64).abs() < 1e-12);
        }

        #[test]
        fn both_samples_stand_alike(n in 1usize..30, m in 1usize..30, against in 0usize..900) {
            let (one, other) = (RankSum::new(n, m), RankSum::new(m, n));
            prop_assert!((one.at_most(against) - other.at_most(against)).abs() < 1e-9);
        }
    }
}
