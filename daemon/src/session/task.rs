//! A session's task: from the order to start it to what remains of it.

use std::sync::Arc;

use leakgate_probe::BusyGuard;
use sessiond_protocol::{ErrorCode, ExitStatus, Failure, SessionId};
use tokio::sync::oneshot;

use super::pty::TURN_BYTES;
use super::{Pty, Reading, Session, Terminal};
use crate::core::{Event, StartOrder};
use crate::gauges::BUSY;
use crate::server::Daemon;
use crate::spawn::{Child, SpawnError};
use crate::teardown::{self, Cause};

/// Runs one session from its start to its end. Every path out of here goes through [`teardown::end`].
///
/// `starting` is held from the request on, so that the daemon does not look idle in between.
pub(crate) async fn run(
    daemon: Arc<Daemon>,
    id: SessionId,
    order: Box<StartOrder>,
    starting: BusyGuard,
) {
    let terminal = Terminal::new(order.size, &order.params);
    let started = start(&daemon, id, &order, terminal).await;
    drop(order);
    let (session, mut child) = match started {
        Ok(started) => started,
        Err(failure) => {
            daemon.dispatch(Event::StartFailed {
                session: id,
                failure,
            });
            return;
        }
    };
    let pid = child.pid;
    tracing::debug!(session = %id, pid, "started");
    daemon.dispatch(Event::Started {
        session: id,
        pid,
        handle: Arc::clone(&session),
    });
    drop(starting);
    let cause = session.pump_until_end(&mut child.exit).await;
    let _ending = BUSY.enter();
    let (status, remains) = teardown::end(&session, child, cause).await;
    tracing::debug!(session = %id, %status, "ended");
    // The core's handle goes first: when a client hears of the end, nothing of the session is left.
    drop(session);
    daemon.dispatch(Event::Ended {
        session: id,
        status,
        remains,
    });
}

async fn start(
    daemon: &Daemon,
    id: SessionId,
    order: &StartOrder,
    terminal: Terminal,
) -> Result<(Arc<Session>, Child), Failure> {
    let spawned = daemon
        .spawner()
        .spawn(id, order)
        .await
        .map_err(|error| refusal(&error))?;
    match Pty::new(spawned.master) {
        Ok(pty) => Ok((Arc::new(Session::new(id, pty, terminal)), spawned.child)),
        Err(error) => {
            teardown::end_processes(spawned.child).await;
            Err(Failure::new(
                ErrorCode::SpawnFailed,
                format!("the event loop refuses the terminal: {error}"),
            ))
        }
    }
}

fn refusal(error: &SpawnError) -> Failure {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    Failure::new(ErrorCode::SpawnFailed, message)
}

impl Session {
    /// Moves bytes until the process exits or the session is to be closed.
    async fn pump_until_end(&self, exit: &mut oneshot::Receiver<ExitStatus>) -> Cause {
        let mut at_end = false;
        loop {
            tokio::select! {
                biased;
                () = self.end.cancelled() => return Cause::Closed,
                status = &mut *exit => return Cause::Exited(status.ok()),
                () = self.pump(&mut at_end) => {}
            }
        }
    }

    /// Moves bytes once in whichever direction is ready. `at_end` is set when there is nothing more to read; a process
    /// that lives on without its terminal is then only written to.
    pub(crate) async fn pump(&self, at_end: &mut bool) {
        let has_input = !self.terminal().input().is_empty();
        tokio::select! {
            readable = self.pty.readable(), if !*at_end => {
                let _busy = BUSY.enter();
                let reading = if readable.is_ok() { self.read_turn() } else { Reading::End };
                *at_end = reading == Reading::End;
                if reading == Reading::Bytes(TURN_BYTES) {
                    // There is more. Requests and other sessions have their turn first.
                    tokio::task::yield_now().await;
                }
            }
            writable = self.pty.writable(), if has_input => {
                let _busy = BUSY.enter();
                self.write_turn();
                // A terminal that cannot be written to says so at once and for ever.
                if writable.is_err() {
                    self.terminal().input().fail_all();
                }
            }
            () = self.poke.notified() => {
                let _busy = BUSY.enter();
                self.terminal().send_snapshots(self.id, &self.poke);
            }
        }
    }

    /// Reads one turn's worth and hands it to the screen and the clients.
    pub(crate) fn read_turn(&self) -> Reading {
        self.pty
            .read_turn(|output| self.terminal().take_output(self.id, output, &self.poke))
    }

    fn write_turn(&self) {
        let mut terminal = self.terminal();
        let input = terminal.input();
        while let Some(bytes) = input.front() {
            match self.pty.write(bytes) {
                Ok(0) if !bytes.is_empty() => return,
                Ok(count) => input.taken(count),
                Err(_) => return input.fail_all(),
            }
        }
    }

    pub(crate) const fn id(&self) -> SessionId {
        self.id
    }
}
