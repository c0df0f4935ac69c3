//! How often the growth rule is wrong, how little it sees, and when a warm-up ends: tables of simulated series.
//!
//! `cargo run --release -p leakgate-stats --example study [SEED]` prints what `docs/statistics.md` shows.
#![expect(clippy::print_stdout, reason = "the tables are what it is for")]

mod models;
mod trial;
mod warming;

use leakgate_stats::{Budget, GrowthRule, clopper_pearson, looks, windows_needed};
use models::{Noise, Schedule};
use trial::{LOOKS, Tally, tally};

/// Series of each model of noise, and of each leak.
const SERIES_NOISE: u64 = 5_000;
const SERIES_LEAK: u64 = 500;

/// Noise that must not be called a leak.
const INNOCENT: [(&str, Noise); 26] = [
    ("none", Noise::White(0.0)),
    ("white, sd 100", Noise::White(100.0)),
    ("white, sd 1024", Noise::White(1024.0)),
    ("uniform within 200", Noise::Uniform(200)),
    ("AR(1) 0.5", Noise::Autoregressive(0.5)),
    ("AR(1) 0.9", Noise::Autoregressive(0.9)),
    ("AR(1) 0.97", Noise::Autoregressive(0.97)),
    ("Student t, 2 df", Noise::HeavyTailed),
    ("sawtooth of 3", Noise::Sawtooth(3)),
    ("sawtooth of 5", Noise::Sawtooth(5)),
    ("sawtooth of 8", Noise::Sawtooth(8)),
    ("sawtooth of 11", Noise::Sawtooth(11)),
    ("sawtooth of 13", Noise::Sawtooth(13)),
    ("1 step", Noise::Steps(1, 0.0)),
    ("2 steps", Noise::Steps(2, 0.0)),
    ("3 steps", Noise::Steps(3, 0.0)),
    ("3 steps, sd 100", Noise::Steps(3, 100.0)),
    ("exponential 3-40", Noise::Exponential([3.0, 40.0], 0.0)),
    (
        "exponential 3-40, sd 100",
        Noise::Exponential([3.0, 40.0], 100.0),
    ),
    (
        "exponential 3-40, sd 1024",
        Noise::Exponential([3.0, 40.0], 1024.0),
    ),
    ("logarithmic", Noise::Logarithmic(0.0)),
    ("logarithmic, sd 100", Noise::Logarithmic(100.0)),
    ("logarithmic, sd 1024", Noise::Logarithmic(1024.0)),
    ("bounded fill of 4-16", Noise::Fill([4, 16])),
    ("random cache, 8-40 of 200", Noise::Coupons([8, 40])),
    ("free list", Noise::FreeList),
];

/// Noise that no series of these lengths tells from a leak.
const BEYOND: [(&str, Noise); 5] = [
    ("random walk", Noise::Walk),
    (
        "exponential 100, sd 100",
        Noise::Exponential([100.0, 100.0], 100.0),
    ),
    ("bounded fill of 32-48", Noise::Fill([32, 48])),
    ("random cache, 4-7 of 200", Noise::Coupons([4, 7])),
    ("random cache, 2 of 200", Noise::Coupons([2, 2])),
];

const BESIDE: [(&str, Noise); 5] = [
    ("none", Noise::White(0.0)),
    ("uniform within 200", Noise::Uniform(200)),
    ("white, sd 100", Noise::White(100.0)),
    ("white, sd 200", Noise::White(200.0)),
    ("white, sd 1024", Noise::White(1024.0)),
];

const SCHEDULES: [(&str, Schedule); 3] = [
    ("each", Schedule::Steady),
    ("every 5th", Schedule::Every(5)),
    ("half, by chance", Schedule::Coin),
];

fn main() {
    let seed = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(2026);
    let planned = u32::try_from(looks(31, 200).len()).unwrap_or(u32::MAX);
    let alpha = Budget::new(0.01, 10).per_look(planned);
    let rule = GrowthRule { limit: 0, alpha };
    println!(
        "Seed {seed}; alpha {alpha} per look, {} windows. Rates in per cent, 95 % intervals.",
        windows_needed(alpha)
    );
    println!("\n### False alarms, {SERIES_NOISE} series each\n");
    let header = "sequential | unclear in the end |";
    println!("| noise | 11 | 31 | 62 | 124 | 200 | {header}\n|---|---|---|---|---|---|---|---|");
    for (name, noise) in INNOCENT {
        row(
            name,
            &tally(noise, (0, Schedule::Steady), seed, SERIES_NOISE, &rule),
        );
    }
    println!("\n### Noise that these lengths do not tell from a leak, {SERIES_LEAK} series each\n");
    println!("| noise | 11 | 31 | 62 | 124 | 200 | {header}\n|---|---|---|---|---|---|---|---|");
    for (name, noise) in BEYOND {
        row(
            name,
            &tally(noise, (0, Schedule::Steady), seed, SERIES_LEAK, &rule),
        );
    }
    println!("\n### Leaks caught, {SERIES_LEAK} series each\n");
    println!(
        "| noise, cycles that leak, bytes | 11 | 31 | 62 | 124 | 200 | {header}\n|---|---|---|---|---|---|---|---|"
    );
    for (noise_name, noise) in BESIDE {
        for (schedule_name, schedule) in SCHEDULES {
            for bytes in [1, 16, 64, 256, 1024] {
                let name = format!("{noise_name}; {schedule_name}; {bytes}");
                row(
                    &name,
                    &tally(noise, (bytes, schedule), seed, SERIES_LEAK, &rule),
                );
            }
        }
    }
    rare_leaks(&rule, seed);
    windows(seed);
    warming::table(seed);
}

/// A leak of every k-th cycle: what it is called at each look.
fn rare_leaks(rule: &GrowthRule, seed: u64) {
    println!(
        "\n### 64 bytes every k-th cycle, no noise: leak (L), unclear (u) or called innocent (-)\n"
    );
    println!("| k | 11 | 31 | 62 | 124 | 200 |\n|---|---|---|---|---|---|");
    for k in 1..=10 {
        let found = tally(Noise::White(0.0), (64, Schedule::Every(k)), seed, 1, rule);
        let cells: Vec<&str> = (0..LOOKS.len())
            .map(|look| match (found.leaks[look], found.unclear[look]) {
                (1, _) => "L",
                (_, 1) => "u",
                _ => "-",
            })
            .collect();
        println!("| {k} | {} |", cells.join(" | "));
    }
}

/// What more windows cost and gain.
fn windows(seed: u64) {
    println!("\n### What alpha per look decides, {SERIES_LEAK} series each, sequentially\n");
    println!(
        "| alpha | windows | AR(1) 0.97 called a leak | 3 steps, sd 100 | 16 B caught within 200 | 16 B caught beside sd 200 |"
    );
    println!("|---|---|---|---|---|---|");
    for alpha in [1e-2, 1e-3, 2.5e-4, 2.5e-5, 1e-7] {
        let rule = GrowthRule { limit: 0, alpha };
        let cells: Vec<String> = [
            (Noise::Autoregressive(0.97), 0),
            (Noise::Steps(3, 100.0), 0),
            (Noise::Uniform(200), 16),
            (Noise::White(200.0), 16),
        ]
        .into_iter()
        .map(|(noise, bytes)| {
            let found = tally(noise, (bytes, Schedule::Steady), seed, SERIES_LEAK, &rule);
            interval(found.sequential_leaks, found.series)
        })
        .collect();
        println!(
            "| {alpha:e} | {} | {} |",
            windows_needed(alpha),
            cells.join(" | ")
        );
    }
}

fn row(name: &str, found: &Tally) {
    let looks: Vec<String> = found
        .leaks
        .iter()
        .map(|&leaks| percent(leaks as f64 / found.series as f64))
        .collect();
    println!(
        "| {name} | {} | {} | {} |",
        looks.join(" | "),
        interval(found.sequential_leaks, found.series),
        percent(found.sequential_unclear as f64 / found.series as f64)
    );
}

fn percent(rate: f64) -> String {
    format!("{:.2}", 100.0 * rate)
}

fn interval(hits: u64, trials: u64) -> String {
    let rate = clopper_pearson(hits, trials, 0.95);
    format!(
        "{} ({}-{})",
        percent(rate.rate),
        percent(rate.low),
        percent(rate.high)
    )
}
