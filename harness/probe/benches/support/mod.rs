//! The work that the benches of allocators do, and how they time it.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

const THREADS: usize = 2;
/// Blocks that a thread keeps while it works.
const LIVE: usize = 512;

/// What is done with a block.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    /// It is filled, and read before it is freed.
    Program,
    /// Nothing: the worst case.
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

fn thread_body(alloc: &impl GlobalAlloc, work: Work, steps: usize, mut random: u64) -> u64 {
    let mut kept: Vec<Option<Block>> = (0..LIVE).map(|_| None).collect();
    let mut sum = 0;
    for step in 0..steps {
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

/// Does so many steps on each of two threads, so many frames further down than the thread begins.
pub(crate) fn on_two_threads(
    alloc: &(impl GlobalAlloc + Sync),
    work: Work,
    steps: usize,
    depth: usize,
) {
    std::thread::scope(|scope| {
        for thread in 1..=THREADS as u64 {
            let random = thread * 0x9e37_79b9_7f4a_7c15;
            scope.spawn(move || {
                deeper(depth, &|| {
                    black_box(thread_body(alloc, work, steps, random));
                });
            });
        }
    });
}

#[inline(never)]
fn deeper(depth: usize, work: &dyn Fn()) {
    if depth == 0 {
        work();
    } else {
        deeper(depth - 1, black_box(work));
    }
    // Keeps each call a call of its own, with a frame.
    black_box(depth);
}

/// Of all threads of this process, the ended ones included.
pub(crate) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("time only adds up")
}

/// The median and the order statistics that enclose it with 95 % confidence (Conover 1999, section 3.2).
pub(crate) fn median_with_interval(values: &mut [f64]) -> (f64, f64, f64) {
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
