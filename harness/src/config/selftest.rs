//! What a project declares of its self-test: how small a leak is still seen, and how often none is called one.

use crate::sample::seed::Seed;
use crate::source::{Node, Problems};
use crate::units::Bytes;

/// Cycles that one seeded object may be spread over.
const CYCLES_MAX: u32 = 1000;

/// `[target.NAME.selftest]`: the smallest leaks that every run must catch, and the rate of false alarms that is allowed.
/// What is not written keeps the value of [`SelfTest::default`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelfTest {
    /// A heap block of so many bytes per cycle.
    pub heap: Bytes,
    /// So many bytes outside the heap per cycle.
    pub resident: Bytes,
    /// One descriptor in so many cycles; the same for those below.
    pub fd: u32,
    /// Threads.
    pub thread: u32,
    /// Zombies.
    pub zombie: u32,
    /// Files.
    pub file: u32,
    /// Entries that a length gauge counts.
    pub length: u32,
    /// The share of runs without a leak that may be called one.
    pub false_alarms: f64,
}

impl Default for SelfTest {
    /// What a daemon whose heap moves by a kilobyte between cycles can hold itself to, in a scenario of 31 cycles.
    fn default() -> Self {
        Self {
            heap: Bytes(64),
            resident: Bytes(1 << 20),
            fd: 1,
            thread: 1,
            zombie: 1,
            file: 1,
            length: 1,
            false_alarms: 0.0,
        }
    }
}

/// Reads the table.
pub(super) fn read(node: &Node<'_>, problems: &mut Problems) -> Option<SelfTest> {
    const KEYS: [&str; 8] = [
        "heap",
        "resident",
        "fd",
        "thread",
        "zombie",
        "file",
        "length",
        "false_alarms",
    ];
    let table = node.table("a table of the smallest leaks", problems)?;
    table.only(&KEYS, "`selftest`", problems);
    let mut selftest = SelfTest::default();
    let mut right = true;
    for (key, bytes, most) in [
        ("heap", &mut selftest.heap, Seed::BLOCK_BYTES_MAX),
        ("resident", &mut selftest.resident, Seed::RESIDENT_BYTES_MAX),
    ] {
        if let Some(node) = table.get(key) {
            right &= put(bytes_up_to(Bytes(most), &node, problems), bytes);
        }
    }
    for (key, cycles) in [
        ("fd", &mut selftest.fd),
        ("thread", &mut selftest.thread),
        ("zombie", &mut selftest.zombie),
        ("file", &mut selftest.file),
        ("length", &mut selftest.length),
    ] {
        if let Some(node) = table.get(key) {
            let read = node.count(1..=CYCLES_MAX, "cycles for one", problems);
            right &= put(read, cycles);
        }
    }
    if let Some(node) = table.get("false_alarms") {
        right &= put(node.share(problems), &mut selftest.false_alarms);
    }
    right.then_some(selftest)
}

/// A size that a probe can sow in one cycle.
fn bytes_up_to(most: Bytes, node: &Node<'_>, problems: &mut Problems) -> Option<Bytes> {
    let bytes = node.bytes(problems)?;
    if bytes > most {
        problems.add(
            node.span.clone(),
            format!("{bytes} per cycle is more than can be seeded"),
            format!("expected at most {most}"),
        );
        return None;
    }
    Some(bytes)
}

/// Puts what was read in its place; whether anything was, so that every problem of the table is told at once.
fn put<T>(read: Option<T>, place: &mut T) -> bool {
    let Some(read) = read else { return false };
    *place = read;
    true
}
