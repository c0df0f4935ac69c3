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

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use leakgate_probe::{Counters, CountingAlloc};
use rustix::time::{ClockId, clock_gettime};
use stats_alloc::StatsAlloc;

const THREADS: usize = 2;
/// Per thread and iteration: long enough that starting the threads does not count.
const STEPS: usize = 100_000;
/// Blocks that a thread keeps while it works.
const LIVE: usize = 512;

#[derive(Clone, Copy)]
enum Work {
    Program,
    Calls,
}

struct Block {
    start: *mut u8,
    layout: Layout,
}

/// Mostly small, some of a page or two, a few large: sizes of a daemon that parses messages and keeps buffers.
fn size(random: u64) -> usize {
    let spread = usize::try_from(random >> 40).expect("24 bits");
    match random & 0xff {
        0..=199 => 16 + spread % 240,
        200..=249 => 256 + spread % 1792,
        250..=254 => 2048 + spread % 6144,
        _ => 8192 + spread % 57_344,
    }
}

fn thread_body(alloc: &impl GlobalAlloc, work: Work, mut random: u64) -> u64 {
    let mut kept: Vec<Option<Block>> = (0..LIVE).map(|_| None).collect();
    let mut sum = 0;
    for step in 0..STEPS {
        // xorshift64 (Marsaglia 2003)
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let slot = &mut kept[usize::try_from(random >> 8).expect("64 bits") % LIVE];
        if let Some(old) = slot.take() {
            sum += finish(alloc, work, old);
        }
        *slot = Some(begin(alloc, work, size(random), step));
    }
    kept.into_iter()
        .flatten()
        .fold(sum, |sum, old| sum + finish(alloc, work, old))
}

#[expect(unsafe_code, reason = "calls the allocator's methods directly")]
fn begin(alloc: &impl GlobalAlloc, work: Work, size: usize, step: usize) -> Block {
    let layout = Layout::from_size_align(size, 8).expect("a small size");
    // SAFETY: the size is not zero, the block is not null before it is written, and as long as the layout says. Each
    // eighth block grows by half, as vectors do.
    unsafe {
        let mut start = alloc.alloc(layout);
        assert!(!start.is_null());
        let mut grown = layout;
        if step.is_multiple_of(8) {
            start = alloc.realloc(start, layout, size + size / 2);
            assert!(!start.is_null());
            grown = Layout::from_size_align(size + size / 2, 8).expect("a small size");
        }
        if matches!(work, Work::Program) {
            start.write_bytes(0x5a, grown.size());
        }
        Block {
            start: black_box(start),
            layout: grown,
        }
    }
}

#[expect(unsafe_code, reason = "calls the allocator's methods directly")]
fn finish(alloc: &impl GlobalAlloc, work: Work, block: Block) -> u64 {
    // SAFETY: the block is live, was written over its whole length if it is read, and is freed once.
    unsafe {
        let sum = match work {
            Work::Program => {
                let bytes = std::slice::from_raw_parts(block.start, block.layout.size());
                bytes.iter().map(|byte| u64::from(*byte)).sum()
            }
            Work::Calls => 0,
        };
        alloc.dealloc(block.start, block.layout);
        sum
    }
}

fn on_two_threads(alloc: &(impl GlobalAlloc + Sync), work: Work) {
    std::thread::scope(|scope| {
        for thread in 1..=THREADS as u64 {
            scope
                .spawn(move || black_box(thread_body(alloc, work, thread * 0x9e37_79b9_7f4a_7c15)));
        }
    });
}

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
        Subject::Bare => on_two_threads(&BARE, work),
        Subject::Counted => on_two_threads(&COUNTED, work),
        Subject::StatsAlloc => on_two_threads(&STATS_ALLOC, work),
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

/// Of all threads of this process, the ended ones included.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("time only adds up")
}

/// The median and the order statistics that enclose it with 95 % confidence (Conover 1999, section 3.2).
fn median_with_interval(values: &mut [f64]) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    // 1.96 standard deviations of the binomial count of values below the median: sqrt(n) / 2 each.
    let reach = values.len().isqrt();
    let middle = values.len() / 2;
    (
        values[middle.saturating_sub(reach)],
        values[middle],
        values[(middle + reach).min(last)],
    )
}

criterion_group!(benches, counting, ratios);
criterion_main!(benches);
