//! The counters agree with a model, whatever threads allocate, reallocate and free.
#![expect(unsafe_code, reason = "calls an allocator's methods directly")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Barrier;
use std::sync::mpsc::sync_channel;

use leakgate_probe::{Counters, CountingAlloc, HeapReading};
use proptest::prelude::*;

/// What a thread does next; `which` picks one of its live blocks.
#[derive(Clone, Debug)]
enum Op {
    Alloc {
        size: usize,
        align: usize,
        zeroed: bool,
    },
    Realloc {
        which: usize,
        size: usize,
    },
    Free {
        which: usize,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let size = prop_oneof![8 => 1usize..600, 2 => 600usize..20_000, 1 => 20_000usize..300_000];
    let align = prop_oneof![Just(1usize), Just(8), Just(64), Just(4096)];
    prop_oneof![
        4 => (size.clone(), align, any::<bool>()).prop_map(|(size, align, zeroed)| Op::Alloc { size, align, zeroed }),
        2 => (any::<usize>(), size).prop_map(|(which, size)| Op::Realloc { which, size }),
        3 => any::<usize>().prop_map(|which| Op::Free { which }),
    ]
}

struct Block {
    start: *mut u8,
    layout: Layout,
}

// SAFETY: a block has one owner at a time and is only freed.
unsafe impl Send for Block {}

/// One thread's blocks, and what the counters should say of it.
#[derive(Default)]
struct Model {
    blocks: Vec<Block>,
    allocated_bytes: u64,
    allocated_blocks: u64,
}

impl Model {
    fn live_bytes(&self) -> u64 {
        self.blocks
            .iter()
            .map(|block| block.layout.size() as u64)
            .sum()
    }

    fn apply(&mut self, alloc: &impl GlobalAlloc, op: &Op) {
        match *op {
            Op::Alloc {
                size,
                align,
                zeroed,
            } => {
                let layout = Layout::from_size_align(size, align).expect("small");
                // SAFETY: the size is not zero.
                let start = unsafe {
                    if zeroed {
                        alloc.alloc_zeroed(layout)
                    } else {
                        alloc.alloc(layout)
                    }
                };
                assert!(!start.is_null());
                // SAFETY: the block is that long; a zeroed one may be read at once.
                assert!(!zeroed || unsafe { *start == 0 && *start.add(size - 1) == 0 });
                self.blocks.push(Block { start, layout });
                self.allocated_bytes += size as u64;
                self.allocated_blocks += 1;
            }
            Op::Realloc { which, size } if !self.blocks.is_empty() => {
                let at = which % self.blocks.len();
                let block = &mut self.blocks[at];
                // SAFETY: the block is live and has this layout; the new size is not zero.
                block.start = unsafe { alloc.realloc(block.start, block.layout, size) };
                assert!(!block.start.is_null());
                self.allocated_bytes += size.saturating_sub(block.layout.size()) as u64;
                block.layout = Layout::from_size_align(size, block.layout.align()).expect("small");
            }
            Op::Free { which } if !self.blocks.is_empty() => {
                free(alloc, self.blocks.swap_remove(which % self.blocks.len()));
            }
            Op::Realloc { .. } | Op::Free { .. } => {}
        }
    }
}

fn free(alloc: &impl GlobalAlloc, block: Block) {
    // SAFETY: the block is live, has this layout, and its owner gives it up.
    unsafe { alloc.dealloc(block.start, block.layout) };
}

/// `change` since `before`, as the counters of one model would show it.
fn assert_changed(before: HeapReading, now: HeapReading, models: &[&Model]) {
    let sum = |of: fn(&Model) -> u64| models.iter().map(|model| of(model)).sum::<u64>();
    assert_eq!(now.live_bytes - before.live_bytes, sum(Model::live_bytes));
    assert_eq!(
        now.live_blocks - before.live_blocks,
        sum(|model| model.blocks.len() as u64)
    );
    assert_eq!(
        now.allocated_bytes - before.allocated_bytes,
        sum(|model| model.allocated_bytes)
    );
    assert_eq!(
        now.allocated_blocks - before.allocated_blocks,
        sum(|model| model.allocated_blocks)
    );
}

fn assert_same_live(before: HeapReading, now: HeapReading) {
    assert_eq!(
        (now.live_bytes, now.live_blocks),
        (before.live_bytes, before.live_blocks)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn counters_match_the_model_for_threads_that_run_freely(
        threads in prop::collection::vec(prop::collection::vec(op(), 0..800), 1..5),
    ) {
        static COUNTERS: Counters = Counters::new();
        static COUNTED: CountingAlloc = CountingAlloc::counting_into(System, &COUNTERS);
        let before = COUNTERS.read();
        // All at once, or a thread would be done before the next one starts.
        let start = &Barrier::new(threads.len());
        let models: Vec<Model> = std::thread::scope(|scope| {
            let running: Vec<_> = threads
                .iter()
                .map(|ops| {
                    scope.spawn(move || {
                        let mut model = Model::default();
                        start.wait();
                        ops.iter().for_each(|op| model.apply(&COUNTED, op));
                        model
                    })
                })
                .collect();
            running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        // The threads that counted are gone; what they counted is not.
        assert_changed(before, COUNTERS.read(), &models.iter().collect::<Vec<_>>());
        // Freed by a thread that allocated none of them.
        models.into_iter().flat_map(|model| model.blocks).for_each(|block| free(&COUNTED, block));
        assert_same_live(before, COUNTERS.read());
    }

    #[test]
    fn the_peak_is_right_to_within_its_stated_error(
        steps in prop::collection::vec((0usize..3, op()), 1..120),
    ) {
        static COUNTERS: Counters = Counters::new();
        static COUNTED: CountingAlloc = CountingAlloc::counting_into(System, &COUNTERS);
        COUNTERS.reset_peak();
        let before = COUNTERS.read();
        prop_assert_eq!(before.peak_bytes, before.live_bytes);
        let mut peak = before.live_bytes;
        // Three threads that take turns, so that the live bytes of every moment are known.
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..3)
                .map(|_| {
                    let (work, todo) = sync_channel::<Op>(1);
                    let (done, result) = sync_channel::<u64>(1);
                    scope.spawn(move || {
                        let mut model = Model::default();
                        for op in todo {
                            model.apply(&COUNTED, &op);
                            done.send(model.live_bytes()).expect("the test waits");
                        }
                        model.blocks.into_iter().for_each(|block| free(&COUNTED, block));
                    });
                    (work, result)
                })
                .collect();
            let mut live = [0; 3];
            for (worker, op) in &steps {
                let (work, result) = &workers[*worker];
                work.send(op.clone()).expect("the worker waits");
                live[*worker] = result.recv().expect("the worker answers");
                peak = peak.max(before.live_bytes + live.iter().sum::<u64>());
            }
        });
        let after = COUNTERS.read();
        prop_assert!(
            after.peak_bytes.abs_diff(peak) <= after.peak_error_bytes,
            "{} is not within {} of {}", after.peak_bytes, after.peak_error_bytes, peak
        );
        assert_same_live(before, after);
    }
}

#[test]
fn a_transient_of_16_mib_is_seen_whole() {
    static COUNTERS: Counters = Counters::new();
    static COUNTED: CountingAlloc = CountingAlloc::counting_into(System, &COUNTERS);
    let mut model = Model::default();
    let size = 16 << 20;
    model.apply(
        &COUNTED,
        &Op::Alloc {
            size,
            align: 8,
            zeroed: true,
        },
    );
    model.apply(&COUNTED, &Op::Free { which: 0 });
    let reading = COUNTERS.read();
    assert_eq!(reading.live_bytes, 0);
    assert_eq!(reading.peak_bytes, size as u64);
    COUNTERS.reset_peak();
    assert_eq!(COUNTERS.read().peak_bytes, 0);
}

#[test]
fn more_threads_than_slots_are_still_counted_exactly() {
    static COUNTERS: Counters = Counters::new();
    static COUNTED: CountingAlloc = CountingAlloc::counting_into(System, &COUNTERS);
    const THREADS: usize = 300;
    let all_counted = Barrier::new(THREADS);
    let models: Vec<Model> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..THREADS)
            .map(|thread| {
                let all_counted = &all_counted;
                scope.spawn(move || {
                    let mut model = Model::default();
                    for round in 0..100 {
                        model.apply(
                            &COUNTED,
                            &Op::Alloc {
                                size: 1 + thread + round,
                                align: 8,
                                zeroed: false,
                            },
                        );
                        model.apply(
                            &COUNTED,
                            &Op::Realloc {
                                which: round,
                                size: 1 + 7 * round,
                            },
                        );
                        if round % 3 == 0 {
                            model.apply(&COUNTED, &Op::Free { which: thread });
                        }
                    }
                    // Nobody gives a slot back before everybody has counted.
                    all_counted.wait();
                    model
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    assert_changed(
        Counters::new().read(),
        HeapReading {
            peak_bytes: 0,
            ..COUNTERS.read()
        },
        &models.iter().collect::<Vec<_>>(),
    );
    models
        .into_iter()
        .flat_map(|model| model.blocks)
        .for_each(|block| free(&COUNTED, block));
    assert_eq!(COUNTERS.read().live_bytes, 0);
    assert_eq!(COUNTERS.read().live_blocks, 0);
}

/// An allocator that has nothing.
struct Exhausted;

// SAFETY: null is what an allocator returns that has nothing; nothing was handed out that could come back.
unsafe impl GlobalAlloc for Exhausted {
    unsafe fn alloc(&self, _layout: Layout) -> *mut u8 {
        std::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}
}

#[test]
fn what_failed_is_not_counted() {
    static COUNTERS: Counters = Counters::new();
    static COUNTED: CountingAlloc<Exhausted> = CountingAlloc::counting_into(Exhausted, &COUNTERS);
    let layout = Layout::new::<u64>();
    let mut block = 0u64;
    // SAFETY: nothing of this dereferences a block, and the one that is reallocated is refused.
    unsafe {
        assert!(COUNTED.alloc(layout).is_null());
        assert!(COUNTED.alloc_zeroed(layout).is_null());
        assert!(
            COUNTED
                .realloc((&raw mut block).cast(), layout, 64)
                .is_null()
        );
    }
    let reading = COUNTERS.read();
    assert_eq!(
        (
            reading.allocated_bytes,
            reading.live_blocks,
            reading.peak_bytes
        ),
        (0, 0, 0)
    );
}

#[test]
fn zeroed_memory_stays_untouched() {
    static COUNTERS: Counters = Counters::new();
    static COUNTED: CountingAlloc = CountingAlloc::counting_into(System, &COUNTERS);
    let size = 256 << 20;
    let resident = || {
        memory_stats::memory_stats()
            .expect("/proc is mounted")
            .physical_mem
    };
    let before = resident();
    let layout = Layout::from_size_align(size, 8).expect("small");
    // SAFETY: the size is not zero.
    let start = unsafe { COUNTED.alloc_zeroed(layout) };
    assert!(!start.is_null());
    assert_eq!(COUNTERS.read().live_bytes, size as u64);
    // Other tests run beside this one, but not with half of this.
    assert!(resident() < before + size / 2);
    free(&COUNTED, Block { start, layout });
}

#[cfg(not(feature = "dhat-heap"))]
#[test]
fn the_installed_allocator_counts_what_rust_code_allocates() {
    super::alone::alone(
        "counting::the_installed_allocator_counts_what_rust_code_allocates",
        &[],
        || {
            let heap = || leakgate_probe::heap().expect("it is installed");
            let before = heap();
            let mut kept: Vec<u8> = Vec::with_capacity(1000);
            kept.reserve_exact(5000);
            let with = heap();
            assert_eq!(with.live_bytes - before.live_bytes, 5000);
            assert_eq!(with.live_blocks - before.live_blocks, 1);
            assert_eq!(with.allocated_bytes - before.allocated_bytes, 5000);
            drop(kept);
            assert_same_live(before, heap());
        },
    );
}

#[cfg(feature = "dhat-heap")]
#[test]
fn without_a_counting_allocator_there_is_no_heap_reading() {
    assert_eq!(leakgate_probe::heap(), None);
}

static AT_EXIT: Counters = Counters::new();
static COUNTED_AT_EXIT: CountingAlloc = CountingAlloc::counting_into(System, &AT_EXIT);

/// What threads that have ended left behind.
static LEFT: std::sync::Mutex<Vec<Block>> = std::sync::Mutex::new(Vec::new());

/// Allocates and grows one block, and leaves it to the test.
fn allocate_at_exit(size: usize) {
    let mut model = Model::default();
    let alloc = Op::Alloc {
        size,
        align: 8,
        zeroed: false,
    };
    model.apply(&COUNTED_AT_EXIT, &alloc);
    let grow = Op::Realloc {
        which: 0,
        size: size + 1,
    };
    model.apply(&COUNTED_AT_EXIT, &grow);
    let mut left = LEFT.lock().expect("nobody panics with it");
    left.append(&mut model.blocks);
}

/// Runs after the slot was given back: the C library runs destructors in the order in which the keys were made.
unsafe extern "C" fn last_destructor(value: *mut std::ffi::c_void) {
    allocate_at_exit(value.addr());
}

struct AllocatesWhenDropped(usize);

impl Drop for AllocatesWhenDropped {
    fn drop(&mut self) {
        allocate_at_exit(self.0);
    }
}

thread_local! {
    static DROPPED: std::cell::RefCell<Option<AllocatesWhenDropped>> = const { std::cell::RefCell::new(None) };
}

#[test]
fn what_a_thread_allocates_while_it_ends_is_counted() {
    const THREADS: usize = 40;
    let mut key: libc::pthread_key_t = 0;
    // SAFETY: `key` is valid for writes and the destructor lives as long as the process.
    let created = unsafe { libc::pthread_key_create(&raw mut key, Some(last_destructor)) };
    assert_eq!(created, 0);
    // What one thread leaves: a block of 10 + 1 by itself, 100 + 1 by Rust's destructor, 1000 + 1 by C's.
    for ended in 1..=THREADS as u64 {
        std::thread::spawn(move || {
            allocate_at_exit(10);
            DROPPED.set(Some(AllocatesWhenDropped(100)));
            let size = std::ptr::without_provenance(1000);
            // SAFETY: the key exists and its value is not dereferenced.
            assert_eq!(unsafe { libc::pthread_setspecific(key, size) }, 0);
        })
        .join()
        .expect("no panic");
        let reading = AT_EXIT.read();
        assert_eq!(reading.live_blocks, 3 * ended);
        assert_eq!(reading.live_bytes, 1113 * ended);
    }
    let left = std::mem::take(&mut *LEFT.lock().expect("nobody panics with it"));
    left.into_iter()
        .for_each(|block| free(&COUNTED_AT_EXIT, block));
    assert_eq!(AT_EXIT.read().live_blocks, 0);
    assert_eq!(AT_EXIT.read().live_bytes, 0);
}

/// An allocator that never grows a block.
struct NeverGrows;

// SAFETY: all but `realloc` is the system's; a null there leaves the block as it was.
unsafe impl GlobalAlloc for NeverGrows {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        unsafe { System.dealloc(block, layout) };
    }

    unsafe fn realloc(&self, _block: *mut u8, _layout: Layout, _new_size: usize) -> *mut u8 {
        std::ptr::null_mut()
    }
}

#[test]
fn a_block_that_could_not_grow_stays_counted_as_it_was() {
    static COUNTERS: Counters = Counters::new();
    static COUNTED: CountingAlloc<NeverGrows> = CountingAlloc::counting_into(NeverGrows, &COUNTERS);
    // Beyond what malloc aligns by itself.
    let layout = Layout::from_size_align(300, 1 << 16).expect("small");
    // SAFETY: the size is not zero, the refused block is still live, and it is freed once.
    unsafe {
        let block = COUNTED.alloc(layout);
        assert!(!block.is_null() && block.addr().is_multiple_of(1 << 16));
        assert!(COUNTED.realloc(block, layout, 1 << 20).is_null());
        assert_eq!(COUNTERS.read().live_bytes, 300);
        assert_eq!(COUNTERS.read().live_blocks, 1);
        COUNTED.dealloc(block, layout);
    }
    assert_eq!(COUNTERS.read().live_bytes, 0);
}
