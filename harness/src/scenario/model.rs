//! What a scenario means, once its TOML has been read: types that cannot be wrong.
//!
//! Every field has been checked by `scenario::parse`; nothing here is checked again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::metric::Metric;
use super::wire::Exchange;
use crate::units::Bytes;

/// One question about a target, with the load that asks it and the gates that judge the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The file's stem: `heavy-output`.
    pub name: String,
    /// SHA-256 of the TOML text, hexadecimal.
    pub sha256: String,
    /// The one sentence that the verdict answers.
    pub question: String,
    /// The target it is written for; `--target` overrides it.
    pub target: String,
    /// The suite it belongs to.
    pub suite: Suite,
    /// How often the load is repeated.
    pub cycles: Cycles,
    /// The longest the scenario may take, profiling included; past it the verdict is `timeout`.
    pub deadline: Duration,
    /// Values that change from cycle to cycle: `{name}` in a step is `values[cycle % values.len()]`.
    pub vary: BTreeMap<String, Vec<String>>,
    /// The load of one cycle, in order; it ends where it began.
    pub steps: Vec<Step>,
    /// What may be kept.
    pub gates: Vec<Gate>,
}

/// The groups that scenarios run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum Suite {
    /// Every change: the default.
    Gate,
    /// Nightly.
    Full,
    /// Hours.
    Soak,
    /// What leakgate tests itself with.
    Selftest,
}

impl Suite {
    /// The suites by their names.
    pub const CHOICES: [(&'static str, Suite); 4] = [
        ("gate", Suite::Gate),
        ("full", Suite::Full),
        ("soak", Suite::Soak),
        ("selftest", Suite::Selftest),
    ];
}

/// How often the load is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cycles {
    /// Cycles before the first one that counts.
    pub warmup: Warmup,
    /// Cycles that are judged; a prime makes a site's multiple of it no coincidence.
    pub measure: u32,
    /// The most cycles a sequential verdict may ask for; at least `measure`.
    pub max: u32,
    /// Cycles that are judged under `--quick`.
    pub quick: u32,
    /// Cycles of the shorter profiled window; the longer one has twice as many. More than any
    /// bounded cache of the target takes to fill, or the cache looks like a growing site.
    pub profile: u32,
}

/// When the warm-up ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warmup {
    /// When the readings say so (bounded by [`Warmup::AUTO_MAX`] cycles).
    Auto,
    /// After so many cycles.
    Fixed(u32),
}

impl Warmup {
    /// A target whose readings still move after this many cycles is not warming up.
    pub const AUTO_MAX: u32 = 40;
}

/// One step of a cycle, and the cycles it takes part in.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The line in the scenario's file, from 1: errors at run time point there too.
    pub line: usize,
    /// Which cycles run it.
    pub when: When,
    /// What it does.
    pub action: Action,
    /// How long it may take before the target counts as stuck.
    pub within: Duration,
}

/// Which cycles run a step; cycles count from 1 in each phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// All of them.
    Always,
    /// Every n-th: n, 2n, 3n, ...
    Every(u32),
    /// All but every n-th.
    ExceptEvery(u32),
    /// These measured cycles, and no warm-up cycle.
    Only(Vec<u32>),
    /// Every cycle but these measured ones.
    Except(Vec<u32>),
}

impl When {
    /// Whether `cycle` (from 1) of a phase runs the step; `measured` tells the phase.
    pub fn includes(&self, cycle: u32, measured: bool) -> bool {
        match self {
            When::Always => true,
            When::Every(n) => cycle.is_multiple_of(*n),
            When::ExceptEvery(n) => !cycle.is_multiple_of(*n),
            When::Only(cycles) => measured && cycles.contains(&cycle),
            When::Except(cycles) => !(measured && cycles.contains(&cycle)),
        }
    }
}

/// The closed vocabulary of steps. Strings may hold `{name}` placeholders of `vary`, `{emit}` and `{cycle}`.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Opens a session that runs `command`.
    Open {
        /// What later steps call it.
        session: String,
        /// Program and arguments.
        command: Vec<String>,
        /// Rows and columns of its terminal.
        size: (u16, u16),
        /// Lines and bytes of scrollback to keep; the target's default when absent.
        scrollback: Option<(u64, Bytes)>,
    },
    /// Types into a session.
    Write {
        /// The session.
        session: String,
        /// The text, escapes already resolved.
        text: String,
    },
    /// Changes the size of a session's terminal.
    Resize {
        /// The session.
        session: String,
        /// Rows and columns.
        size: (u16, u16),
    },
    /// Waits until the session's child has ended by itself.
    WaitExit {
        /// The session.
        session: String,
        /// The exit code it must have; any other withdraws the verdict.
        code: i32,
    },
    /// Waits until the session has produced so much output; less withdraws the verdict.
    WaitOutput {
        /// The session.
        session: String,
        /// Output since the session was opened, as the target counts it.
        at_least: Bytes,
    },
    /// Reads the session's screen; a text that is not on it withdraws the verdict.
    Screen {
        /// The session.
        session: String,
        /// What must be on it.
        contains: String,
    },
    /// Ends a session.
    Close {
        /// The session.
        session: String,
    },
    /// Connects `count` clients that stay quiet.
    Connect {
        /// What later steps call them, together.
        client: String,
        /// How many.
        count: u32,
    },
    /// Attaches every one of the clients to a session.
    Attach {
        /// The clients.
        client: String,
        /// The session.
        session: String,
    },
    /// Detaches every one of the clients from a session.
    Detach {
        /// The clients.
        client: String,
        /// The session.
        session: String,
    },
    /// Ends the clients' connections.
    Disconnect {
        /// The clients.
        client: String,
        /// How they leave.
        how: Leave,
    },
    /// Sends bytes that no honest client would, on each of the clients' connections.
    SendRaw {
        /// The clients.
        client: String,
        /// The message.
        message: RawMessage,
        /// What the target must answer; anything else withdraws the verdict.
        expect: RawAnswer,
    },
    /// Says something on each of the clients' connections, and reads what is answered.
    Exchange {
        /// The clients; without a name, the one connection that lasts as long as the target.
        client: Option<String>,
        /// What is said, and what must be answered.
        exchange: Exchange,
    },
    /// Lets the target stand idle.
    Idle {
        /// For how long.
        duration: Duration,
    },
}

/// How a client leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Detaches from everything, then closes.
    Goodbye,
    /// Closes the socket and says nothing.
    Drop,
}

/// A message with a declared length that need not be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage {
    /// The length its header declares.
    pub declare: Bytes,
    /// How many bytes of payload really follow.
    pub send: Bytes,
}

/// What must come back after a raw message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawAnswer {
    /// Nothing, and the connection stays open.
    Silence,
    /// An error reply with this code, and the connection goes on: a ping is answered after it.
    Error(String),
    /// An error reply with this code, then the end of the connection.
    ErrorThenClosed(String),
}

/// One limit on one metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// What is judged.
    pub metric: Metric,
    /// The most that passes: bytes, bytes per cycle, bytes per second, or a count, as the metric says.
    pub limit: u64,
    /// Whether the command line set the limit (`--gate`): the report says so.
    pub overridden: bool,
    /// The limit that the scenario's file has, where the command line set another.
    pub file_limit: Option<u64>,
}
