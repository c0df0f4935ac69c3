//! Owns which thread has which slot: the index of the shard that it alone writes to.
//!
//! A thread takes the lowest free slot at its first counted call and gives it back when it ends, through a destructor
//! of a pthread key: the thread local itself has none, so that it can be read at any point of a thread's life. Sole
//! ownership is what lets a counter be a plain load and store instead of a locked instruction.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::ledger::Place;
use super::registry::Registry;
use crate::fork;

/// Threads that may have a slot at the same time. Later ones share one shard: exact too, but with locked
/// instructions. Far above what an event-driven daemon runs; each slot costs one flag here.
pub(super) const SLOTS: usize = 256;

// What the thread local holds instead of a slot; all are above every slot.
const UNCLAIMED: usize = usize::MAX;
const SHARED: usize = usize::MAX - 1;
const PASS_THROUGH: usize = usize::MAX - 2;

static REGISTRY: Registry<SLOTS> = Registry {
    taken: [const { AtomicBool::new(false) }; SLOTS],
    ever_taken: AtomicUsize::new(0),
};

/// The pthread key plus one; 0 before [`install_exit_hook`].
static EXIT_KEY: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static SLOT: Cell<usize> = const { Cell::new(UNCLAIMED) };
}

/// Where the calling thread counts. One thread-local load and one comparison once a thread has its slot.
#[inline]
pub(super) fn place() -> Place {
    let slot = SLOT.get();
    if slot < SLOTS {
        Place::Own(slot)
    } else {
        place_without_slot(slot)
    }
}

#[cold]
fn place_without_slot(slot: usize) -> Place {
    match slot {
        PASS_THROUGH => Place::Nowhere,
        SHARED => Place::Shared,
        _ if fork::in_child() => {
            pass_through();
            Place::Nowhere
        }
        _ => claim(),
    }
}

/// How many slots were ever in use: all others have counted nothing.
pub(super) fn ever_taken() -> usize {
    REGISTRY.ever_taken()
}

/// From now on the calling thread counts nothing.
pub(crate) fn pass_through() {
    SLOT.set(PASS_THROUGH);
}

/// Creates the key whose destructor gives slots back. Until then every thread uses the shared shard. False if the
/// process has no key left.
#[expect(unsafe_code, reason = "creates a pthread key")]
pub(crate) fn install_exit_hook() -> bool {
    if EXIT_KEY.load(Ordering::Acquire) != 0 {
        return true;
    }
    let mut key: libc::pthread_key_t = 0;
    // SAFETY: `key` is valid for writes and `release` is a function for the life of the process.
    let created = unsafe { libc::pthread_key_create(&raw mut key, Some(release)) } == 0;
    if created {
        EXIT_KEY.store(u64::from(key) + 1, Ordering::Release);
    }
    created
}

fn claim() -> Place {
    let Some(key) = EXIT_KEY.load(Ordering::Acquire).checked_sub(1) else {
        // Before the constructors have run. Not remembered: the thread gets its slot at a later call.
        return Place::Shared;
    };
    let Some(slot) = REGISTRY.take() else {
        SLOT.set(SHARED);
        return Place::Shared;
    };
    if !release_at_exit(key, slot) {
        REGISTRY.give_back(slot);
        SLOT.set(SHARED);
        return Place::Shared;
    }
    SLOT.set(slot);
    Place::Own(slot)
}

#[expect(unsafe_code, reason = "sets the value of a pthread key")]
fn release_at_exit(key: u64, slot: usize) -> bool {
    let key = libc::pthread_key_t::try_from(key).expect("stored from a pthread_key_t");
    let value = std::ptr::without_provenance::<c_void>(slot + 1);
    // SAFETY: the key was created and is never deleted; its value is not dereferenced by anybody. glibc may call
    // calloc here for high keys: C's, not the Rust allocator that is being called.
    unsafe { libc::pthread_setspecific(key, value) == 0 }
}

/// The key's destructor: runs when the thread ends, after Rust's own thread-local destructors. What the thread
/// allocates or frees after this is counted in the shared shard.
#[expect(
    unsafe_code,
    reason = "the C library wants its own kind of function pointer"
)]
unsafe extern "C" fn release(value: *mut c_void) {
    SLOT.set(SHARED);
    REGISTRY.give_back(value.addr() - 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_slot() -> Option<usize> {
        match place() {
            Place::Own(slot) => Some(slot),
            Place::Shared | Place::Nowhere => None,
        }
    }

    #[test]
    fn two_live_threads_never_have_the_same_slot() {
        let mine = own_slot().expect("fewer threads than slots");
        let theirs = std::thread::spawn(own_slot).join().expect("no panic");
        assert_ne!(Some(mine), theirs);
        assert_eq!(own_slot(), Some(mine), "a thread keeps its slot");
    }

    #[test]
    fn threads_that_end_give_their_slots_back() {
        for _ in 0..4 * SLOTS {
            let slot = std::thread::spawn(own_slot).join().expect("no panic");
            assert!(slot.is_some(), "slots ran out although their owners ended");
        }
    }
}
