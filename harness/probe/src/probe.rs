//! Owns the probe's life: what a daemon gives to it, the socket it opens, and the thread that answers there.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::event::EventfdFlags;
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::busy::Busy;
use crate::fork;
use crate::gauge::Gauge;
use crate::seed::{SEED_VARIABLE, Seeds};

mod client;
mod commands;
mod quiesce;
mod readings;
mod server;

use commands::Subject;
use server::{CLIENTS_MAX, Server};

/// The environment variable that names the socket to open. Without it nothing is opened.
pub const PROBE_VARIABLE: &str = "LEAKGATE_PROBE";

/// Bytes that a Unix socket's path may have: `sun_path` has 108, one of them for the end.
const PATH_BYTES_MAX: usize = 107;

/// The probe's thread needs little: its requests and answers are elsewhere. dhat, where it is built in, walks stacks
/// and writes its file from here.
const STACK_BYTES: usize = 512 * 1024;

/// What keeps a probe from starting.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The path does not fit a socket address.
    #[error("{} is {} bytes long, a socket's path has at most {PATH_BYTES_MAX}", path.display(), path.as_os_str().len())]
    PathTooLong {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// Something is there already: another probe, or the remains of one.
    #[error("{} exists already", path.display())]
    PathTaken {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The socket could not be opened.
    #[error("cannot listen on {}", path.display())]
    Listen {
        /// The path that was asked for.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Two gauges have one name, so a reading could not be attributed.
    #[error("two gauges are named {name}: {first} and {second}")]
    DuplicateGauge {
        /// The name they share.
        name: &'static str,
        /// Where the first is declared.
        first: &'static Location<'static>,
        /// Where the second is declared.
        second: &'static Location<'static>,
    },
    /// The handler for forks could not be registered: children could hang in the allocator.
    #[error("cannot register the fork handler")]
    ForkGuard,
    /// The thread, or the descriptor that stops it, could not be made.
    #[error("cannot start the probe's thread")]
    Thread(#[source] io::Error),
}

/// What a daemon tells its probe.
#[derive(Clone, Copy, Debug)]
pub struct ProbeBuilder {
    gauges: &'static [&'static Gauge],
    counts: &'static [&'static Gauge],
    busy: Option<&'static Busy>,
    allocator: &'static str,
}

impl ProbeBuilder {
    /// The gauges to list, in this order. All of them, from the start: one that is at zero is a reading too. A static
    /// list: `static GAUGES: &[&Gauge] = &[&SESSIONS, &TASKS];`
    #[must_use]
    pub const fn gauges(mut self, gauges: &'static [&'static Gauge]) -> Self {
        self.gauges = gauges;
        self
    }

    /// The [counts](Gauge::count) to list after the gauges: a static list too, kept where the kinds of occurrences are known.
    #[must_use]
    pub const fn counts(mut self, counts: &'static [&'static Gauge]) -> Self {
        self.counts = counts;
        self
    }

    /// What tells when the daemon is at rest. Without it `quiesce` is unsupported.
    #[must_use]
    pub const fn busy(mut self, busy: &'static Busy) -> Self {
        self.busy = Some(busy);
        self
    }

    /// The name of the allocator under the counters, where it is not the system's.
    #[must_use]
    pub const fn allocator(mut self, name: &'static str) -> Self {
        self.allocator = name;
        self
    }

    /// Starts a probe on the socket that [`PROBE_VARIABLE`] names; `None` if it is not set.
    ///
    /// # Errors
    /// Any [`ProbeError`]. A daemon should not go on: whoever set the variable waits for that socket.
    pub fn start_from_env(self) -> Result<Option<Probe>, ProbeError> {
        let Some(path) = std::env::var_os(PROBE_VARIABLE) else {
            return Ok(None);
        };
        let armed = std::env::var_os(SEED_VARIABLE).is_some_and(|value| value == "1");
        let seeds = armed.then(|| Box::new(Seeds::new()));
        self.begin(Path::new(&path), seeds).map(Some)
    }

    /// Starts a probe on a new socket at `path`, which only this user can open. It refuses seeds.
    ///
    /// # Errors
    /// Any [`ProbeError`].
    pub fn start(self, path: &Path) -> Result<Probe, ProbeError> {
        self.begin(path, None)
    }

    fn begin(self, path: &Path, seeds: Option<Box<Seeds>>) -> Result<Probe, ProbeError> {
        let listed = [self.gauges, self.counts];
        refuse_duplicates(listed)?;
        if !fork::install() {
            return Err(ProbeError::ForkGuard);
        }
        let stop = rustix::event::eventfd(0, EventfdFlags::CLOEXEC)
            .map(Arc::new)
            .map_err(|errno| ProbeError::Thread(errno.into()))?;
        let listener = listen(path)?;
        // From here on dropping it closes the listener and removes the socket, also when the thread does not start.
        let mut probe = Probe {
            path: path.to_owned(),
            stop: Arc::clone(&stop),
            thread: None,
        };
        let subject = Subject::new(listed, self.busy, self.allocator, seeds);
        let server = Server::new(listener, stop, subject);
        let thread = std::thread::Builder::new()
            .name("leakgate-probe".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || server.serve())
            .map_err(ProbeError::Thread)?;
        probe.thread = Some(thread);
        Ok(probe)
    }
}

/// A running probe. Dropping it stops its thread and removes its socket.
#[derive(Debug)]
pub struct Probe {
    path: PathBuf,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Probe {
    /// What a daemon says about itself: no gauges and no [`Busy`] yet.
    #[must_use]
    pub const fn builder() -> ProbeBuilder {
        ProbeBuilder {
            gauges: &[],
            counts: &[],
            busy: None,
            allocator: "system",
        }
    }

    /// Where the socket is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if fork::in_child() {
            // A fork has copied this value, but neither the thread nor the right to the socket.
            return;
        }
        // Cannot fail: the count is far below where an eventfd would block.
        let _ = rustix::io::write(&self.stop, &1u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            // A panic over there was reported when it happened; there is nothing else to learn from it.
            let _ = thread.join();
        }
        // Nobody is left to tell; a socket that stays is an error of the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn refuse_duplicates(listed: [&'static [&'static Gauge]; 2]) -> Result<(), ProbeError> {
    let mut seen = BTreeMap::new();
    for gauge in listed.into_iter().flatten() {
        if let Some(first) = seen.insert(gauge.name(), gauge.site()) {
            return Err(ProbeError::DuplicateGauge {
                name: gauge.name(),
                first,
                second: gauge.site(),
            });
        }
    }
    Ok(())
}

fn listen(path: &Path) -> Result<OwnedFd, ProbeError> {
    if path.as_os_str().as_bytes().len() > PATH_BYTES_MAX {
        return Err(ProbeError::PathTooLong {
            path: path.to_owned(),
        });
    }
    bind(path).map_err(|errno| match errno {
        Errno::ADDRINUSE => ProbeError::PathTaken {
            path: path.to_owned(),
        },
        errno => ProbeError::Listen {
            path: path.to_owned(),
            source: errno.into(),
        },
    })
}

fn bind(path: &Path) -> Result<OwnedFd, Errno> {
    let address = SocketAddrUnix::new(path)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let listener = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // Before the bind: Linux creates the file with the socket's own mode, so at no time can anybody else open it.
    rustix::fs::fchmod(&listener, Mode::RUSR | Mode::WUSR)?;
    rustix::net::bind(&listener, &address)?;
    let backlog = i32::try_from(CLIENTS_MAX).expect("a small constant");
    if let Err(errno) = rustix::net::listen(&listener, backlog) {
        // The file is ours and of no use.
        let _ = rustix::fs::unlink(path);
        return Err(errno);
    }
    Ok(listener)
}
