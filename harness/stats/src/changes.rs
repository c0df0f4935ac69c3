//! Where a series of runs changes its level, and stays there: change points, by rank sums.
//!
//! A series is cut in two where the rank sum of both sides is rarest, if it is rare enough among all that were looked at
//! (Bonferroni); then each side by itself. Sides are looked at as far as they go, which sees a late step early, and near by,
//! which sees one that is taken back. What may be spent on false alarms is halved with each depth and shared
//! by length among the parts of one depth, so that all cuts together spend no more than what is given. Binary segmentation:
//! Scott and Knott, "A cluster analysis method for grouping means in the analysis of variance", Biometrics 30 (1974); by
//! ranks: Pettitt, "A non-parametric approach to the change-point problem", Applied Statistics 28 (1979).

use std::collections::HashMap;

use crate::centre::median;
use crate::ranks::{RankSum, SAMPLE_MAX};

/// Values of a series that are looked at, the last ones.
pub const SERIES_MAX: usize = SAMPLE_MAX;

/// How far sides reach: 13 values on each side are the fewest that can be sure where a hundred places and many series share
/// one error.
const REACHES: [usize; 3] = [13, 34, SERIES_MAX];

/// A place where the level changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The index of the first value on the new level, in the series as it was given.
    pub at: usize,
    /// The median of the values before it, back to the change before.
    pub from: f64,
    /// The median of the values from it on, up to the next change.
    pub to: f64,
}

/// Finds change points in series of the same or similar lengths; what is counted for one is kept for the next.
#[derive(Debug, Default)]
pub struct ChangeFinder {
    counted: HashMap<(usize, usize), RankSum>,
}

impl ChangeFinder {
    /// The change points of `values` (of the last [`SERIES_MAX`] of them), in order. Where every value comes from one
    /// distribution and they are independent, there is any with a chance of at most `error`.
    pub fn changes(&mut self, values: &[f64], error: f64) -> Vec<Change> {
        let skipped = values.len().saturating_sub(SERIES_MAX);
        let values = &values[skipped..];
        let mut cuts = Vec::new();
        // What is left to be cut: where it begins and ends, and how deep it lies.
        let mut parts = vec![(0, values.len(), 1)];
        while let Some((begin, end, depth)) = parts.pop() {
            let part = &values[begin..end];
            let share = part.len() as f64 / values.len().max(1) as f64;
            if let Some(at) = self.cut(part, error * share * 0.5f64.powi(depth)) {
                let at = begin + at;
                cuts.push(at);
                parts.extend([(begin, at, depth + 1), (at, end, depth + 1)]);
            }
        }
        cuts.sort_unstable();
        let ends: Vec<usize> = [0].into_iter().chain(cuts).chain([values.len()]).collect();
        let level = |begin: usize, end: usize| median(&values[begin..end]).unwrap_or(0.0);
        ends.windows(3)
            .map(|ends| Change {
                at: skipped + ends[1],
                from: level(ends[0], ends[1]),
                to: level(ends[1], ends[2]),
            })
            .collect()
    }

    /// Where the two sides differ most, if that is rare enough.
    fn cut(&mut self, values: &[f64], error: f64) -> Option<usize> {
        let places = values.len().saturating_sub(1);
        let each = error / (places * REACHES.len()).max(1) as f64;
        let chances = (1..values.len()).flat_map(|at| REACHES.map(|reach| (at, reach)));
        let rarest = chances
            .map(|(at, reach)| {
                let (before, after) = values.split_at(at);
                let before = &before[before.len().saturating_sub(reach)..];
                let after = &after[..after.len().min(reach)];
                // Ranks alone may not tell two places apart: then the larger step is the likelier one.
                (self.chance(before, after), -step(before, after), at)
            })
            .min_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)))?;
        (rarest.0 <= each).then_some(rarest.2)
    }

    /// How likely two samples of one distribution would stand so far apart, one way or the other.
    fn chance(&mut self, before: &[f64], after: &[f64]) -> f64 {
        let pairs = || {
            before
                .iter()
                .flat_map(|b| after.iter().map(move |a| (b, a)))
        };
        let up = pairs().filter(|(before, after)| after <= before).count();
        let down = pairs().filter(|(before, after)| after >= before).count();
        let counted = self
            .counted
            .entry((before.len(), after.len()))
            .or_insert_with(|| RankSum::new(before.len(), after.len()));
        2.0 * counted.at_most(up.min(down))
    }
}

/// How far the means of two samples lie apart.
fn step(before: &[f64], after: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    (mean(after) - mean(before)).abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn changes(values: &[f64], error: f64) -> Vec<Change> {
        ChangeFinder::default().changes(values, error)
    }

    /// Values that wander without a level: a fixed sequence that looks random.
    fn noise(count: usize, seed: u64) -> Vec<f64> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        (0..count)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 11) as f64 / 2f64.powi(53)
            })
            .collect()
    }

    #[test]
    fn a_step_is_found_where_it_is() {
        let mut values = noise(30, 7);
        for value in &mut values[19..] {
            *value += 3.0;
        }
        let found = changes(&values, 0.001);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].at, 19);
        assert!(found[0].to - found[0].from > 2.0, "{found:?}");
    }

    /// The first two values on the new level are the lowest there: by ranks, 16 is as good a place as 14.
    #[test]
    fn of_places_that_ranks_do_not_tell_apart_the_larger_step_is_taken() {
        let mut values = noise(30, 936);
        for value in &mut values[14..] {
            *value += 5.0;
        }
        assert_eq!(changes(&values, 0.01)[0].at, 14);
        values.reverse();
        assert_eq!(changes(&values, 0.01)[0].at, 16);
    }

    #[test]
    fn a_step_and_its_end_are_two_and_a_value_by_itself_is_none() {
        let mut values = vec![5.0; 60];
        values[25..45].fill(9.0);
        let at: Vec<usize> = changes(&values, 0.001).iter().map(|c| c.at).collect();
        assert_eq!(at, [25, 45]);
        let mut alone = noise(40, 3);
        alone[20] = 1e9;
        assert_eq!(changes(&alone, 0.05), []);
    }

    #[test]
    fn with_sixty_runs_before_it_a_clean_step_shows_in_the_fifth_after_it() {
        let shows = |after: usize| {
            let mut values = noise(60, 11);
            values.extend(noise(after, 12).iter().map(|value| value + 2.0));
            !changes(&values, 4e-4).is_empty()
        };
        assert!(!shows(4));
        assert!(shows(5));
    }

    #[test]
    fn only_the_end_of_a_long_series_is_looked_at_and_its_places_stay() {
        let mut values = vec![1.0; 500];
        values[450..].fill(2.0);
        values[..100].fill(7.0);
        let found = changes(&values, 0.01);
        assert_eq!(found.iter().map(|c| c.at).collect::<Vec<_>>(), [450]);
    }

    /// Series without a change: counted, not argued. 2,000 of them at 5 % leave 100 alarms, give or take 20.
    #[test]
    fn series_without_a_change_are_called_changed_no_oftener_than_stated() {
        let mut finder = ChangeFinder::default();
        for length in [8, 30] {
            let alarms = (0..2_000)
                .filter(|seed| !finder.changes(&noise(length, seed + 1), 0.05).is_empty())
                .count();
            assert!(alarms <= 130, "{alarms} of 2000 at {length} runs");
        }
    }

    proptest! {
        #[test]
        fn constants_and_what_rises_once_and_falls_back_have_no_change(value in -1e9f64..1e9, count in 0usize..120) {
            prop_assert_eq!(changes(&vec![value; count], 0.5), []);
        }

        #[test]
        fn backwards_a_change_is_at_the_same_place(seed in 1u64..1000, at in 8usize..22) {
            let mut values = noise(30, seed);
            for value in &mut values[at..] {
                *value += 5.0;
            }
            let forth: Vec<usize> = changes(&values, 0.01).iter().map(|c| c.at).collect();
            values.reverse();
            let back: Vec<usize> = changes(&values, 0.01).iter().map(|c| 30 - c.at).rev().collect();
            prop_assert_eq!(forth, back);
        }
    }
}
