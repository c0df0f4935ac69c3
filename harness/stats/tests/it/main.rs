//! A miniature of the study: a rule that is worse than its documentation turns this red.

#[path = "../../examples/study/models.rs"]
mod models;
#[path = "../../examples/study/trial.rs"]
mod trial;

use leakgate_stats::GrowthRule;
use models::{Noise, Schedule};
use trial::{Tally, tally};

const SEED: u64 = 31;
const RULE: GrowthRule = GrowthRule {
    limit: 0,
    alpha: 2.5e-4,
};

fn innocent(noise: Noise) -> Tally {
    tally(noise, (0, Schedule::Steady), SEED, 200, &RULE)
}

#[test]
fn noise_is_not_called_a_leak() {
    for noise in [
        Noise::White(1024.0),
        Noise::Uniform(200),
        Noise::Autoregressive(0.9),
        Noise::Autoregressive(0.97),
        Noise::HeavyTailed,
        Noise::Sawtooth(13),
        Noise::Steps(3, 0.0),
        Noise::Steps(3, 100.0),
        Noise::Exponential([3.0, 40.0], 100.0),
        Noise::Exponential([3.0, 40.0], 1024.0),
        Noise::Logarithmic(1024.0),
        Noise::Fill([4, 16]),
        Noise::Coupons([8, 40]),
        Noise::FreeList,
    ] {
        let found = innocent(noise);
        assert_eq!(found.sequential_leaks, 0, "{noise:?}: {found:?}");
    }
}

#[test]
fn noise_that_is_over_is_not_left_unclear() {
    for noise in [
        Noise::White(100.0),
        Noise::Autoregressive(0.9),
        Noise::Sawtooth(8),
        Noise::Steps(2, 0.0),
    ] {
        let found = innocent(noise);
        assert_eq!(found.sequential_unclear, 0, "{noise:?}: {found:?}");
    }
}

#[test]
fn a_random_walk_is_seldom_called_a_leak() {
    let found = innocent(Noise::Walk);
    assert!(found.sequential_leaks <= 4, "above 2 %: {found:?}");
}

#[test]
fn sixteen_bytes_per_cycle_within_jitter_of_200_are_caught() {
    let found = tally(
        Noise::Uniform(200),
        (16, Schedule::Steady),
        SEED,
        200,
        &RULE,
    );
    assert!(found.sequential_leaks >= 198, "below 99 %: {found:?}");
}

#[test]
fn leaks_that_do_not_show_in_every_cycle_are_caught() {
    for schedule in [Schedule::Every(5), Schedule::Coin] {
        let found = tally(Noise::Uniform(200), (256, schedule), SEED, 100, &RULE);
        assert!(
            found.sequential_leaks >= 98,
            "below 98 %: {schedule:?}: {found:?}"
        );
    }
}
