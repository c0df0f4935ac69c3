//! What counting costs: the same allocations through the system's allocator bare, counted by us, and counted by
//! `stats_alloc`'s one set of global atomics. Two threads, because that is where shared counters hurt. The ratios are
//! the result; the figures are the machine's.
//!
//! - `program` fills every block it allocates and reads every block before it frees it, as programs do.
//! - `calls` does nothing but call the allocator: the worst case.
//!
//! Criterion's figures come first, then the ratios: many short rounds, each with all three by turns, so that whatever else
//! the machine does meets them alike; of processor time, so that waiting for a core does not count.
//!
//! `cargo bench -p leakgate-probe --bench counting`; `-- ratios` prints the ratios alone.

#![expect(clippy::print_stdout, reason = "a bench is its own reporter")]

mod support;

use std::alloc::System;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use leakgate_probe::{Counters, CountingAlloc};
use stats_alloc::StatsAlloc;

use support::{Work, median_with_interval, on_two_threads, processor_time};

/// Per thread and iteration: long enough that starting the threads does not count.
const STEPS: usize = 100_000;

static COUNTERS: Counters = Counters::new();
static BARE: System = System;
static COUNTED: CountingAlloc = CountingAlloc::counting_into(System, &COUNTERS);
static STATS_ALLOC: StatsAlloc<System> = StatsAlloc::system();

#[derive(Clone, Copy)]
enum Subject {
    Bare,
    Counted,
    StatsAlloc,
}

const SUBJECTS: [(&str, Subject); 3] = [
    ("bare System", Subject::Bare),
    ("CountingAlloc", Subject::Counted),
    ("stats_alloc", Subject::StatsAlloc),
];

fn run(subject: Subject, work: Work) -> Duration {
    let start = Instant::now();
    match subject {
        Subject::Bare => on_two_threads(&BARE, work, STEPS, 0),
        Subject::Counted => on_two_threads(&COUNTED, work, STEPS, 0),
        Subject::StatsAlloc => on_two_threads(&STATS_ALLOC, work, STEPS, 0),
    }
    start.elapsed()
}

/// Runs all three in turn and reports the time of one. glibc's arenas and thresholds remember what ran before; taken
/// one after the other, the first of three equal subjects came out 60 % slower than the second.
fn counting(criterion: &mut Criterion) {
    for (name, work) in [("program", Work::Program), ("calls", Work::Calls)] {
        let mut group = criterion.benchmark_group(name);
        group
            .sample_size(40)
            .measurement_time(Duration::from_secs(3))
            .warm_up_time(Duration::from_millis(500));
        for (at, (subject, _)) in SUBJECTS.iter().enumerate() {
            group.bench_function(*subject, |bencher| {
                bencher.iter_custom(|iterations| {
                    (0..iterations)
                        .map(|_| SUBJECTS.map(|(_, subject)| run(subject, work))[at])
                        .sum()
                });
            });
        }
        group.finish();
    }
}

/// Rounds under `cargo bench`; a test run of all targets does without `--bench` and wants to be short.
const ROUNDS: usize = 101;
const ROUNDS_WHEN_TESTED: usize = 3;

/// Prints the median of the paired ratios to the bare allocator, with its interval.
fn ratios(_: &mut Criterion) {
    let benching = std::env::args().any(|argument| argument == "--bench");
    let rounds = if benching { ROUNDS } else { ROUNDS_WHEN_TESTED };
    for (name, work) in [("program", Work::Program), ("calls", Work::Calls)] {
        let mut ratios = [const { Vec::new() }; SUBJECTS.len()];
        for round in 0..rounds {
            let mut times = [Duration::ZERO; SUBJECTS.len()];
            for turn in 0..SUBJECTS.len() {
                // Nobody is always the first.
                let at = (round + turn) % SUBJECTS.len();
                let before = processor_time();
                run(SUBJECTS[at].1, work);
                times[at] = processor_time().saturating_sub(before);
            }
            for (ratios, time) in ratios.iter_mut().zip(times) {
                ratios.push(time.as_secs_f64() / times[0].as_secs_f64());
            }
        }
        for ((subject, _), ratios) in SUBJECTS.iter().zip(&mut ratios).skip(1) {
            let (low, median, high) = median_with_interval(ratios);
            println!(
                "{name:<8} {subject:<14} {median:.3} of bare System (95 % interval {low:.3} to {high:.3}, {rounds} rounds)"
            );
        }
    }
}

criterion_group!(benches, counting, ratios);
criterion_main!(benches);
