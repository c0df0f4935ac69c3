//! Series whose shape is known.

use super::*;
use proptest::prelude::*;

/// What one look of four may spend of one gate of ten in a run that may be wrong once in a hundred.
const RULE: GrowthRule = GrowthRule {
    limit: 0,
    alpha: 2.5e-4,
};

fn over(cycles: u32, level_at: impl Fn(i64) -> i64) -> Growth {
    let positions: Vec<u32> = (0..=cycles).collect();
    let levels: Vec<i64> = positions
        .iter()
        .map(|&at| level_at(i64::from(at)))
        .collect();
    growth(&positions, &levels, &RULE).unwrap()
}

/// Independent values from 0 up to `width`, excluded: splitmix64 (Steele, Lea and Flood 2014).
fn noise(seed: u64, cycle: i64, width: u64) -> i64 {
    let mut z = seed.wrapping_add((cycle.unsigned_abs() + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    i64::try_from((z ^ (z >> 31)) % width).unwrap()
}

#[test]
fn so_many_windows_that_chance_orders_them_no_more_often_than_allowed() {
    for (alpha, windows) in [
        (1.0, 5),
        (1.0 / 120.0, 5),
        (0.001, 7),
        (2.5e-4, 7),
        (1e-4, 8),
        (0.0, 20),
    ] {
        assert_eq!(windows_needed(alpha), windows, "{alpha}");
    }
}

#[test]
fn one_byte_per_cycle_without_noise_is_a_leak_as_soon_as_chance_does_not_repeat_it_so_often() {
    // Six values in a row have a chance of 6^-6, below this look's 2.5e-4; five have one above it.
    for cycles in [6, 9, 31, 200] {
        assert_eq!(over(cycles, |cycle| cycle).shape, Shape::Leak, "{cycles}");
    }
    assert_eq!(over(5, |cycle| cycle).shape, Shape::Unclear);
    assert_eq!(growth(&[0, 1, 2], &[0, 1, 2], &RULE), None);
}

#[test]
fn increments_put_in_place_of_steps_are_no_evidence() {
    let levels = [0, 5_000, 5_016, 5_032, 12_000];
    let found = growth(&[0, 1, 2, 3, 4], &levels, &RULE).unwrap();
    assert_ne!(found.shape, Shape::Leak, "two equal increments are two");
}

#[test]
fn what_the_limit_allows_passes_and_one_byte_more_does_not() {
    let positions: Vec<u32> = (0..=31).collect();
    let levels: Vec<i64> = positions.iter().map(|&at| 16 * i64::from(at)).collect();
    let shape = |limit| {
        growth(&positions, &levels, &GrowthRule { limit, ..RULE })
            .unwrap()
            .shape
    };
    assert_eq!((shape(15), shape(16)), (Shape::Leak, Shape::Flat));
}

#[test]
fn a_leak_of_every_kth_cycle_is_never_over() {
    for period in 1..=10 {
        for cycles in [11, 31, 62, 200] {
            let shape = over(cycles, |cycle| 64 * (cycle / period)).shape;
            assert!(
                matches!(shape, Shape::Leak | Shape::Unclear),
                "every {period} of {cycles}: {shape:?}"
            );
            if i64::from(cycles) >= 6 * period {
                assert_eq!(shape, Shape::Leak, "every {period} of {cycles}");
            }
        }
    }
}

#[test]
fn a_leak_in_noise_is_unclear_until_there_are_enough_cycles() {
    let leaking = |cycles| over(cycles, |cycle| 16 * cycle + noise(1, cycle, 200)).shape;
    assert_eq!(
        [11, 62, 200].map(leaking),
        [Shape::Unclear, Shape::Leak, Shape::Leak]
    );
}

#[test]
fn a_short_noisy_series_is_never_a_leak() {
    for seed in 0..200 {
        let shape = over(12, |cycle| 1_000 * cycle + noise(seed, cycle, 200)).shape;
        assert_eq!(shape, Shape::Unclear, "seed {seed}");
    }
}

#[test]
fn growth_that_slows_down_is_a_warm_up() {
    // Half of what is missing from 1 MiB every 16 cycles.
    let warming = |cycles| over(cycles, |cycle| (1 << 20) - ((1 << 20) >> (cycle / 16))).shape;
    assert_ne!(warming(62), Shape::Leak);
    let bending = |cycles| over(cycles, |cycle| 1_000_000 - 1_000_000 / (1 + cycle)).shape;
    assert_eq!([31, 62, 200].map(bending), [Shape::Unclear; 3]);
}

#[test]
fn innocent_shapes_are_named() {
    assert_eq!(over(31, |_| 5).shape, Shape::Flat);
    assert_eq!(over(31, |cycle| noise(3, cycle, 1024)).shape, Shape::Flat);
    assert_eq!(
        over(31, |cycle| if cycle < 7 { 0 } else { 4096 }).shape,
        Shape::Step
    );
    assert_eq!(over(31, |cycle| 512 * cycle.min(16)).shape, Shape::Fill);
    assert_eq!(over(31, |cycle| 1_000 * (cycle % 8)).shape, Shape::Sawtooth);
}

#[test]
fn a_leak_beside_two_steps_is_caught() {
    let shape = over(31, |cycle| 16 * cycle + 500_000 * (cycle / 9).min(2)).shape;
    assert_eq!(shape, Shape::Leak);
}

#[test]
fn sensitivity_is_the_smallest_leak_that_is_caught() {
    let positions: Vec<u32> = (0..=62).collect();
    let levels: Vec<i64> = positions
        .iter()
        .map(|&at| noise(11, i64::from(at), 200))
        .collect();
    let found = sensitivity(&positions, &levels, &RULE).unwrap();
    let with = |leak: i64| over(62, |cycle| noise(11, cycle, 200) + leak * cycle).shape;
    assert_eq!(with(found), Shape::Leak, "{found}");
    assert_ne!(with(found - 1), Shape::Leak, "{found}");
    assert_eq!(sensitivity(&positions, &[7; 63], &RULE), Some(1));
    // Too short for any.
    assert_eq!(sensitivity(&positions[..9], &levels[..9], &RULE), None);
}

proptest! {
    #[test]
    fn a_shift_does_not_matter_and_a_scale_only_scales(
        levels in prop::collection::vec(-100_000i64..100_000, 5..64), shift in -1_000_000i64..1_000_000, scale in 1i64..64,
    ) {
        let positions: Vec<u32> = (0..).take(levels.len()).collect();
        let moved: Vec<i64> = levels.iter().map(|level| level * scale + shift).collect();
        let (before, after) = (growth(&positions, &levels, &RULE).unwrap(), growth(&positions, &moved, &RULE).unwrap());
        prop_assert_eq!(after.shape, before.shape);
        prop_assert_eq!((after.weakest, after.net), (before.weakest * scale, before.net * scale));
    }

    #[test]
    fn constants_are_flat(level in -1_000_000i64..1_000_000, samples in 4usize..80) {
        let positions: Vec<u32> = (0..).take(samples).collect();
        let found = growth(&positions, &vec![level; samples], &RULE).unwrap();
        prop_assert_eq!((found.shape, found.net, found.jitter), (Shape::Flat, 0, 0.0));
    }

    #[test]
    fn a_leak_backwards_is_none(levels in prop::collection::vec(-100_000i64..100_000, 5..64)) {
        let positions: Vec<u32> = (0..).take(levels.len()).collect();
        let backwards: Vec<i64> = levels.iter().rev().copied().collect();
        let shapes = [&levels, &backwards].map(|levels| growth(&positions, levels, &RULE).unwrap().shape);
        prop_assert!(shapes != [Shape::Leak; 2]);
    }

    #[test]
    fn an_error_too_small_for_the_length_finds_nothing_in_noise(
        step in 0i64..3_000, wobble in prop::collection::vec(0i64..2_000, 32),
    ) {
        // 1e-15 takes 18 windows of two samples, and there are 32.
        prop_assume!(wobble.iter().any(|&level| level != wobble[0]));
        let positions: Vec<u32> = (0..32).collect();
        let levels: Vec<i64> = wobble.iter().zip(0..).map(|(level, at)| level + step * at).collect();
        let found = growth(&positions, &levels, &GrowthRule { alpha: 1e-15, ..RULE }).unwrap();
        prop_assert!(found.shape != Shape::Leak);
    }
}
