//! Owns seeded leaks: things that a process keeps because a harness asked it to, to show that the harness sees them.
//!
//! They exist only in a process that was started with `LEAKGATE_SEED=1` beside `LEAKGATE_PROBE`; without it every seed is
//! refused. Each request acts once; whoever asks repeats it per cycle. What a seed adds beyond what it names:
//!
//! | seed | keeps | and beside it |
//! |---|---|---|
//! | `heap <bytes>` | one counted block of exactly so many bytes | the allocator's own rounding, which is not counted |
//! | `blocks <n>` | n counted blocks of 16 bytes | as above |
//! | `fd` | one descriptor of `/dev/null` | nothing |
//! | `thread` | one parked thread, `leak-seed` | 64 KiB of address space, about 8 KiB resident, glibc's thread table (C heap, not counted) |
//! | `zombie` | one child that has exited | nothing; it is made with an exit signal of 0, so that neither SIGCHLD nor a wait without `__WALL` finds it |
//! | `file <dir>` | one empty file there | nothing; nobody removes it |
//! | `length`, `capacity <bytes>` | a gauge that says so | nothing: no memory stands behind it |
//! | `resident <bytes>` | so many touched bytes, in whole pages, outside the heap | page tables; one mapping, which the kernel may join with its neighbour |
//! | `cache <bytes> <entries>` | at most so many counted blocks | nothing |
//! | `step <bytes>` | one counted block, however often it is asked for | nothing |
//! | `sawtooth <bytes> <period>` | a counted block more per request, all given back by every period-th | nothing |
//! | `freelist <bytes>` | at most 8 counted blocks | nothing |
//!
//! What is kept for good is not remembered: a list of it would itself grow. What is given back again stands in tables
//! that are allocated once, when the probe starts. The first counted block of the probe's thread makes glibc open an arena
//! for that thread (address space, and two pages).

use std::hint::black_box;

use crate::gauge::Gauge;
use crate::protocol::seed::{Seed, TABLE_ENTRIES};

mod os;

/// The environment variable that allows seeds, when it is `1`.
pub const SEED_VARIABLE: &str = "LEAKGATE_SEED";

/// Bytes kept for good on the heap, and again outside of it: far more than a self-test needs, far less than a machine has.
const KEPT_BYTES_MAX: usize = 256 << 20;
/// Blocks kept for good; with the allocator's rounding at most 32 MiB of the smallest.
const KEPT_BLOCKS_MAX: usize = 1 << 20;
/// Descriptors, threads and zombies of each kind: half of the 1024 descriptors that a process may have by default.
const OBJECTS_MAX: usize = 512;
/// Files in directories of the harness's own.
const FILES_MAX: usize = 4096;
/// Blocks that the freelist keeps.
const FREELIST_KEPT: usize = 8;
/// Bytes of one of the blocks of `seed blocks`.
const SMALL_BYTES: usize = 16;
/// What the seeded capacity gauge declares: passed by the first honest amount.
const CAPACITY_MAX_BYTES: usize = 4096;

static LENGTH: Gauge = Gauge::length("leakgate.seed.length");
static CAPACITY: Gauge = Gauge::capacity("leakgate.seed.capacity", CAPACITY_MAX_BYTES);

/// The gauges that an armed probe lists after its daemon's own.
pub(crate) static GAUGES: &[&Gauge] = &[&LENGTH, &CAPACITY];

/// Why a seed was not sown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeedError {
    #[error(
        "seeds are refused: this process was not started with {SEED_VARIABLE}=1 beside {}",
        crate::probe::PROBE_VARIABLE
    )]
    NotArmed,
    #[error("this process holds all the seeded {what} that it may; allowed: {most}")]
    Full { what: &'static str, most: usize },
    #[error("the system refused: {0}")]
    System(#[from] rustix::io::Errno),
}

impl SeedError {
    /// The word that programs read.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::NotArmed => "wrong_state",
            Self::Full { .. } => "too_large",
            Self::System(_) => "io",
        }
    }
}

/// How much of something was kept for good, up to a bound.
#[derive(Debug)]
struct Kept {
    what: &'static str,
    now: usize,
    most: usize,
}

impl Kept {
    const fn new(what: &'static str, most: usize) -> Self {
        Self { what, now: 0, most }
    }

    /// Whether `more` of it fit; nothing is taken yet.
    fn room(&self, more: usize) -> Result<(), SeedError> {
        if self.most - self.now < more {
            return Err(SeedError::Full {
                what: self.what,
                most: self.most,
            });
        }
        Ok(())
    }

    /// Does `keep` if `more` of it fit, and counts it if that succeeds.
    fn add(
        &mut self,
        more: usize,
        keep: impl FnOnce(usize) -> Result<(), SeedError>,
    ) -> Result<(), SeedError> {
        self.room(more)?;
        keep(self.now)?;
        self.now += more;
        Ok(())
    }
}

/// What has been sown in this process. Every table in it is allocated when the probe starts, and none grows.
#[derive(Debug)]
pub(crate) struct Seeds {
    bytes: Kept,
    blocks: Kept,
    fds: Kept,
    threads: Kept,
    zombies: Kept,
    files: Kept,
    resident: Kept,
    cache: Vec<Box<[u8]>>,
    cache_oldest: usize,
    step: Option<Box<[u8]>>,
    sawtooth: Vec<Box<[u8]>>,
    freelist: Vec<Box<[u8]>>,
    freelist_taken: Vec<Box<[u8]>>,
    freelist_calls: usize,
}

impl Seeds {
    pub(crate) fn new() -> Self {
        Self {
            bytes: Kept::new("heap bytes", KEPT_BYTES_MAX),
            blocks: Kept::new("blocks", KEPT_BLOCKS_MAX),
            fds: Kept::new("descriptors", OBJECTS_MAX),
            threads: Kept::new("threads", OBJECTS_MAX),
            zombies: Kept::new("zombies", OBJECTS_MAX),
            files: Kept::new("files", FILES_MAX),
            resident: Kept::new("resident bytes", KEPT_BYTES_MAX),
            cache: Vec::with_capacity(TABLE_ENTRIES),
            cache_oldest: 0,
            step: None,
            sawtooth: Vec::with_capacity(TABLE_ENTRIES),
            freelist: Vec::with_capacity(FREELIST_KEPT),
            freelist_taken: Vec::with_capacity(FREELIST_KEPT),
            freelist_calls: 0,
        }
    }

    /// Sows one seed.
    pub(crate) fn sow(&mut self, seed: Seed<'_>) -> Result<(), SeedError> {
        match seed {
            Seed::Heap { bytes } => self.keep_blocks(1, bytes)?,
            Seed::Blocks { count } => self.keep_blocks(count, SMALL_BYTES)?,
            Seed::Fd => self.fds.add(1, |_| os::keep_descriptor())?,
            Seed::Thread => self.threads.add(1, |_| os::park_thread())?,
            Seed::Zombie => self.zombies.add(1, |_| os::leave_zombie())?,
            Seed::File { directory } => self.files.add(1, |n| os::leave_file(directory, n))?,
            Seed::Resident { bytes } => self.resident.add(bytes, |_| os::touch(bytes))?,
            Seed::Length => LENGTH.add(1),
            Seed::Capacity { bytes } => CAPACITY.add(bytes),
            Seed::Cache { bytes, entries } => self.cache(bytes, entries),
            Seed::Step { bytes } => {
                self.step.get_or_insert_with(|| block(bytes));
            }
            Seed::Sawtooth { bytes, period } => self.sawtooth(bytes, period),
            Seed::Freelist { bytes } => self.freelist(bytes),
        }
        Ok(())
    }

    fn keep_blocks(&mut self, count: usize, bytes: usize) -> Result<(), SeedError> {
        self.bytes.room(count * bytes)?;
        self.blocks.add(count, |_| {
            for _ in 0..count {
                // The leak itself: the owner goes, the block stays.
                black_box(Box::into_raw(block(bytes)));
            }
            Ok(())
        })?;
        self.bytes.add(count * bytes, |_| Ok(()))
    }

    /// Adds an entry, in the place of the oldest one once there are `entries`.
    fn cache(&mut self, bytes: usize, entries: usize) {
        let entry = block(bytes);
        if self.cache.len() < entries {
            self.cache.push(entry);
            return;
        }
        self.cache_oldest %= self.cache.len();
        self.cache[self.cache_oldest] = entry;
        self.cache_oldest += 1;
    }

    /// Adds a block; the last request of a period gives all of them back instead.
    fn sawtooth(&mut self, bytes: usize, period: usize) {
        if self.sawtooth.len() + 1 >= period {
            self.sawtooth.clear();
        } else {
            self.sawtooth.push(block(bytes));
        }
    }

    /// Takes from 1 to [`FREELIST_KEPT`] blocks at once, from the list as far as it has some, and gives all to the list.
    fn freelist(&mut self, bytes: usize) {
        let wanted = 1 + self.freelist_calls % FREELIST_KEPT;
        self.freelist_calls += 1;
        for _ in 0..wanted {
            let taken = self.freelist.pop().unwrap_or_else(|| block(bytes));
            self.freelist_taken.push(black_box(taken));
        }
        self.freelist.append(&mut self.freelist_taken);
    }
}

/// A block of exactly so many bytes from the process's global allocator, every byte of it written.
fn block(bytes: usize) -> Box<[u8]> {
    black_box(vec![0xa5; bytes].into_boxed_slice())
}
