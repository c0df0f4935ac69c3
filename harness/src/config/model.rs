//! What `leakgate.toml` means, once it has been read: types that cannot be wrong.
//!
//! Strings may hold placeholders; `config::parse` has checked that only those that have a value there are used.
//! Everywhere: `{run}`, `{state}` and `{tmp}`, the instance's own private directories, `{root}`, the directory of
//! `leakgate.toml`, and `{port}`, a TCP port that was free when the instance was started. In steps, also those that [`ExecStep::placeholders`] names.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::{Coverage, Prove, SelfTest};

/// The targets of one `leakgate.toml`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The directory of the file: `{root}`, and where builds run.
    pub root: PathBuf,
    /// The targets by name.
    pub targets: BTreeMap<String, Target>,
    /// What is said of proofs.
    pub prove: Prove,
    /// What need not be exercised.
    pub coverage: Coverage,
    /// What builds get beside leakgate's own environment: those of a proof's copy.
    pub build_env: BTreeMap<String, String>,
}

/// A process that can be measured, and how to drive it.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Its name in scenarios and on the command line.
    pub name: String,
    /// How it is started; the build that ships.
    pub process: Process,
    /// Its variant that is linked with dhat; without it nothing is profiled by dhat.
    pub profile: Option<Profile>,
    /// Its variant that is linked with the probe's tracker; without it nothing is profiled by that.
    pub track: Option<Profile>,
    /// Its environment, beside what leakgate itself sets.
    pub env: BTreeMap<String, String>,
    /// What maps a scenario's steps to it.
    pub driver: Driver,
    /// How it shows that it can be used.
    pub ready: Ready,
    /// Whether it links leakgate-probe.
    pub probe: bool,
    /// How it is asked to end.
    pub stop: Stop,
    /// Programs that must be on `PATH`; where one is absent its scenarios are skipped.
    pub requires: Vec<String>,
    /// What is declared of the self-test on it.
    pub selftest: SelfTest,
}

/// How a target is built and started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Program and arguments of its build, run in the root; no placeholders but `{root}`.
    pub build: Option<Vec<String>>,
    /// Program and arguments of the target itself, which stays in the foreground.
    pub command: Vec<String>,
}

/// A variant for heap profiles.
pub type Profile = Process;

/// What maps a scenario's steps to a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driver {
    /// sessiond's own protocol.
    Sessiond,
    /// A program per step.
    Exec(ExecSteps),
    /// Bytes, lines or JSON-RPC over a socket.
    Socket {
        /// Where it listens.
        endpoint: Endpoint,
        /// What a message is.
        framing: Framing,
    },
    /// The same over its standard input and output.
    Stdio(Framing),
    /// HTTP/1.1.
    Http(Endpoint),
}

impl Driver {
    /// Its name in `leakgate.toml`.
    pub fn name(&self) -> &'static str {
        match self {
            Driver::Sessiond => "sessiond",
            Driver::Exec(_) => "exec",
            Driver::Socket { .. } => "socket",
            Driver::Stdio(_) => "stdio",
            Driver::Http(_) => "http",
        }
    }
}

/// Where a target listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket's path.
    Unix(String),
    /// A loopback address and a port, which may be `{port}`.
    Tcp(String),
}

/// What a message is on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Nothing: bytes.
    Raw,
    /// A line.
    Lines,
    /// JSON-RPC 2.0, a line each.
    JsonRpcLines,
    /// JSON-RPC 2.0 behind a `Content-Length` header, as the Language Server Protocol has it.
    JsonRpcHeaders,
}

impl Framing {
    /// The framings by their names.
    pub const CHOICES: [(&'static str, Framing); 4] = [
        ("raw", Framing::Raw),
        ("lines", Framing::Lines),
        ("jsonrpc-lines", Framing::JsonRpcLines),
        ("jsonrpc-headers", Framing::JsonRpcHeaders),
    ];
}

/// How a target shows that it can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ready {
    /// It accepts a connection on this Unix socket.
    Socket {
        /// The socket's path.
        path: String,
        /// How long that may take.
        within: Duration,
    },
    /// It accepts a connection on this loopback address.
    Tcp {
        /// Address and port.
        address: String,
        /// How long that may take.
        within: Duration,
    },
    /// This command succeeds.
    Command {
        /// Program and arguments.
        command: Vec<String>,
        /// How long that may take.
        within: Duration,
    },
    /// It answers on its standard output.
    Request {
        /// The first message to it; whatever it says next is the answer.
        request: String,
        /// A message that it is sent afterwards.
        then: Option<String>,
        /// How long the answer may take.
        within: Duration,
    },
    /// Once it runs.
    AtOnce,
}

impl Ready {
    /// How long it has to answer the driver's first request, when that is what shows that it is ready.
    pub fn asks_for(&self) -> Option<Duration> {
        match self {
            Ready::Request { within, .. } => Some(*within),
            Ready::Socket { .. } | Ready::Tcp { .. } | Ready::Command { .. } | Ready::AtOnce => {
                None
            }
        }
    }

    /// Gives it at least so long to be ready.
    pub fn wait_at_least(&mut self, patience: Duration) {
        match self {
            Ready::Socket { within, .. }
            | Ready::Tcp { within, .. }
            | Ready::Command { within, .. }
            | Ready::Request { within, .. } => *within = patience.max(*within),
            Ready::AtOnce => {}
        }
    }
}

/// How a target is asked to end, before it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The signal; without one, its standard input is closed.
    pub signal: Option<Signal>,
    /// How long it may take.
    pub within: Duration,
}

/// Signals that ask a process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM.
    Term,
    /// SIGINT.
    Int,
    /// SIGHUP.
    Hup,
    /// SIGQUIT.
    Quit,
}

/// The steps that the `exec` driver has a command for.
pub type ExecSteps = BTreeMap<ExecStep, Vec<String>>;

/// Steps that a command can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExecStep {
    /// Opens a session.
    Open,
    /// Types into it.
    Write,
    /// Changes its size.
    Resize,
    /// Succeeds once its child has ended by itself; run again until then, within the step's deadline.
    WaitExit,
    /// Prints its screen.
    Screen,
    /// Sends a signal to its processes.
    Kill,
    /// Ends it.
    Close,
}

impl ExecStep {
    /// Every step, in the order of a session's life.
    pub const ALL: [ExecStep; 7] = [
        ExecStep::Open,
        ExecStep::Write,
        ExecStep::Resize,
        ExecStep::WaitExit,
        ExecStep::Screen,
        ExecStep::Kill,
        ExecStep::Close,
    ];

    /// Its name in `[target.NAME.steps]`, and the step's in scenarios.
    pub fn name(self) -> &'static str {
        match self {
            ExecStep::Open => "open",
            ExecStep::Write => "write",
            ExecStep::Resize => "resize",
            ExecStep::WaitExit => "wait_exit",
            ExecStep::Screen => "screen",
            ExecStep::Kill => "kill",
            ExecStep::Close => "close",
        }
    }

    /// The placeholders that its command may use beside the directories.
    ///
    /// `{command}` as an element of its own becomes the session's argument vector, `{command_line}` the same quoted
    /// for a shell.
    pub fn placeholders(self) -> &'static [&'static str] {
        match self {
            ExecStep::Open => &["session", "command", "command_line", "rows", "columns"],
            ExecStep::Write => &["session", "text"],
            ExecStep::Resize => &["session", "rows", "columns"],
            ExecStep::Kill => &["session", "signal"],
            ExecStep::WaitExit | ExecStep::Screen | ExecStep::Close => &["session"],
        }
    }
}
