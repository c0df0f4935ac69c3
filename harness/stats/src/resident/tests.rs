use super::*;
use proptest::prelude::*;

#[path = "../../examples/resident_study/models.rs"]
mod models;

use models::{CYCLES, Model, Random};

fn judge(levels: &[i64]) -> Resident {
    let positions: Vec<u32> = (0u32..).take(levels.len()).collect();
    resident(&positions, levels, &ResidentRule::default())
}

fn levels(cycles: i64, level_at: impl Fn(i64) -> i64) -> Vec<i64> {
    (0..cycles).map(level_at).collect()
}

/// Whether any look calls a leak.
fn called(levels: &[i64]) -> bool {
    RESIDENT_LOOKS
        .into_iter()
        .any(|look| judge(&levels[..look]).verdict == ResidentVerdict::Leak)
}

#[test]
fn a_steady_leak_is_called_with_its_slope() {
    let found = judge(&levels(400, |cycle| 8192 * cycle));
    assert_eq!(found.verdict, ResidentVerdict::Leak);
    assert_eq!(found.shape, ResidentShape::Growing);
    assert!((found.slope - 8192.0).abs() < 1e-6, "{found:?}");
    assert_eq!(found.warmup, 0);
}

#[test]
fn what_ends_is_not_a_leak_and_is_named() {
    let step = judge(&levels(400, |cycle| i64::from(cycle > 170) << 21));
    assert_eq!(
        (step.verdict, step.shape),
        (ResidentVerdict::Unclear, ResidentShape::Step)
    );
    let fill = judge(&levels(400, |cycle| 20_971 * cycle.min(100)));
    assert_eq!((fill.verdict, fill.warmup), (ResidentVerdict::Clean, 100));
    let sawtooth = judge(&levels(400, |cycle| 50_000 * (cycle % 8)));
    assert_eq!(
        (sawtooth.verdict, sawtooth.shape),
        (ResidentVerdict::Clean, ResidentShape::Sawtooth)
    );
}

#[test]
fn a_step_becomes_clean_with_further_cycles() {
    let step = judge(&levels(1200, |cycle| i64::from(cycle > 170) << 20));
    assert_eq!(step.verdict, ResidentVerdict::Clean);
}

#[test]
fn too_few_samples_are_not_judged() {
    assert_eq!(judge(&[]).verdict, ResidentVerdict::NotJudged);
    let short = judge(&levels(149, |cycle| 8192 * cycle));
    assert_eq!(short.verdict, ResidentVerdict::NotJudged);
    assert_eq!(short.sensitivity, None);
    let early = judge(&levels(199, |cycle| 8192 * cycle));
    assert_eq!(early.verdict, ResidentVerdict::Unclear);
    // A warm-up that leaves fewer than 150 of 180 is told from one that is over.
    let warm = judge(&levels(180, |cycle| 100_000 * cycle.min(45)));
    assert_eq!(
        (warm.verdict, warm.shape),
        (ResidentVerdict::NotJudged, ResidentShape::WarmingUp)
    );
}

#[test]
fn what_is_kept_in_every_second_cycle_only_is_still_found_by_its_cycles() {
    // One sample for each two cycles: a slope is per cycle, not per sample.
    let positions: Vec<u32> = (0..400).map(|sample| 2 * sample).collect();
    let levels = levels(400, |sample| 16_384 * sample);
    let found = resident(&positions, &levels, &ResidentRule::default());
    assert_eq!(found.verdict, ResidentVerdict::Leak);
    assert!((found.slope - 8192.0).abs() < 1e-6, "{found:?}");
}

#[test]
fn the_sensitivity_is_the_smallest_leak_that_the_rule_calls() {
    let noisy = models::series(Model::White, 0, &mut Random::new(7, 0));
    let found = judge(&noisy[..400]);
    let sensitivity = found.sensitivity.expect("400 samples can tell a leak");
    let with = |leak: i64| {
        let leaking: Vec<i64> = (0i64..)
            .zip(&noisy[..400])
            .map(|(cycle, level)| level + leak * cycle)
            .collect();
        judge(&leaking).verdict
    };
    assert_eq!(with(sensitivity), ResidentVerdict::Leak);
    assert_ne!(with(sensitivity - 1), ResidentVerdict::Leak);
    assert!((2048..16_384).contains(&sensitivity), "{sensitivity}");
}

/// The recorded series of a file under `fixtures/recordings/resident`, without the first 30 cycles.
fn recorded(file: &str) -> Vec<Vec<i64>> {
    file.lines()
        .map(|line| {
            let (_, changes) = line.rsplit_once(',').expect("target,leak,levels");
            let mut level = 0;
            let levels = changes.split(' ').map(|change| {
                level += change.parse::<i64>().expect("KiB") * 1024;
                level
            });
            levels.skip(30).collect()
        })
        .collect()
}

#[test]
fn recorded_daemons_that_do_not_leak_are_not_called() {
    for file in [
        include_str!("../../../../fixtures/recordings/resident/churn-threads-clean.csv"),
        include_str!("../../../../fixtures/recordings/resident/churn-tokio-clean.csv"),
    ] {
        let series = recorded(file);
        assert_eq!(series.len(), 10);
        assert!(!series.iter().any(|levels| called(levels)));
    }
}

#[test]
fn recorded_daemons_that_keep_8_kib_per_cycle_are_called() {
    for (file, at_least) in [
        (
            include_str!("../../../../fixtures/recordings/resident/churn-threads-leak-8KiB.csv"),
            10,
        ),
        (
            include_str!("../../../../fixtures/recordings/resident/churn-tokio-leak-8KiB.csv"),
            8,
        ),
    ] {
        let caught = recorded(file)
            .iter()
            .filter(|levels| called(levels))
            .count();
        assert!(caught >= at_least, "{caught}");
    }
}

#[test]
fn the_study_in_miniature() {
    let called = |model, leak| {
        (0..30)
            .filter(|&number| called(&models::series(model, leak, &mut Random::new(3, number))))
            .count()
    };
    for innocent in [
        Model::White,
        Model::Autoregressive(0.9),
        Model::Sawtooth(37),
        Model::Step,
        Model::CacheFill,
        Model::WarmUp,
        Model::HeavyTailed,
    ] {
        assert_eq!(called(innocent, 0), 0, "{innocent:?}");
    }
    for leaking in [Model::White, Model::WarmUp, Model::Retained] {
        let caught = called(leaking, 8192);
        assert!(caught >= 28, "{leaking:?}: {caught}");
    }
}

fn some_series() -> impl Strategy<Value = Vec<i64>> {
    (
        any::<u64>(),
        0i64..16_384,
        0..models::MODELS.len(),
        150..CYCLES,
    )
        .prop_map(|(seed, leak, model, cycles)| {
            let mut levels = models::series(models::MODELS[model], leak, &mut Random::new(seed, 0));
            levels.truncate(cycles);
            levels
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_shift_changes_nothing(levels in some_series(), shift in -1_000_000_000i64..1_000_000_000) {
        let moved: Vec<i64> = levels.iter().map(|level| level + shift).collect();
        prop_assert_eq!(judge(&moved), judge(&levels));
    }

    #[test]
    fn a_scale_scales_the_slopes(levels in some_series(), power in 1u32..6) {
        let scaled: Vec<i64> = levels.iter().map(|level| level << power).collect();
        let positions: Vec<u32> = (0u32..).take(levels.len()).collect();
        let (rule, by) = (ResidentRule::default(), f64::from(1 << power));
        let found = judged(&positions, &levels, &rule);
        let larger = judged(&positions, &scaled, &ResidentRule { limit: rule.limit << power, ..rule });
        prop_assert_eq!((larger.verdict, larger.warmup, larger.shape), (found.verdict, found.warmup, found.shape));
        prop_assert_eq!([larger.slope, larger.low, larger.high], [found.slope, found.low, found.high].map(|slope| slope * by));
    }

    #[test]
    fn constants_are_clean_and_grow_by_nothing(level in -1_000_000_000_000i64..1_000_000_000_000, cycles in 400usize..700) {
        let found = judge(&vec![level; cycles]);
        prop_assert_eq!((found.verdict, found.shape), (ResidentVerdict::Clean, ResidentShape::Flat));
        prop_assert_eq!([found.slope, found.low, found.high], [0.0; 3]);
        prop_assert_eq!(found.warmup, cycles % 10);
    }

    #[test]
    fn a_leak_backwards_is_none(levels in some_series()) {
        prop_assume!(judge(&levels).verdict == ResidentVerdict::Leak);
        let backwards: Vec<i64> = levels.iter().rev().copied().collect();
        prop_assert_ne!(judge(&backwards).verdict, ResidentVerdict::Leak);
    }
}
