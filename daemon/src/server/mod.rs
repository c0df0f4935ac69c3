//! The daemon's outside: its socket, its connections, its signals, and its life from the first to the last line of log.

mod accept;
pub(crate) mod asked;
mod connection;
mod daemon;
mod socket;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use leakgate_probe::ProbeError;
use sessiond_protocol::{ErrorCode, Failure, Reply, encode_control};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use crate::archives::ArchiveStore;
use crate::core::{Event, SESSIONS_MAX, Settings};
use crate::gauges;
use crate::http::{self, Http, HttpError};
use crate::mcp::Pool;
use crate::open_files::OpenFiles;
use crate::paths;
use crate::spawn::Spawner;
use crate::status::Statuses;
use crate::transcripts::Transcripts;
pub(crate) use accept::{Accepted, Listen, accept, is_ours};
pub(crate) use daemon::{Daemon, Real, now};
pub(crate) use socket::{PATH_BYTES_MAX, Socket, SocketError, bind_privately};

/// What ends the daemon before it has run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DaemonError {
    /// Its socket cannot be had.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// HTTP cannot be had.
    #[error("HTTP cannot be served")]
    Http(#[from] HttpError),
    /// The environment asks for a probe that cannot be had.
    #[error("the probe that the environment asks for does not start")]
    Probe(#[from] ProbeError),
    /// The operating system refuses something that every daemon needs.
    #[error("the daemon cannot start: no {what}")]
    System {
        /// What.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl DaemonError {
    fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}

/// Runs a daemon on the socket at `path` until it is asked to end. `ready` is called once clients can connect.
///
/// # Errors
/// When it cannot start. Once it runs, nothing ends it but a request or a signal.
pub(crate) fn serve(
    path: PathBuf,
    settings: Settings,
    ready: impl FnOnce(),
) -> Result<(), DaemonError> {
    let probe = gauges::start_probe()?;
    let socket = Socket::claim(path)?;
    // One thread: the kernel's terminals are the limit, not the screens; and live memory is exact.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder
        .enable_all()
        .build()
        .map_err(DaemonError::system("event loop"))?;
    runtime.block_on(run(socket, settings, ready))?;
    drop(runtime);
    tracing::info!("shutdown complete");
    drop(probe);
    Ok(())
}

async fn run(socket: Socket, settings: Settings, ready: impl FnOnce()) -> Result<(), DaemonError> {
    let started = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let instance = format!("{}-{}", std::process::id(), started.as_millis());
    let run = u64::try_from(started.as_millis()).unwrap_or_default();
    let (http, listening) = Http::open(settings.http.clone(), socket.path(), run)?;
    let archives = ArchiveStore::new(paths::archives(socket.path()));
    let files = OpenFiles::raised();
    let (spawner, thread) =
        Spawner::start(&instance, files).map_err(DaemonError::system("spawn thread"))?;
    let pool = Pool::new(socket.path().to_owned(), files);
    let statuses = Statuses::new(paths::journals(socket.path()), Arc::clone(http.feed()));
    let profiles = settings.profiles.clone();
    let transcripts = Transcripts::new(&settings.transcripts, paths::cursors(socket.path()));
    let daemon = Daemon::new(
        spawner,
        settings,
        archives,
        pool,
        transcripts,
        statuses,
        http,
    );
    let daemon = Arc::new(daemon);
    let signals = Signals::listen().map_err(DaemonError::system("signals"))?;
    let listener =
        UnixListener::from_std(socket.listener()?).map_err(DaemonError::system("listener"))?;
    daemon
        .tasks()
        .spawn("signals", 0, signals.run(Arc::clone(&daemon)));
    daemon
        .tasks()
        .spawn("clock", 0, Arc::clone(&daemon).run_clock());
    let shares = Arc::new(Semaphore::new(files.connections()));
    if let Some(listening) = listening {
        let body = http::listen(Arc::clone(&daemon), listening, Arc::clone(&shares));
        daemon.tasks().spawn("http listener", 0, body);
    }
    let body = listen(Arc::clone(&daemon), listener, files, shares);
    daemon.tasks().spawn("listener", 0, body);
    let follow = Transcripts::follow(Arc::clone(&daemon));
    daemon.tasks().spawn("transcripts", 0, follow);
    tracing::info!(socket = %socket.path().display(), pid = std::process::id(), "listening");
    warn_of_low_limit(files);
    daemon.find_archives();
    let tasks = daemon.tasks();
    tasks.spawn("status audience", 0, Statuses::run(Arc::clone(&daemon)));
    Statuses::open_configured(&daemon, profiles).await;
    ready();
    tokio::select! {
        () = daemon.stopped() => {}
        () = daemon.spawner().ended() => {
            tracing::error!("the spawn thread is gone and every session with it: the daemon ends");
            daemon.dispatch(Event::ShutdownRequested);
            daemon.stopped().await;
        }
    }
    daemon.mcp().ended().await;
    daemon.statuses().ended().await;
    drop(socket);
    daemon.spawner().stop().await;
    daemon.close();
    daemon.tasks().join().await;
    if thread.join().is_err() {
        tracing::error!("the spawn thread panicked");
    }
    Ok(())
}

fn warn_of_low_limit(files: OpenFiles) {
    let (limit, sessions) = (files.limit(), files.sessions());
    if sessions < SESSIONS_MAX {
        tracing::warn!(
            limit,
            sessions,
            "the limit of open files is low: fewer sessions"
        );
    }
}

async fn listen(
    daemon: Arc<Daemon>,
    listener: UnixListener,
    files: OpenFiles,
    shares: Arc<Semaphore>,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = daemon.stopped() => return,
            accepted = accept(&listener, &shares) => accepted,
        };
        let Accepted {
            stream,
            share,
            opening,
        } = accepted;
        let Some(share) = share else {
            refuse(&stream, files);
            continue;
        };
        let client = daemon.next_client();
        let body = connection::run(Arc::clone(&daemon), client, stream, opening);
        daemon.tasks().spawn("connection", client.0, async move {
            body.await;
            drop(share);
        });
    }
}

/// Says that there are as many connections as may be.
fn refuse(stream: &UnixStream, files: OpenFiles) {
    let (connections, limit) = (files.connections(), files.limit());
    tracing::warn!(connections, limit, "a connection more was turned away");
    let message = format!(
        "{connections} connections are open, and more are not carried by the limit of {limit} open files (ulimit -Hn)"
    );
    let failure = Failure::new(ErrorCode::Limit, message);
    let frame = encode_control(&Reply {
        id: None,
        result: Err(failure),
    });
    // A socket that nothing was written to takes a frame at once.
    let _ = stream.try_write(&frame);
}

/// The signals that the daemon acts on.
struct Signals {
    child: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            child: signal(SignalKind::child())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn run(mut self, daemon: Arc<Daemon>) {
        loop {
            tokio::select! {
                () = daemon.closed() => return,
                _ = self.child.recv() => daemon.spawner().reap(),
                () = daemon.spawner().answer_questions() => {}
                _ = self.terminate.recv() => daemon.dispatch(Event::ShutdownRequested),
                _ = self.interrupt.recv() => daemon.dispatch(Event::ShutdownRequested),
                _ = self.hangup.recv() => daemon.dispatch(Event::ShutdownRequested),
            }
        }
    }
}
