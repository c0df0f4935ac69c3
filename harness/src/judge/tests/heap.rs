//! Growth of the live heap: what is a leak, what only looks like one, and how little is seen.

use proptest::prelude::*;

use super::recording::{LIVE, ScenarioBuilder};
use super::{gate, judged};
use crate::judge::{Amount, GateVerdict, JudgedGate};
use crate::scenario::Metric;

/// `heap.per_cycle` on live bytes above the daemon at rest, by cycle from the baseline (0) on.
fn heap(cycles: u32, above: impl Fn(u32) -> u64 + 'static) -> JudgedGate {
    let verdict = judged(&ScenarioBuilder::clean("heap", cycles).heap(above).alone());
    gate(&verdict, Metric::HeapPerCycle).clone()
}

#[test]
fn one_block_of_16_bytes_per_cycle_is_caught() {
    // Four equal increments may be chance, more often than a run may be wrong.
    for cycles in [5, 7, 31, 40, 200] {
        let gate = heap(cycles, |cycle| 16 * u64::from(cycle));
        assert_eq!(gate.verdict, GateVerdict::Leak, "{cycles} cycles");
        let Some(Amount::PerCycles { amount, cycles }) = gate.observed else {
            panic!("{:?}", gate.observed);
        };
        assert_eq!(amount, 16 * i64::from(cycles), "exactly");
    }
}

#[test]
fn a_leak_says_how_much_in_how_many_cycles() {
    assert_eq!(
        heap(31, |cycle| 64 * u64::from(cycle)).detail,
        "live heap +1.9 KiB and +124 blocks in 31 cycles, 64 B per cycle (95 %: 64 to 64), in each of 5 windows"
    );
}

#[test]
fn a_leak_of_every_second_cycle_is_caught() {
    let gate = heap(31, |cycle| 32 * u64::from(cycle / 2));
    assert_eq!(gate.verdict, GateVerdict::Leak);
}

#[test]
fn a_leak_beside_a_one_time_step_is_caught() {
    let step = |cycle: u32| if cycle >= 7 { 500_000 } else { 0 };
    let gate = heap(31, move |cycle| 16 * u64::from(cycle) + step(cycle));
    assert_eq!(gate.verdict, GateVerdict::Leak);
}

#[test]
fn a_one_time_step_is_named_and_not_a_leak() {
    let gate = heap(31, |cycle| if cycle >= 7 { 4_096 } else { 0 });
    assert_eq!(gate.verdict, GateVerdict::Pass);
    assert_eq!(
        gate.detail,
        "one-time step, not a leak: +4.0 KiB in cycle 7"
    );
}

#[test]
fn a_cache_that_fills_is_named_and_not_a_leak() {
    let gate = heap(31, |cycle| 512 * u64::from(cycle.min(16)));
    assert_eq!(gate.verdict, GateVerdict::Pass);
    assert!(gate.detail.starts_with("cache fill"), "{}", gate.detail);
}

#[test]
fn a_sawtooth_is_named_and_not_a_leak() {
    let gate = heap(31, |cycle| 1_000 * u64::from(cycle % 8));
    assert_eq!(gate.verdict, GateVerdict::Pass);
    assert!(gate.detail.starts_with("sawtooth"), "{}", gate.detail);
}

#[test]
fn growth_now_and_then_up_to_the_end_is_inconclusive() {
    let gate = heap(31, |cycle| 64 * u64::from(cycle / 9));
    assert_eq!(gate.verdict, GateVerdict::Inconclusive, "{}", gate.detail);
}

#[test]
fn growth_that_one_release_interrupts_is_no_pass() {
    let gate = heap(31, |cycle| {
        1000 * u64::from(cycle) - if cycle >= 16 { 8000 } else { 0 }
    });
    assert_eq!(gate.verdict, GateVerdict::Inconclusive, "{}", gate.detail);
}

#[test]
fn what_the_limit_allows_is_not_a_leak() {
    let mut scenario = ScenarioBuilder::clean("heap", 31).heap(|cycle| 16 * u64::from(cycle));
    scenario.gates = vec![(Metric::HeapPerCycle, 16)];
    assert_eq!(
        judged(&scenario.alone()).gates[0].verdict,
        GateVerdict::Pass
    );
    let mut scenario = ScenarioBuilder::clean("heap", 31).heap(|cycle| 17 * u64::from(cycle));
    scenario.gates = vec![(Metric::HeapPerCycle, 16)];
    assert_eq!(
        judged(&scenario.alone()).gates[0].verdict,
        GateVerdict::Leak
    );
}

/// Noise of an asynchronous runtime: independent levels within 1 KiB, from a seed.
fn jitter(seed: u64, cycle: u32) -> u64 {
    // splitmix64 (Steele, Lea and Flood 2014).
    let mut z = seed.wrapping_add(u64::from(cycle + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % 1_024
}

#[test]
fn jitter_of_a_kibibyte_is_never_a_leak_and_rarely_unclear() {
    // Seven noisy cycles have no answer: no leak could have been called in them.
    let seven = heap(7, |cycle| jitter(1, cycle));
    assert_eq!(seven.verdict, GateVerdict::Inconclusive);
    assert!(seven.more && seven.sensitivity.is_none());
    for cycles in [31, 200] {
        let verdicts: Vec<GateVerdict> = (0..300)
            .map(|seed| heap(cycles, move |cycle| jitter(seed, cycle)).verdict)
            .collect();
        let count = |wanted| verdicts.iter().filter(|&&found| found == wanted).count();
        assert_eq!(count(GateVerdict::Leak), 0, "{cycles} cycles");
        assert!(
            count(GateVerdict::Inconclusive) <= 9,
            "{cycles} cycles: above 3 %, where 1 % is meant"
        );
    }
}

#[test]
fn added_to_jitter_a_leak_of_the_stated_sensitivity_is_caught() {
    for (seed, cycles) in (0..150).zip([15, 31, 100].into_iter().cycle()) {
        let quiet = heap(cycles, move |cycle| jitter(seed, cycle));
        let Some(Amount::PerCycles { amount, cycles: 1 }) = quiet.sensitivity else {
            panic!("{:?}", quiet.sensitivity);
        };
        let leak = amount.unsigned_abs();
        let gate = heap(cycles, move |cycle| {
            jitter(seed, cycle) + leak * u64::from(cycle)
        });
        assert_eq!(
            gate.verdict,
            GateVerdict::Leak,
            "seed {seed}, {leak} B per cycle"
        );
    }
}

proptest! {
    #[test]
    fn the_level_at_rest_does_not_matter(
        levels in prop::collection::vec(0u64..100_000, 32), shift in 0u64..1_000_000,
    ) {
        let moved = levels.clone();
        let here = heap(31, move |cycle| levels[cycle as usize]);
        let there = heap(31, move |cycle| moved[cycle as usize] + shift);
        prop_assert_eq!(here, there);
    }

    #[test]
    fn a_heap_that_never_ends_higher_than_it_was_is_not_a_leak(
        levels in prop::collection::vec(0u64..LIVE, 31),
    ) {
        // The highest level first, and again at the end: no window's floor can stand above the one before, throughout.
        let gate = heap(31, move |cycle| match cycle {
            0..=7 => LIVE,
            cycle => levels[cycle as usize - 1],
        });
        prop_assert_ne!(gate.verdict, GateVerdict::Leak);
    }

    #[test]
    fn any_steady_leak_without_noise_is_caught(bytes in 1u64..1_000_000, cycles in 5u32..300) {
        prop_assert_eq!(heap(cycles, move |cycle| bytes * u64::from(cycle)).verdict, GateVerdict::Leak);
    }
}
