//! Kinds of seeds: what each is sown as, and which gate must see it, or that none may.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::SelfTest;
use crate::drive::{Seeding, Sowing};
use crate::sample::seed::Seed;
use crate::units::Bytes;

/// What a run of the self-test sows. Closed: a reader fails on one that it does not know.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing: what is called a leak here is a false alarm.
    Clean,
    /// A heap block per cycle.
    Heap,
    /// Several blocks of 16 bytes per cycle.
    Blocks,
    /// Descriptors.
    Fd,
    /// Threads.
    Thread,
    /// Children that nobody reaps.
    Zombie,
    /// Files.
    File,
    /// A length gauge that grows.
    Length,
    /// A capacity gauge beyond what it declares.
    Capacity,
    /// Memory outside the heap.
    Resident,
    /// A cache that fills, and is not a leak.
    Cache,
    /// One block, once: not a leak.
    Step,
    /// Blocks that are all given back from time to time: not a leak.
    Sawtooth,
    /// A list of blocks to use again: not a leak.
    Freelist,
}

/// How much of a kind is sown: so much, in every so many cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dose {
    /// Bytes, blocks or objects.
    pub amount: u64,
    /// Cycles; at least 1.
    pub every: u32,
}

/// How a dose becomes smaller, when the smallest that is caught is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// Fewer bytes per cycle, in multiples of this.
    Bytes(u64),
    /// One object in more cycles.
    Rarer,
}

const EACH: fn(u64) -> Dose = |amount| Dose { amount, every: 1 };

impl Kind {
    /// Every kind, in the order of reports.
    pub const ALL: [Kind; 14] = [
        Kind::Clean,
        Kind::Heap,
        Kind::Fd,
        Kind::Thread,
        Kind::Zombie,
        Kind::File,
        Kind::Step,
        Kind::Sawtooth,
        Kind::Cache,
        Kind::Freelist,
        Kind::Blocks,
        Kind::Length,
        Kind::Capacity,
        Kind::Resident,
    ];

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Clean => "clean",
            Kind::Heap => "heap",
            Kind::Blocks => "blocks",
            Kind::Fd => "fd",
            Kind::Thread => "thread",
            Kind::Zombie => "zombie",
            Kind::File => "file",
            Kind::Length => "length",
            Kind::Capacity => "capacity",
            Kind::Resident => "resident",
            Kind::Cache => "cache",
            Kind::Step => "step",
            Kind::Sawtooth => "sawtooth",
            Kind::Freelist => "freelist",
        }
    }

    /// The metric whose gate must call it a leak, or the group of metrics; none for what is not a leak.
    pub fn watched_by(self) -> Option<&'static str> {
        match self {
            Kind::Clean | Kind::Cache | Kind::Step | Kind::Sawtooth | Kind::Freelist => None,
            Kind::Heap | Kind::Blocks => Some("heap.per_cycle"),
            Kind::Fd => Some("fds"),
            Kind::Thread => Some("threads"),
            Kind::Zombie => Some("zombies"),
            Kind::File => Some("disk"),
            Kind::Length | Kind::Capacity => Some("gauges"),
            Kind::Resident => Some("rss"),
        }
    }

    /// What its gate must name, where the metric tells things by name.
    pub(super) fn named(self) -> Option<&'static str> {
        match self {
            Kind::Length => Some("leakgate.seed.length"),
            Kind::Capacity => Some("leakgate.seed.capacity"),
            Kind::Thread => Some("leak-seed"),
            _ => None,
        }
    }

    /// Whether `metric` is the one that watches for it, or of that group.
    pub(super) fn is_watched_by(self, metric: &str) -> bool {
        self.watched_by().is_some_and(|watcher| {
            let rest = metric.strip_prefix(watcher);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// What is sown where nothing else is asked for: of the kinds that `declared` names, the smallest that must be seen.
    pub(super) fn dose(self, declared: &SelfTest) -> Dose {
        let one_in = |every| Dose { amount: 1, every };
        match self {
            Kind::Clean => EACH(0),
            // Nothing cannot be sown; the smallest that can be is then too much.
            Kind::Heap => EACH(declared.heap.0.max(1)),
            Kind::Resident => EACH(declared.resident.0.max(1)),
            Kind::Fd => one_in(declared.fd),
            Kind::Thread => one_in(declared.thread),
            Kind::Zombie => one_in(declared.zombie),
            Kind::File => one_in(declared.file),
            Kind::Length => one_in(declared.length),
            Kind::Blocks => EACH(4),
            // Beyond the 4096 bytes that the gauge declares from the fifth cycle on.
            Kind::Capacity => EACH(1024),
            Kind::Cache => EACH(256),
            Kind::Step => EACH(64 << 10),
            Kind::Sawtooth => EACH(1024),
            Kind::Freelist => EACH(4096),
        }
    }

    /// The most bytes per cycle that are declared to be the least seen; none for what is not declared in bytes.
    pub(super) fn declared_bytes(self, declared: &SelfTest) -> Option<u64> {
        match self {
            Kind::Heap => Some(declared.heap.0),
            Kind::Resident => Some(declared.resident.0),
            _ => None,
        }
    }

    /// How it becomes smaller; none for what is sown in one size only.
    pub(super) fn scale(self) -> Option<Scale> {
        match self {
            Kind::Heap => Some(Scale::Bytes(1)),
            Kind::Resident => Some(Scale::Bytes(64 << 10)),
            Kind::Fd | Kind::Thread | Kind::Zombie | Kind::File | Kind::Length => {
                Some(Scale::Rarer)
            }
            _ => None,
        }
    }

    /// The seed of it, and when it is sown in a scenario of so many `measured` cycles. Leaks are sown from the first cycle
    /// of the warm-up on, as one of the target's own would be; what fills or steps, in the measured cycles, where it could
    /// be mistaken.
    pub(super) fn seeding(self, dose: Dose, measured: u32) -> Option<Seeding> {
        /// Requests after which the sawtooth gives everything back: no divisor of a window's length.
        const PERIOD: u32 = 7;
        let bytes = dose.amount;
        let half = (measured / 2).max(1);
        let (seed, when) = match self {
            Kind::Clean => return None,
            Kind::Heap => (Seed::Heap(bytes), Sowing::Every(dose.every)),
            Kind::Blocks => (Seed::Blocks(bytes), Sowing::Every(dose.every)),
            Kind::Fd => (Seed::Fd, Sowing::Every(dose.every)),
            Kind::Thread => (Seed::Thread, Sowing::Every(dose.every)),
            Kind::Zombie => (Seed::Zombie, Sowing::Every(dose.every)),
            Kind::File => (Seed::File, Sowing::Every(dose.every)),
            Kind::Length => (Seed::Length, Sowing::Every(dose.every)),
            Kind::Capacity => (Seed::Capacity(bytes), Sowing::Every(dose.every)),
            Kind::Resident => (Seed::Resident(bytes), Sowing::Every(dose.every)),
            Kind::Cache => (
                Seed::Cache {
                    bytes,
                    entries: half.min(Seed::ENTRIES_MAX),
                },
                Sowing::From(1),
            ),
            Kind::Step => (Seed::Step(bytes), Sowing::From(half)),
            Kind::Sawtooth => (
                Seed::Sawtooth {
                    bytes,
                    period: PERIOD,
                },
                Sowing::Every(1),
            ),
            Kind::Freelist => (Seed::Freelist(bytes), Sowing::From(1)),
        };
        Some(Seeding { seed, when })
    }

    /// A dose of it, for people.
    pub(super) fn describe(self, dose: Dose) -> String {
        let bytes = Bytes(dose.amount);
        match (self, dose.every) {
            (Kind::Clean, _) => "nothing".to_owned(),
            (Kind::Step, _) => format!("{bytes}, once"),
            (Kind::Blocks, _) => format!("{} of 16 B per cycle", dose.amount),
            (Kind::Fd | Kind::Thread | Kind::Zombie | Kind::File | Kind::Length, 1) => {
                "1 per cycle".to_owned()
            }
            (Kind::Fd | Kind::Thread | Kind::Zombie | Kind::File | Kind::Length, every) => {
                format!("1 in {every} cycles")
            }
            _ => format!("{bytes} per cycle"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
