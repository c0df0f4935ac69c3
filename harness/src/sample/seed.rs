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

impl Seed {
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
