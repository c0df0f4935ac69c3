//! How often the rule for resident memory is wrong on simulated series, and what it catches.
//!
//! ```text
//! cargo run --release -p leakgate-stats --example resident_study
//! ```

mod models;

use leakgate_stats::{RESIDENT_LOOKS, ResidentRule, ResidentVerdict, clopper_pearson, resident};
use models::{MODELS, Model, Random, series};

const SEED: u64 = 1968;
const SERIES: u64 = 2_000;
const LEAKS: [i64; 4] = [0, 4096, 8192, 16_384];

#[expect(clippy::print_stdout, reason = "a study prints its results")]
fn main() {
    println!(
        "{SERIES} series each from seed {SEED}; called a leak in per cent (95 % interval), by look {RESIDENT_LOOKS:?}"
    );
    for model in MODELS {
        for leak in LEAKS {
            println!(
                "{:22} leak {leak:5}: {}",
                format!("{model:?}"),
                row(model, leak)
            );
        }
    }
}

fn row(model: Model, leak: i64) -> String {
    let mut called_by = [0; RESIDENT_LOOKS.len()];
    for number in 0..SERIES {
        let levels = series(model, leak, &mut Random::new(SEED, number));
        if let Some(look) = first_call(&levels) {
            called_by[look..].iter_mut().for_each(|runs| *runs += 1);
        }
    }
    called_by
        .map(|called| {
            let rate = clopper_pearson(called, SERIES, 0.95);
            let [rate, low, high] = [rate.rate, rate.low, rate.high].map(|part| part * 100.0);
            format!("{rate:5.1} ({low:.1}-{high:.1})")
        })
        .join("  ")
}

/// The first look that calls a leak.
fn first_call(levels: &[i64]) -> Option<usize> {
    let positions: Vec<u32> = (0u32..).take(levels.len()).collect();
    RESIDENT_LOOKS.into_iter().position(|look| {
        let rule = ResidentRule::default();
        resident(&positions[..look], &levels[..look], &rule).verdict == ResidentVerdict::Leak
    })
}
