//! Seeds: what a probe can be asked to keep, so that a self-test sees whether it is noticed.

use std::path::Path;

/// One seed. Each request acts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seed {
    /// One heap block of exactly so many bytes is kept.
    Heap(u64),
    /// So many blocks of 16 bytes are kept.
    Blocks(u64),
    /// A descriptor is kept.
    Fd,
    /// A parked thread is kept.
    Thread,
    /// A child that has exited is kept.
    Zombie,
    /// An empty file is left in a directory of the target's own.
    File,
    /// A length gauge grows by one.
    Length,
    /// A capacity gauge grows by so many bytes, beyond what it declares.
    Capacity(u64),
    /// So many bytes outside the heap are touched and kept.
    Resident(u64),
    /// A cache gets an entry of so many bytes, in the place of the oldest once it has its entries.
    Cache {
        /// Of an entry.
        bytes: u64,
        /// The most there are.
        entries: u32,
    },
    /// A block of so many bytes is kept, by the first request only.
    Step(u64),
    /// A block of so many bytes more per request; every so many requests all are given back.
    Sawtooth {
        /// Of a block.
        bytes: u64,
        /// Requests.
        period: u32,
    },
    /// Blocks of so many bytes are taken from a list that keeps a bounded number, and given back to it.
    Freelist(u64),
}

/// Bytes that one process keeps on the heap, and again outside of it.
const KEPT_BYTES_MAX: u64 = 256 << 20;
/// Blocks that one process keeps.
const KEPT_BLOCKS_MAX: u64 = 1 << 20;
/// Descriptors that one process keeps; as many threads, and as many zombies.
const OBJECTS_MAX: u64 = 512;
/// Files that one process leaves.
const FILES_MAX: u64 = 4096;

impl Seed {
    /// The largest heap block.
    pub const BLOCK_BYTES_MAX: u64 = 1 << 20;
    /// The most that one request makes resident.
    pub const RESIDENT_BYTES_MAX: u64 = 16 << 20;
    /// The most entries of a cache.
    pub const ENTRIES_MAX: u32 = 1024;

    /// How often it can be sown in one process; none where there is no end to it.
    pub fn requests_max(&self) -> Option<u64> {
        match self {
            Seed::Heap(bytes) => Some(KEPT_BLOCKS_MAX.min(KEPT_BYTES_MAX / (*bytes).max(1))),
            Seed::Blocks(count) => Some(KEPT_BLOCKS_MAX / (*count).max(1)),
            Seed::Resident(bytes) => Some(KEPT_BYTES_MAX / (*bytes).max(1)),
            Seed::Fd | Seed::Thread | Seed::Zombie => Some(OBJECTS_MAX),
            Seed::File => Some(FILES_MAX),
            Seed::Length
            | Seed::Capacity(_)
            | Seed::Cache { .. }
            | Seed::Step(_)
            | Seed::Sawtooth { .. }
            | Seed::Freelist(_) => None,
        }
    }

    /// The probe's request for it; a file is left in `directory`.
    pub(super) fn request(&self, directory: &Path) -> String {
        match self {
            Seed::Heap(bytes) => format!("seed heap {bytes}"),
            Seed::Blocks(count) => format!("seed blocks {count}"),
            Seed::Fd => "seed fd".to_owned(),
            Seed::Thread => "seed thread".to_owned(),
            Seed::Zombie => "seed zombie".to_owned(),
            Seed::File => format!("seed file {}", directory.display()),
            Seed::Length => "seed length".to_owned(),
            Seed::Capacity(bytes) => format!("seed capacity {bytes}"),
            Seed::Resident(bytes) => format!("seed resident {bytes}"),
            Seed::Cache { bytes, entries } => format!("seed cache {bytes} {entries}"),
            Seed::Step(bytes) => format!("seed step {bytes}"),
            Seed::Sawtooth { bytes, period } => format!("seed sawtooth {bytes} {period}"),
            Seed::Freelist(bytes) => format!("seed freelist {bytes}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// leakgate does not link the probe: the bounds stand in both, and have to be the same.
    #[test]
    fn the_bounds_are_those_of_the_probe() {
        let probe = Path::new(env!("CARGO_MANIFEST_DIR")).join("probe/src");
        let text = ["seed.rs", "protocol/seed.rs"]
            .map(|file| std::fs::read_to_string(probe.join(file)).unwrap())
            .concat();
        for (name, bound) in [
            (
                "KEPT_BYTES_MAX: usize = 256 << 20;",
                KEPT_BYTES_MAX == 256 << 20,
            ),
            (
                "KEPT_BLOCKS_MAX: usize = 1 << 20;",
                KEPT_BLOCKS_MAX == 1 << 20,
            ),
            ("OBJECTS_MAX: usize = 512;", OBJECTS_MAX == 512),
            ("FILES_MAX: usize = 4096;", FILES_MAX == 4096),
            ("TABLE_ENTRIES: usize = 1024;", Seed::ENTRIES_MAX == 1024),
            (
                "BLOCK_BYTES: RangeInclusive<u64> = 1..=1 << 20;",
                Seed::BLOCK_BYTES_MAX == 1 << 20,
            ),
            (
                "RESIDENT_BYTES: RangeInclusive<u64> = 1..=16 << 20;",
                Seed::RESIDENT_BYTES_MAX == 16 << 20,
            ),
        ] {
            assert!(bound && text.contains(name), "{name}");
        }
    }
}
