//! Model tests: loom runs the ledger and the registry through the interleavings of a few threads, and lets relaxed loads
//! return stale values. That finds errors of ordering that x86, which never reorders stores, does not show.

use loom::sync::Arc;
use loom::thread;

mod atomics {
    pub(super) use loom::sync::atomic::{
        AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

#[expect(
    clippy::duplicate_mod,
    unreachable_pub,
    dead_code,
    reason = "the same source again, on loom's atomics"
)]
#[path = "ledger.rs"]
mod ledger;

#[expect(
    clippy::duplicate_mod,
    reason = "the same source again, on loom's atomics"
)]
#[path = "registry.rs"]
mod registry;

use atomics::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize};
use ledger::{HeapReading, Ledger, Place, STEP, Shard, Total};
use registry::Registry;

/// More than the step, so that it is told at once.
const LARGE: usize = 20_000;

struct Model<const SLOTS: usize> {
    ledger: Ledger<SLOTS>,
    registry: Registry<SLOTS>,
}

impl<const SLOTS: usize> Model<SLOTS> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            ledger: Ledger {
                shards: std::array::from_fn(|_| shard()),
                shared: shard(),
                total: Total {
                    live: AtomicI64::new(0),
                    peak: AtomicI64::new(0),
                },
            },
            registry: Registry {
                taken: std::array::from_fn(|_| AtomicBool::new(false)),
                ever_taken: AtomicUsize::new(0),
            },
        })
    }

    /// What a thread does at its first counted call.
    fn place(&self) -> Place {
        self.registry.take().map_or(Place::Shared, Place::Own)
    }

    /// What a thread does when it ends.
    fn leave(&self, place: Place) {
        if let Place::Own(slot) = place {
            self.registry.give_back(slot);
        }
    }

    fn read(&self) -> HeapReading {
        self.ledger.read(|| self.registry.ever_taken())
    }
}

fn shard() -> Shard {
    Shard {
        allocated_bytes: AtomicU64::new(0),
        freed_bytes: AtomicU64::new(0),
        allocated_blocks: AtomicU64::new(0),
        freed_blocks: AtomicU64::new(0),
        ceiling: AtomicI64::new(STEP),
        floor: AtomicI64::new(-STEP),
    }
}

#[test]
fn nothing_is_lost_when_a_slot_changes_hands() {
    loom::model(|| {
        // One slot for two threads: one after the other, or the later one in the shared shard.
        let model = Model::<1>::new();
        let threads = [3, LARGE].map(|bytes| {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                let place = model.place();
                model.ledger.allocated(place, bytes);
                model.ledger.resized(place, bytes, bytes + 1);
                model.leave(place);
            })
        });
        for thread in threads {
            thread.join().expect("no panic");
        }
        let reading = model.read();
        assert_eq!(reading.live_bytes, 3 + LARGE as u64 + 2);
        assert_eq!(reading.allocated_blocks, 2);
        assert!(reading.peak_bytes >= reading.live_bytes);
    });
}

#[test]
fn two_threads_that_hold_slots_hold_different_ones() {
    loom::model(|| {
        let model = Model::<2>::new();
        let holders = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let threads = [(); 2].map(|()| {
            let (model, holders) = (Arc::clone(&model), Arc::clone(&holders));
            thread::spawn(move || {
                let slot = model.registry.take().expect("as many slots as threads");
                let others = holders[slot].fetch_add(1, atomics::Ordering::Relaxed);
                assert_eq!(others, 0);
                holders[slot].fetch_sub(1, atomics::Ordering::Relaxed);
                model.registry.give_back(slot);
            })
        });
        for thread in threads {
            thread.join().expect("no panic");
        }
    });
}

/// The block goes from thread to thread, and from slot to slot, while somebody reads.
#[test]
fn a_reader_never_sees_a_free_without_its_allocation() {
    loom::model(|| {
        let model = Model::<2>::new();
        // Kept throughout, by a thread that frees what others allocate.
        let mine = model.place();
        model.ledger.allocated(mine, 100);
        let reader = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                let reading = model.read();
                assert!(reading.live_bytes >= 100, "{reading:?}");
                assert!(reading.live_blocks >= 1, "{reading:?}");
            })
        };
        let allocating = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                let place = model.place();
                model.ledger.allocated(place, 7);
            })
        };
        allocating.join().expect("no panic");
        model.ledger.freed(mine, 7);
        reader.join().expect("no panic");
        assert_eq!(model.read().live_bytes, 100);
    });
}

#[test]
fn the_peak_knows_what_two_threads_hold_at_the_same_time() {
    loom::model(|| {
        let model = Model::<2>::new();
        let mine = model.place();
        let other = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                let place = model.place();
                model.ledger.allocated(place, LARGE);
            })
        };
        model.ledger.allocated(mine, LARGE);
        other.join().expect("no panic");
        model.ledger.freed(mine, LARGE);
        let reading = model.read();
        assert_eq!(reading.live_bytes, LARGE as u64);
        assert_eq!(reading.peak_bytes, 2 * LARGE as u64);
    });
}
