//! What a scenario means, once its TOML has been read: types that cannot be wrong.
//!
//! Every field has been checked by `scenario::parse`; nothing here is checked again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::metric::Metric;
use super::part::Step;
use super::program::Program;
use super::variables::Variables;
use super::wire::Exchange;
use crate::record::event::Phase;
use crate::units::Bytes;

/// One question about a target, with the load that asks it and the gates that judge the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The file's stem: `heavy-output`.
    pub name: String,
    /// SHA-256 of the TOML text and of all that it includes, hexadecimal.
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
    /// What `{name}` stands for in each cycle.
    pub variables: Variables,
    /// Each of its actions once, as the first cycle has it: what a driver must be able to do. What a cycle does,
    /// [`Scenario::cycle`] tells.
    pub steps: Vec<Step>,
    /// What may be kept.
    pub gates: Vec<Gate>,
    pub(super) program: Arc<Program>,
}

impl Scenario {
    /// Its load alone and as briefly as can be: no warm-up, no gate, and the cycles that it takes until each of its steps
    /// has run.
    #[must_use]
    pub fn briefly(self) -> Scenario {
        let first = self.steps.iter().map(|step| step.when.first());
        let cycles = first.max().unwrap_or(1).clamp(1, self.cycles.measure);
        Scenario {
            cycles: Cycles {
                warmup: Warmup::Fixed(0),
                measure: cycles,
                max: cycles,
                quick: cycles,
                ..self.cycles
            },
            gates: Vec::new(),
            ..self
        }
    }
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
    /// How long one cycle's load may take; as long as its steps where it is absent.
    pub within: Option<Duration>,
}

/// One cycle among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// Warm-up or measured.
    pub phase: Phase,
    /// Its number in the phase, from 1.
    pub cycle: u32,
}

impl At {
    /// A measured cycle.
    pub fn measured(cycle: u32) -> At {
        At {
            phase: Phase::Measure,
            cycle,
        }
    }

    /// A cycle of the warm-up.
    pub fn warmup(cycle: u32) -> At {
        At {
            phase: Phase::Warmup,
            cycle,
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.phase {
            Phase::Measure => write!(f, "cycle {}", self.cycle),
            Phase::Start | Phase::Warmup => write!(f, "warm-up cycle {}", self.cycle),
        }
    }
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

/// The closed vocabulary of actions, with the values of one cycle.
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
        /// How it must have ended; anything else withdraws the verdict.
        ended: Ended,
    },
    /// Waits until the session has produced so much output; anything else withdraws the verdict.
    WaitOutput {
        /// The session.
        session: String,
        /// Output since the session was opened, as the target counts it.
        output: Output,
    },
    /// Reads the session's screen; one that is not as it must be withdraws the verdict.
    Screen {
        /// The session.
        session: String,
        /// What a row of it must contain.
        contains: Option<String>,
        /// What no row of it may contain.
        absent: Option<String>,
    },
    /// Sends a signal to the process group of the session's child.
    Kill {
        /// The session.
        session: String,
        /// The signal.
        signal: Signal,
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
    /// Reads what the target holds and accounts for, in the middle of the cycle.
    Sample,
    /// Runs a program of the load's own, in the target's environment.
    Run {
        /// Program and arguments.
        command: Vec<String>,
        /// The exit code it must have; any other withdraws the verdict.
        code: i32,
    },
}

impl Action {
    /// Its name in scenarios.
    pub fn name(&self) -> &'static str {
        match self {
            Action::Open { .. } => "open",
            Action::Write { .. } => "write",
            Action::Resize { .. } => "resize",
            Action::WaitExit { .. } => "wait_exit",
            Action::WaitOutput { .. } => "wait_output",
            Action::Screen { .. } => "screen",
            Action::Kill { .. } => "kill",
            Action::Close { .. } => "close",
            Action::Connect { .. } => "connect",
            Action::Attach { .. } => "attach",
            Action::Detach { .. } => "detach",
            Action::Disconnect { .. } => "disconnect",
            Action::SendRaw { .. } => "send_raw",
            Action::Exchange { exchange, .. } => exchange.name(),
            Action::Idle { .. } => "idle",
            Action::Sample => "sample",
            Action::Run { .. } => "run",
        }
    }

    /// The session that it is about.
    pub fn session(&self) -> Option<&str> {
        match self {
            Action::Open { session, .. }
            | Action::Write { session, .. }
            | Action::Resize { session, .. }
            | Action::WaitExit { session, .. }
            | Action::WaitOutput { session, .. }
            | Action::Screen { session, .. }
            | Action::Kill { session, .. }
            | Action::Close { session }
            | Action::Attach { session, .. }
            | Action::Detach { session, .. } => Some(session),
            Action::Connect { .. }
            | Action::Disconnect { .. }
            | Action::SendRaw { .. }
            | Action::Exchange { .. }
            | Action::Idle { .. }
            | Action::Sample
            | Action::Run { .. } => None,
        }
    }

    /// The clients that it is about.
    pub fn client(&self) -> Option<&str> {
        match self {
            Action::Connect { client, .. }
            | Action::Attach { client, .. }
            | Action::Detach { client, .. }
            | Action::Disconnect { client, .. }
            | Action::SendRaw { client, .. } => Some(client),
            Action::Exchange { client, .. } => client.as_deref(),
            Action::Open { .. }
            | Action::Write { .. }
            | Action::Resize { .. }
            | Action::WaitExit { .. }
            | Action::WaitOutput { .. }
            | Action::Screen { .. }
            | Action::Kill { .. }
            | Action::Close { .. }
            | Action::Idle { .. }
            | Action::Sample
            | Action::Run { .. } => None,
        }
    }
}

/// How a session's child must have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(Signal),
}

/// How much a session must have put out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// So much or more.
    AtLeast(Bytes),
    /// So much when it is first seen to have that much.
    Exactly(Bytes),
}

/// Signals that a session's processes can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP.
    Hup,
    /// SIGINT.
    Int,
    /// SIGQUIT.
    Quit,
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Term,
    /// SIGUSR1.
    Usr1,
    /// SIGUSR2.
    Usr2,
    /// SIGSTOP.
    Stop,
    /// SIGCONT.
    Cont,
}

impl Signal {
    /// Their names.
    pub const NAMES: [&'static str; 9] = [
        "HUP", "INT", "QUIT", "KILL", "TERM", "USR1", "USR2", "STOP", "CONT",
    ];
    const ALL: [Signal; 9] = [
        Signal::Hup,
        Signal::Int,
        Signal::Quit,
        Signal::Kill,
        Signal::Term,
        Signal::Usr1,
        Signal::Usr2,
        Signal::Stop,
        Signal::Cont,
    ];

    /// The signals by their names.
    pub fn choices() -> Vec<(&'static str, Signal)> {
        Signal::NAMES.into_iter().zip(Signal::ALL).collect()
    }

    /// Its name, without `SIG`.
    pub fn name(self) -> &'static str {
        Signal::NAMES[self as usize]
    }

    /// What the kernel calls it.
    pub fn kernel(self) -> rustix::process::Signal {
        use rustix::process::Signal as Kernel;
        match self {
            Signal::Hup => Kernel::HUP,
            Signal::Int => Kernel::INT,
            Signal::Quit => Kernel::QUIT,
            Signal::Kill => Kernel::KILL,
            Signal::Term => Kernel::TERM,
            Signal::Usr1 => Kernel::USR1,
            Signal::Usr2 => Kernel::USR2,
            Signal::Stop => Kernel::STOP,
            Signal::Cont => Kernel::CONT,
        }
    }
}

/// How a client leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Detaches from everything, then closes.
    Goodbye,
    /// Closes the socket and says nothing.
    Drop,
}

impl Leave {
    /// Their names.
    pub const NAMES: [&'static str; 2] = ["goodbye", "drop"];
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
