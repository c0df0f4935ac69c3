//! Random values that are the same whenever the same cycle of the same run is asked for.
//!
//! A value depends on the seed, the scenario, the variable, the phase and the cycle, and on nothing that ran before:
//! a run that is repeated with `--seed` has the same load in every cycle, whichever of its scenarios are run.

use super::model::At;
use crate::record::event::Phase;
use crate::units::Bytes;

/// What a value is drawn from; both ends can be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Random {
    /// Sizes.
    Bytes(Bytes, Bytes),
    /// Whole numbers.
    Integer(u32, u32),
    /// Durations, milliseconds.
    Duration(u64, u64),
    /// Texts.
    Choice(Vec<String>),
}

impl Random {
    /// The value that `key` draws, as it is written in a scenario.
    pub(super) fn draw(&self, key: u64) -> String {
        match self {
            Random::Bytes(from, to) => format!("{}B", between(key, from.0, to.0)),
            Random::Integer(from, to) => between(key, u64::from(*from), u64::from(*to)).to_string(),
            Random::Duration(from, to) => format!("{}ms", between(key, *from, *to)),
            Random::Choice(texts) => {
                let last = texts.len().saturating_sub(1) as u64;
                let index = usize::try_from(between(key, 0, last)).unwrap_or(0);
                texts.get(index).cloned().unwrap_or_default()
            }
        }
    }

    /// The values between which all others lie: what is right with these is right with any.
    pub(super) fn extremes(&self) -> Vec<String> {
        let mut extremes = match self {
            Random::Bytes(from, to) => vec![format!("{}B", from.0), format!("{}B", to.0)],
            Random::Integer(from, to) => vec![from.to_string(), to.to_string()],
            Random::Duration(from, to) => vec![format!("{from}ms"), format!("{to}ms")],
            Random::Choice(texts) => texts.clone(),
        };
        extremes.dedup();
        extremes
    }
}

/// What a variable's value in a cycle is drawn with.
pub(super) fn key(seed: u64, scenario: &str, variable: &str, at: At) -> u64 {
    let phase = match at.phase {
        Phase::Start => 0,
        Phase::Warmup => 1,
        Phase::Measure => 2,
    };
    let mut state = mix(seed);
    for text in [scenario, variable] {
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        state = mix(state ^ text.len() as u64);
        for byte in text.bytes() {
            state = mix(state ^ u64::from(byte));
        }
    }
    mix(state ^ (phase << 32) ^ u64::from(at.cycle))
}

/// One step of SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number from `from` to `to`, by the high half of a product (Lemire, "Fast Random Integer Generation in an
/// Interval", 2019) without its rejection: the bias is below one in 2^64 divided by the length of the interval.
fn between(key: u64, from: u64, to: u64) -> u64 {
    let length = u128::from(to.saturating_sub(from)) + 1;
    let offset = (u128::from(key) * length) >> 64;
    from + u64::try_from(offset).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        // The first outputs of SplitMix64 with seed 1234567, as in the reference implementation's test vectors.
        let gamma: u64 = 0x9e37_79b9_7f4a_7c15;
        let outputs: Vec<u64> = (0..3_u64)
            .map(|n| mix(1_234_567_u64.wrapping_add(gamma.wrapping_mul(n))))
            .collect();
        assert_eq!(
            outputs,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn everything_that_names_a_value_changes_it() {
        let base = key(1, "scenario", "size", At::measured(1));
        let others = [
            key(2, "scenario", "size", At::measured(1)),
            key(1, "scenarios", "ize", At::measured(1)),
            key(1, "scenario", "sizes", At::measured(1)),
            key(1, "scenario", "size", At::warmup(1)),
            key(1, "scenario", "size", At::measured(2)),
        ];
        assert!(!others.contains(&base));
        assert_eq!(base, key(1, "scenario", "size", At::measured(1)));
    }

    #[test]
    fn every_choice_is_drawn_about_equally_often() {
        let choice = Random::Choice(["a", "b", "c"].map(str::to_owned).into());
        let mut drawn = [0; 3];
        for cycle in 1..=3_000 {
            let text = choice.draw(key(7, "s", "v", At::measured(cycle)));
            drawn["abc".find(&text).unwrap()] += 1;
        }
        // Six standard deviations of a binomial with n = 3000, p = 1/3.
        assert!(
            drawn.iter().all(|&n: &i32| (845..=1155).contains(&n)),
            "{drawn:?}"
        );
    }

    proptest! {
        #[test]
        fn a_number_lies_within_its_interval(key: u64, a: u64, b: u64) {
            let (from, to) = (a.min(b), a.max(b));
            prop_assert!((from..=to).contains(&between(key, from, to)));
            prop_assert_eq!(between(0, from, to), from);
            prop_assert_eq!(between(u64::MAX, from, to), to);
        }
    }
}
