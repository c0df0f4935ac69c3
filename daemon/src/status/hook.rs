//! A hook's run: a process that is told of one change, with a deadline, and of whose output no more than a bound is held.

use std::convert::Infallible;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use sessiond_protocol::{AgentState, ExitStatus, StatusChange};
use tokio::net::unix::pipe;
use tokio::time::timeout;

use super::inbox::ERROR_BYTES_MAX;
use super::profile::Profile;
use crate::causes::with_causes;
use crate::gauges::STATUS_HOOKS;
use crate::server::Daemon;
use crate::spawn::{Child, Owner, Piped, Pipes};
use crate::teardown::end_processes;

/// Bytes of a hook's standard output that are held, for the journal; the rest is read and thrown away.
const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// Bytes taken from a pipe at a time.
const READ_BYTES: usize = 4 << 10;

/// How often what an exited hook has left in a pipe is read: more than a pipe holds, and not for ever where something that it
/// has left behind goes on writing.
const LAST_READS: usize = 32;

/// What came of a run.
#[derive(Debug)]
pub(super) struct Ran {
    /// Whether somebody was told.
    pub(super) told: Result<(), String>,
    /// The beginning of its standard output.
    pub(super) output: String,
}

/// Tells a hook. Nothing where the profile is closed meanwhile; either way no process of it is left.
pub(super) async fn run(daemon: &Daemon, profile: &Profile, change: &StatusChange) -> Option<Ran> {
    let statuses = daemon.statuses();
    let _turn = tokio::select! {
        biased;
        () = profile.stop.cancelled() => return None,
        turn = statuses.hook_turn() => turn,
    };
    let _counted = STATUS_HOOKS.hold(1);
    let spawned = daemon.spawner().spawn_piped(
        Owner::Hook(statuses.next_number()),
        profile.settings.hook.clone(),
        None,
        variables(change),
    );
    match spawned.await {
        Ok(Piped { child, pipes }) => attend(profile, child, pipes, change).await,
        Err(error) => Some(Ran {
            told: Err(with_causes(&error)),
            output: String::new(),
        }),
    }
}

/// What a hook finds in its environment.
fn variables(change: &StatusChange) -> Vec<(String, String)> {
    let name = change.name.as_ref().map(ToString::to_string);
    let values = [
        ("PROFILE", change.profile.to_string()),
        ("SESSION", change.session.to_string()),
        ("NAME", name.unwrap_or_default()),
        ("FROM", word(change.from).to_owned()),
        ("STATE", word(change.to).to_owned()),
        ("TEXT", change.text.clone()),
        ("TIME", change.time_unix_ms.to_string()),
    ];
    let variables = values.into_iter();
    variables
        .map(|(name, value)| (format!("SESSIOND_STATUS_{name}"), value))
        .collect()
}

const fn word(state: Option<AgentState>) -> &'static str {
    match state {
        None => "",
        Some(AgentState::Running) => "running",
        Some(AgentState::Waiting) => "waiting",
        Some(AgentState::Idle) => "idle",
        Some(AgentState::Error) => "error",
    }
}

async fn attend(
    profile: &Profile,
    mut child: Child,
    pipes: Pipes<OwnedFd>,
    change: &StatusChange,
) -> Option<Ran> {
    // An empty pipe takes all of it at once; a hook that does not read it need not.
    let line = serde_json::to_string(change).unwrap_or_default() + "\n";
    let _ = rustix::io::write(&pipes.stdin, line.as_bytes());
    drop(pipes.stdin);
    let mut output = Capture::new(OUTPUT_BYTES_MAX);
    let mut complaint = Capture::new(ERROR_BYTES_MAX);
    let ends = pipe::Receiver::from_owned_fd(pipes.stdout)
        .and_then(|stdout| Ok((stdout, pipe::Receiver::from_owned_fd(pipes.stderr)?)));
    let over = match &ends {
        Ok((stdout, stderr)) => {
            let deadline = profile.settings.deadline;
            let over = tokio::select! {
                biased;
                () = profile.stop.cancelled() => Over::Closed,
                status = timeout(deadline, child.exited()) => match status {
                    Ok(status) => Over::Exited(status),
                    Err(_) => Over::Late(deadline),
                },
                never = output.follow(stdout) => match never {},
                never = complaint.follow(stderr) => match never {},
            };
            output.finish(stdout);
            complaint.finish(stderr);
            over
        }
        Err(error) => Over::Failed(with_causes(error)),
    };
    // With the pipes gone, nothing that it has left behind can wait for somebody to read.
    drop(ends);
    end_processes(&mut child).await;
    Some(Ran {
        told: over.told(&complaint.text())?,
        output: output.text(),
    })
}

/// How a run is over.
enum Over {
    Exited(Option<ExitStatus>),
    Late(Duration),
    Closed,
    Failed(String),
}

impl Over {
    /// Whether somebody was told; nothing where it does not matter any more.
    fn told(self, complaint: &str) -> Option<Result<(), String>> {
        let why = match self {
            Self::Closed => return None,
            Self::Exited(Some(ExitStatus::Code(0))) => return Some(Ok(())),
            Self::Exited(Some(status)) => format!("the hook ended with {status}"),
            Self::Exited(None) => "the thread that starts processes is gone".to_owned(),
            Self::Late(deadline) => format!("the hook had not ended after {deadline:?}"),
            Self::Failed(why) => why,
        };
        let mut why = why;
        if !complaint.is_empty() {
            why.push_str(": ");
            why.push_str(complaint);
        }
        Some(Err(why))
    }
}

/// The beginning of what comes out of a pipe.
#[derive(Debug)]
struct Capture {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Capture {
    const fn new(bytes_max: usize) -> Self {
        Self {
            bytes: Vec::new(),
            bytes_max,
        }
    }

    fn keep(&mut self, read: &[u8]) {
        let room = self.bytes_max - self.bytes.len();
        self.bytes.extend_from_slice(&read[..read.len().min(room)]);
    }

    /// Reads until the end, so that whoever writes never waits. Never resolves.
    async fn follow(&mut self, pipe: &pipe::Receiver) -> Infallible {
        while pipe.readable().await.is_ok() {
            let mut chunk = [0; READ_BYTES];
            match pipe.try_read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => self.keep(&chunk[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        std::future::pending().await
    }

    /// Reads what is there.
    fn finish(&mut self, pipe: &pipe::Receiver) {
        let mut chunk = [0; READ_BYTES];
        for _ in 0..LAST_READS {
            match rustix::io::read(pipe.as_fd(), &mut chunk) {
                Ok(0) | Err(_) => return,
                Ok(read) => self.keep(&chunk[..read]),
            }
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).trim_end().to_owned()
    }
}
