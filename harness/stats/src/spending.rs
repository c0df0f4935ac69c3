//! How often a run may be wrong, and how that is shared out among its gates and their looks.
//!
//! Each gate that is statistical may raise a false alarm, at each of its looks. By Bonferroni's inequality (Bonferroni
//! 1936; Dunn, JASA 56, 1961) the chance of any is at most the sum of the chances, however gates and looks depend on each
//! other. So the run's budget is divided by the gates, and a gate's by its looks: the weights are equal. Lan and DeMets,
//! "Discrete sequential boundaries for clinical trials", Biometrika 70 (1983), spend less early and use how looks
//! correlate, which needs a known joint distribution; the looks of a rank rule have none. Unequal weights would gain
//! nothing either: the rule's error falls in factorials, so half of a share seldom changes a window.

/// The chance of any false alarm in a run, to be shared out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    run: f64,
    gates: u32,
}

impl Budget {
    /// `run` is the chance that a run may have of any false alarm, taken into 0 to 1; `gates` are the statistical gates of
    /// all its scenarios, at least one.
    pub fn new(run: f64, gates: u32) -> Budget {
        Budget {
            run: if run.is_nan() {
                0.0
            } else {
                run.clamp(0.0, 1.0)
            },
            gates: gates.max(1),
        }
    }

    /// What one gate may spend over all its looks.
    pub fn per_gate(&self) -> f64 {
        self.run / f64::from(self.gates)
    }

    /// What one gate may spend at each of its planned `looks`, of which there is at least one. Looks that are not taken
    /// are not given back: they were planned, so they count.
    pub fn per_look(&self, looks: u32) -> f64 {
        self.per_gate() / f64::from(looks.max(1))
    }
}

/// The numbers of measured cycles after which a series is judged: `measure`, doubled until `max`, which is the last. A
/// look that would leave less than a quarter of `max` to the last one is not taken: it spends, and tells next to nothing
/// that the last one does not. `measure` counts as at least 1 and `max` as at least `measure`.
pub fn looks(measure: u32, max: u32) -> Vec<u32> {
    let measure = measure.max(1);
    let max = max.max(measure);
    let mut looks = vec![measure];
    let mut next = measure.saturating_mul(2);
    while next < max && max - next >= max / 4 {
        looks.push(next);
        next = next.saturating_mul(2);
    }
    if measure < max {
        looks.push(max);
    }
    looks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_schedule_doubles_up_to_its_end() {
        assert_eq!(looks(31, 200), [31, 62, 124, 200]);
        assert_eq!(looks(31, 63), [31, 63]);
        assert_eq!(looks(200, 200), [200]);
        assert_eq!(looks(31, 0), [31]);
        assert_eq!(looks(0, 0), [1]);
    }

    proptest! {
        #[test]
        fn gates_and_looks_together_never_spend_more_than_the_budget(
            run in 0.0f64..1.0, gates in 1u32..100, measure in 1u32..500, more in 0u32..5_000,
        ) {
            let budget = Budget::new(run, gates);
            let looks = u32::try_from(looks(measure, measure + more).len()).unwrap();
            let spent: f64 = (0..gates * looks).map(|_| budget.per_look(looks)).sum();
            // Beyond the rounding of the additions themselves.
            prop_assert!(spent <= run * (1.0 + 1e-12));
        }

        #[test]
        fn looks_ascend_from_the_first_to_the_last(measure in 0u32..100_000, max in 0u32..u32::MAX) {
            let looks = looks(measure, max);
            prop_assert_eq!(looks[0], measure.max(1));
            prop_assert_eq!(*looks.last().unwrap(), max.max(measure).max(1));
            prop_assert!(looks.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
