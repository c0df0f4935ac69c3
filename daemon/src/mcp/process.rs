//! A server's life: its process from start to end, again and again, until somebody stops it or it has crashed too often.

use std::convert::Infallible;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use sessiond_protocol::{ErrorCode, Failure, McpState};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};

use super::client::would_block;
use super::exchange::Heard;
use super::lines::Splitter;
use super::restarts::{Next, Restarts};
use super::scratch::with_scratch;
use super::server::{RestartAsker, Server};
use crate::causes::with_causes;
use crate::gauges::BUSY;
use crate::log_file::{LOG_BYTES_MAX, LogFile, StandardError};
use crate::server::Daemon;
use crate::spawn::{Child, Owner, Piped, Pipes};
use crate::teardown::end_processes;
use crate::wake;

/// How long a process may take to end by itself when its standard input is closed, as the protocol asks for.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// How long is waited for the status of a process that has closed its side: so long that its end is told by its cause.
const STATUS_GRACE: Duration = Duration::from_millis(100);

/// How long a restarted process may take to answer the handshake that the last one has answered.
const REPLAY_MAX: Duration = Duration::from_secs(30);

/// Why a process does not go on.
enum End {
    Stop,
    Restart(RestartAsker),
    Gone(String),
    /// It is time for another.
    Again,
}

/// Keeps a server whose first process runs until it is stopped.
pub(super) async fn keep(
    daemon: &Daemon,
    server: &Server,
    first: Piped,
    mut restarts: mpsc::Receiver<RestartAsker>,
) {
    let mut life = Ok(first);
    loop {
        let end = match life {
            Ok(piped) => live(server, piped, &mut restarts).await,
            Err(reason) => wait(server, reason, &mut restarts).await,
        };
        let asker = match end {
            End::Stop => return,
            End::Gone(reason) => {
                life = Err(reason);
                continue;
            }
            End::Again => None,
            End::Restart(asker) => {
                server.restarts(|restarts| *restarts = Restarts::new(Instant::now()));
                Some(asker)
            }
        };
        life = restart(daemon, server, asker).await;
    }
}

/// Starts another process. Whoever asked for it hears what comes of it.
async fn restart(
    daemon: &Daemon,
    server: &Server,
    asker: Option<RestartAsker>,
) -> Result<Piped, String> {
    let _busy = BUSY.enter();
    server.process_wanted();
    let started = start(daemon, server).await;
    if let Some(asker) = asker {
        let told = match &started {
            Ok(_) => Ok(()),
            Err(reason) => Err(Failure::new(ErrorCode::SpawnFailed, reason.clone())),
        };
        let _ = asker.send(told); // whoever asked may be gone
    }
    started
}

/// Starts a process of this server; the error says why not.
pub(super) async fn start(daemon: &Daemon, server: &Server) -> Result<Piped, String> {
    let owner = Owner::McpServer(daemon.mcp().next_start());
    let settings = &server.settings;
    let spawned = daemon.spawner().spawn_piped(
        owner,
        settings.command.clone(),
        settings.cwd.clone(),
        settings.environment.clone(),
    );
    spawned.await.map_err(|error| with_causes(&error))
}

/// A process's life, up to the last of its tree.
async fn live(server: &Server, piped: Piped, restarts: &mut mpsc::Receiver<RestartAsker>) -> End {
    let Piped { child, pipes } = piped;
    tracing::info!(server = %server.name, pid = child.pid, "a shared server runs");
    match Ends::new(pipes) {
        Ok((ends, stderr)) => tokio::select! {
            biased;
            // First: what it complained of before it died is there when it has.
            never = keep_log(server, &stderr) => match never {},
            end = carry_and_end(server, child, ends, restarts) => end,
        },
        Err(error) => {
            let reason = with_causes(&error);
            end_process(server, child, &reason, None).await;
            End::Gone(reason)
        }
    }
}

async fn carry_and_end(
    server: &Server,
    mut child: Child,
    ends: Ends,
    restarts: &mut mpsc::Receiver<RestartAsker>,
) -> End {
    let mut end = run(server, &mut child, &ends, restarts).await;
    if let End::Gone(reason) = &mut end
        && let Ok(Some(status)) = timeout(STATUS_GRACE, child.exited()).await
    {
        *reason = format!("it ended with {status}");
    }
    let why = match &end {
        End::Stop => "the server was stopped".to_owned(),
        End::Restart(_) => "the server is restarted".to_owned(),
        End::Gone(reason) => format!("the server is gone: {reason}"),
        End::Again => "the server is gone".to_owned(),
    };
    let Ends { stdin, stdout } = ends;
    drop(stdin);
    // Held open so that a server that says goodbye does not die of it.
    end_process(server, child, &why, Some(stdout)).await;
    end
}

/// Answers whoever waits with `why`, and ends the process and all it has started: by the end of its input first.
async fn end_process(server: &Server, mut child: Child, why: &str, stdout: Option<pipe::Receiver>) {
    let _busy = BUSY.enter();
    let pid = child.pid;
    tracing::info!(server = %server.name, pid, "{why}");
    server.process_gone(why);
    let _ = timeout(CLOSE_GRACE, child.exited()).await;
    drop(stdout);
    let (status, _) = end_processes(&mut child).await;
    tracing::debug!(server = %server.name, pid, %status, "nothing of it is left");
}

/// Our ends of the pipes.
struct Ends {
    stdin: pipe::Sender,
    stdout: pipe::Receiver,
}

impl Ends {
    /// And that of its standard error.
    fn new(pipes: Pipes<OwnedFd>) -> io::Result<(Self, pipe::Receiver)> {
        let ends = Self {
            stdin: pipe::Sender::from_owned_fd(pipes.stdin)?,
            stdout: pipe::Receiver::from_owned_fd(pipes.stdout)?,
        };
        Ok((ends, pipe::Receiver::from_owned_fd(pipes.stderr)?))
    }
}

/// Carries messages until the process ends, or somebody wants it to.
async fn run(
    server: &Server,
    child: &mut Child,
    ends: &Ends,
    restarts: &mut mpsc::Receiver<RestartAsker>,
) -> End {
    if !server.process_started(child.pid) {
        server.runs();
    }
    let replay_until = tokio::time::Instant::now() + REPLAY_MAX;
    tokio::select! {
        biased;
        () = server.stop.cancelled() => End::Stop,
        Some(asker) = restarts.recv() => End::Restart(asker),
        // Before the end of the process: its last answers are behind its last words.
        reason = read(server, &ends.stdout) => End::Gone(reason),
        status = child.exited() => End::Gone(match status {
            Some(status) => format!("it ended with {status}"),
            None => "the thread that starts processes is gone".to_owned(),
        }),
        reason = write(server, &ends.stdin) => End::Gone(reason),
        never = keep_time(server) => match never {},
        () = async {
            sleep_until(replay_until).await;
            if server.info().state == McpState::Running {
                std::future::pending::<()>().await;
            }
        } => End::Gone(format!("it did not answer the handshake within {REPLAY_MAX:?}")),
    }
}

/// Takes what the process says; returns why that is over.
async fn read(server: &Server, stdout: &pipe::Receiver) -> String {
    let mut splitter = Splitter::new(server.settings.line_bytes);
    loop {
        if let Err(error) = stdout.readable().await {
            return with_causes(&error);
        }
        let read = with_scratch(|scratch| {
            let read = stdout.try_read(scratch)?;
            Ok((read, server.hear_process(&mut splitter, &scratch[..read])))
        });
        match read {
            Ok((0, _)) => return "it closed its standard output".to_owned(),
            Ok((_, Some(Heard::Replayed))) => server.runs(),
            Ok((_, Some(Heard::ReplayRefused))) => {
                return "it did not take the handshake again".to_owned();
            }
            Ok((_, _)) => {}
            Err(error) if would_block(&error) => {}
            Err(error) => return with_causes(&error),
        }
    }
}

/// Gives the process what clients say; returns why that is over.
async fn write(server: &Server, stdin: &pipe::Sender) -> String {
    loop {
        // The queue is never closed.
        server.stdin.has_some().await;
        match server.stdin.write(|bytes| stdin.try_write(bytes)) {
            Ok(()) => {}
            Err(error) if would_block(&error) => {
                if let Err(error) = stdin.writable().await {
                    return with_causes(&error);
                }
            }
            Err(error) => return format!("it does not read its input: {error}"),
        }
    }
}

/// Writes what the process complains of to its log, which never makes it wait. Never resolves.
async fn keep_log(server: &Server, stderr: &pipe::Receiver) -> Infallible {
    let opened = LogFile::open(&server.log, LOG_BYTES_MAX, StandardError::IsSomethingElse);
    let mut log = match opened {
        Ok(log) => Some(log),
        Err(error) => {
            tracing::warn!(server = %server.name, %error, "its log cannot be written");
            None
        }
    };
    while stderr.readable().await.is_ok() {
        let read = with_scratch(|scratch| {
            let read = stderr.try_read(scratch)?;
            if let Some(log) = &mut log {
                // A disk that is full must not stop the server.
                let _ = log.write_all(&scratch[..read]);
            }
            Ok::<_, io::Error>(read)
        });
        match read {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if would_block(&error) => {}
            Err(_) => break,
        }
    }
    std::future::pending().await
}

/// Answers what the process does not answer in time. Never resolves.
async fn keep_time(server: &Server) -> Infallible {
    loop {
        match server.next_wake() {
            Some(wake) => {
                sleep_until(wake.into()).await;
                server.expire();
            }
            None => server.sooner.notified().await,
        }
    }
}

/// Tells everybody why there is no process, until there shall be one.
async fn wait(server: &Server, reason: String, restarts: &mut mpsc::Receiver<RestartAsker>) -> End {
    let next = server.restarts(|restarts| restarts.after_end(Instant::now()));
    let wake = match next {
        Next::At(at) => {
            let left = at.saturating_duration_since(Instant::now());
            let told = format!("the server is gone: {reason}; it starts again in {left:.0?}");
            tracing::info!(server = %server.name, ?left, "it starts again");
            server.process_absent(McpState::Waiting, reason, told);
            Some(at)
        }
        Next::Failed(why) => {
            let reason = format!("{reason}; {why}");
            tracing::error!(server = %server.name, reason, "it is given up");
            let told = format!(
                "the server has failed: {reason}; `sessiond mcp restart {}` starts it again",
                server.name
            );
            server.process_absent(McpState::Failed, reason, told);
            None
        }
    };
    tokio::select! {
        biased;
        () = server.stop.cancelled() => End::Stop,
        Some(asker) = restarts.recv() => End::Restart(asker),
        () = wake::at(wake) => End::Again,
    }
}
