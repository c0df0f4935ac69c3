//! When a warm-up is said to have ended: the crate's rule beside the spread of the last four samples.

use leakgate_stats::{median, warmup_ended};

use super::models::{Noise, Random, Schedule, series};

/// A warm-up is cut off after so many cycles.
const CYCLES_MAX: usize = 40;
const SERIES: u64 = 1_000;
/// The rule compared with: the last so many samples within so many bytes.
const SAMPLES: usize = 4;
const SPREAD: i64 = 1_024;

fn spread_ended(levels: &[i64]) -> bool {
    let Some(last) = levels
        .len()
        .checked_sub(SAMPLES)
        .map(|from| &levels[from..])
    else {
        return false;
    };
    let range = last.iter().max().zip(last.iter().min());
    range.is_some_and(|(high, low)| high - low <= SPREAD)
}

/// Prints the table.
pub(crate) fn table(seed: u64) {
    println!(
        "\n### Cycles until a warm-up is over (median), and the bytes that a series still grows by then; {SERIES} series each\n"
    );
    println!(
        "| series | rule of windows | still to come | rule of spread | still to come |\n|---|---|---|---|---|"
    );
    for (name, noise, leak) in [
        ("constant", Noise::White(0.0), 0),
        ("white, sd 200", Noise::White(200.0), 0),
        ("white, sd 1024", Noise::White(1024.0), 0),
        ("leak of 64 B", Noise::White(0.0), 64),
        ("leak of 1024 B", Noise::White(0.0), 1024),
        ("exponential 3", Noise::Exponential([3.0, 3.0], 0.0), 0),
        (
            "exponential 3, sd 200",
            Noise::Exponential([3.0, 3.0], 200.0),
            0,
        ),
        (
            "exponential 6, sd 200",
            Noise::Exponential([6.0, 6.0], 200.0),
            0,
        ),
        (
            "exponential 12, sd 200",
            Noise::Exponential([12.0, 12.0], 200.0),
            0,
        ),
        ("sawtooth of 5", Noise::Sawtooth(5), 0),
    ] {
        let rules: [fn(&[i64]) -> bool; 2] = [warmup_ended, spread_ended];
        let cells: Vec<String> = rules
            .into_iter()
            .map(|ended| {
                let (mut cycles, mut rest) = (Vec::new(), Vec::new());
                for number in 0..SERIES {
                    let levels = series(
                        noise,
                        leak,
                        Schedule::Steady,
                        &mut Random::new(seed, number),
                    );
                    let warm = &levels[1..];
                    let at = (1..CYCLES_MAX)
                        .find(|&at| ended(&warm[..at]))
                        .unwrap_or(CYCLES_MAX);
                    cycles.push(at as f64);
                    rest.push(remaining(noise, at));
                }
                format!(
                    "{:.0} | {:.0}",
                    median(&cycles).unwrap_or(0.0),
                    median(&rest).unwrap_or(0.0)
                )
            })
            .collect();
        println!("| {name} | {} |", cells.join(" | "));
    }
}

/// What an exponential warm-up has yet to grow by after so many cycles, bytes.
fn remaining(noise: Noise, cycles: usize) -> f64 {
    match noise {
        Noise::Exponential([constant, _], _) => 65_536.0 * (-(cycles as f64) / constant).exp(),
        _ => 0.0,
    }
}
