//! The one way a session ends, whatever the reason: its own exit, a close, a failed start, the daemon's shutdown.
//!
//! 1. An exited process's last output is read: until nobody holds the terminal, or, where something it left behind still
//!    does, until that has been quiet for a moment.
//! 2. Everything the session started is ended: asked first, killed after a grace.
//! 3. What they put out while ending is read.
//! 4. The clients get the last screen, and only its text remains.

use std::time::Duration;

use sessiond_protocol::ExitStatus;
use tokio::time::{Instant, timeout_at};

use crate::core::{Leaving, Remains};
use crate::session::{Reading, Session};
use crate::spawn::{Child, Toll};

/// How long a terminal that is still held must say nothing before its output counts as complete. The kernel hands over
/// within milliseconds what an exited process wrote.
const QUIET: Duration = Duration::from_millis(100);

/// How long output is read in all after the exit, where something left behind goes on writing.
const DRAIN_MAX: Duration = Duration::from_secs(1);

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its first process ended by itself, with this status (none: the spawn thread is gone).
    Exited(Option<ExitStatus>),
    /// Somebody closes it, or the daemon ends.
    Closed,
}

/// Ends a session. Afterwards no process of it is left, its terminal is empty, and it holds no client.
pub(crate) async fn end(
    session: &Session,
    child: &mut Child,
    cause: Cause,
) -> (ExitStatus, Leaving, Remains) {
    if let Cause::Exited(_) = cause {
        drain(session).await;
    }
    let mut ending = std::pin::pin!(end_processes(child));
    let mut at_end = false;
    let (status, leaving) = loop {
        // Processes that end may write, and must not wait for us to read it.
        tokio::select! {
            biased;
            ended = &mut ending => break ended,
            () = session.pump(&mut at_end) => {}
        }
    };
    drain(session).await;
    let status = match cause {
        Cause::Exited(Some(status)) => status,
        Cause::Exited(None) | Cause::Closed => status,
    };
    let remains = session.terminal().finish(session.id());
    (status, leaving, remains)
}

/// Ends a session whose task has panicked: its processes are ended all the same. Its screen may be what panics, so nothing
/// is fed to it and nothing of it remains; clients hear of the end alone.
pub(crate) async fn abandon(
    session: &Session,
    child: &mut Child,
) -> (ExitStatus, Leaving, Remains) {
    let (status, leaving) = end_processes(child).await;
    (status, leaving, session.terminal().abandon())
}

/// Ends a process and everything it started, and waits for that. All that there is to end when a start fails half-way.
pub(crate) async fn end_processes(child: &mut Child) -> (ExitStatus, Leaving) {
    let Toll { leaving, survivors } = child.end().await;
    if survivors > 0 {
        tracing::error!(owner = %child.owner, survivors, "processes survive SIGKILL");
    }
    // The notice precedes the end. There is none when even SIGKILL did not help.
    let unseen = ExitStatus::Signal(rustix::process::Signal::KILL.as_raw());
    (child.status().unwrap_or(unseen), leaving)
}

/// Reads until nobody holds the other side, or it has been quiet, or long enough.
async fn drain(session: &Session) {
    let deadline = Instant::now() + DRAIN_MAX;
    loop {
        match session.read_turn() {
            Reading::End => return,
            Reading::Bytes(_) if Instant::now() < deadline => tokio::task::yield_now().await,
            Reading::Bytes(_) => return,
            Reading::Nothing => {
                let quiet_until = deadline.min(Instant::now() + QUIET);
                match timeout_at(quiet_until, session.pty().readable()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return,
                }
            }
        }
    }
}
