//! A session's task: from the order to start it to what remains of it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use leakgate_probe::BusyGuard;
use sessiond_protocol::{ErrorCode, Failure, SessionId};

use super::pty::TURN_BYTES;
use super::terminal::Compacted;
use super::{Pty, Reading, Session, Terminal};
use crate::causes::with_causes;
use crate::core::{End, EndedBy, Event, Flow, Keep, Remains, StartOrder};
use crate::gauges::BUSY;
use crate::server::Daemon;
use crate::spawn::{Child, SpawnError};
use crate::tasks::unless_it_panics;
use crate::teardown::{self, Cause};
use crate::wake;

/// Runs one session from its start to its end. Every path out of here goes through [`teardown::end`].
///
/// `starting` is held from the request on, so that the daemon does not look idle in between.
pub(crate) async fn run(
    daemon: Arc<Daemon>,
    id: SessionId,
    order: StartOrder,
    starting: BusyGuard,
) {
    // Boxed: what a start needs is needed for a moment, and the task's own memory as long as the session lives.
    let started = Box::pin(start(&daemon, id, order)).await;
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
    let lived = {
        let life = pin!(live(&daemon, &session, &mut child));
        unless_it_panics(life).await
    };
    let (_ending, end, remains) = match lived {
        Some(ended) => ended,
        None => {
            let ending = BUSY.enter();
            let (status, leaving, remains) = teardown::abandon(&session, &mut child).await;
            let by = EndedBy::Daemon;
            let end = End {
                status,
                by,
                leaving,
            };
            (ending, end, remains)
        }
    };
    tracing::debug!(session = %id, status = %end.status, "ended");
    session.report_sightings(&daemon); // in its last output
    // The core's handle goes first: when a client hears of the end, nothing of the session is left.
    drop((session, child));
    daemon.dispatch(Event::Ended {
        session: id,
        end,
        remains,
    });
}

/// A session's life once it has started. The daemon is busy from its end on.
async fn live(
    daemon: &Arc<Daemon>,
    session: &Session,
    child: &mut Child,
) -> (BusyGuard, End, Remains) {
    let cause = session.pump_until_end(daemon, child).await;
    let ending = BUSY.enter();
    // What a paused session's processes still write is read, so that they can end.
    session.set_flow(Flow::Running);
    let held = session.terminal().retained_bytes();
    let mut ended = std::pin::pin!(teardown::end(session, child, cause));
    // What is shown meanwhile is told at once: what is left behind may take its time, and a wait has a deadline.
    let (status, leaving, remains) = std::future::poll_fn(|context| {
        let ended = ended.as_mut().poll(context);
        session.report_sightings(daemon);
        ended
    })
    .await;
    daemon.freed().add(held);
    let by = match cause {
        Cause::Exited(_) => EndedBy::Itself,
        Cause::Closed => EndedBy::Daemon,
    };
    let end = End {
        status,
        by,
        leaving,
    };
    (ending, end, remains)
}

async fn start(
    daemon: &Daemon,
    id: SessionId,
    order: StartOrder,
) -> Result<(Arc<Session>, Child), Failure> {
    let spawned = daemon
        .spawner()
        .spawn(id, &order)
        .await
        .map_err(|error| refusal(&error))?;
    let mut child = spawned.child;
    let mut terminal = Terminal::new(order.size, &order.recipe, order.origin);
    if let Some(text) = &order.show_first {
        terminal.show_first(text);
    }
    if order.output == Keep::End {
        terminal.keep_output();
    }
    match Pty::new(spawned.master) {
        Ok(pty) => {
            let session = Session::new(id, pty, terminal, Arc::clone(daemon.freed()));
            session.join(daemon.history());
            Ok((Arc::new(session), child))
        }
        Err(error) => {
            teardown::end_processes(&mut child).await;
            Err(Failure::new(
                ErrorCode::SpawnFailed,
                format!("the event loop refuses the terminal: {error}"),
            ))
        }
    }
}

fn refusal(error: &SpawnError) -> Failure {
    let code = match error {
        SpawnError::OpenFiles { .. } => ErrorCode::Limit,
        _ => ErrorCode::SpawnFailed,
    };
    Failure::new(code, with_causes(error))
}

impl Session {
    /// Moves bytes until the process exits or the session is to be closed.
    async fn pump_until_end(&self, daemon: &Arc<Daemon>, child: &mut Child) -> Cause {
        let mut at_end = false;
        loop {
            tokio::select! {
                biased;
                () = self.end.cancelled() => return Cause::Closed,
                status = child.exited() => return Cause::Exited(status),
                () = self.pump(&mut at_end) => self.report_sightings(daemon),
            }
        }
    }

    /// Tells the core of text that somebody waits for.
    fn report_sightings(&self, daemon: &Arc<Daemon>) {
        let sightings = self.terminal().lookout().0.take_sightings();
        for sighting in sightings {
            daemon.dispatch(Event::Sighted {
                session: self.id,
                sighting,
            });
        }
    }

    /// Moves bytes once in whichever direction is ready. `at_end` is set when there is nothing more to read; a process
    /// that lives on without its terminal is then only written to.
    pub(crate) async fn pump(&self, at_end: &mut bool) {
        let (has_input, flow, due) = {
            let mut terminal = self.terminal();
            let due = terminal.due();
            (!terminal.input().is_empty(), terminal.flow(), due)
        };
        tokio::select! {
            readable = self.pty.readable(), if !*at_end && flow == Flow::Running => {
                let _busy = BUSY.enter();
                let reading = if readable.is_ok() { self.read_turn() } else { Reading::End };
                *at_end = reading == Reading::End;
                if reading == Reading::Bytes(TURN_BYTES) {
                    // There is more. Requests and other sessions have their turn first.
                    tokio::task::yield_now().await;
                }
                self.compact().await;
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
                let mut terminal = self.terminal();
                terminal.take_up_grant();
                terminal.send_snapshots(self.id, &self.poke);
            }
            () = wake::at(due) => {
                let _busy = BUSY.enter();
                self.terminal().attend(Instant::now());
                self.compact().await;
            }
        }
    }

    /// Compresses what is cold of the history, a few pieces at a time.
    async fn compact(&self) {
        loop {
            let compacted = self.terminal().compact();
            match compacted {
                Compacted::Nothing => return,
                Compacted::Freed(bytes) => self.freed.add(bytes),
            }
            tokio::task::yield_now().await;
        }
    }

    /// Reads one turn's worth and hands it to the screen and the clients.
    pub(crate) fn read_turn(&self) -> Reading {
        self.pty.read_turn(
            |piece| self.terminal().show(piece),
            |output| self.terminal().take_output(self.id, output, &self.poke),
        )
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use sessiond_protocol::{CreateParams, Request, RequestId, ScreenParams, WaitParams};
    use tokio::signal::unix::{SignalKind, signal};

    use super::*;
    use crate::archives::ArchiveStore;
    use crate::core::{ClientId, Settings};
    use crate::fanout::Outbox;
    use crate::mcp::Pool;
    use crate::open_files::OpenFiles;
    use crate::spawn::{Spawner, only_test_with_children};
    use crate::transcripts::Transcripts;

    async fn reap_until_closed(daemon: Arc<Daemon>) {
        let mut child = signal(SignalKind::child()).unwrap();
        loop {
            tokio::select! {
                () = daemon.closed() => return,
                _ = child.recv() => daemon.spawner().reap(),
                () = daemon.spawner().answer_questions() => {}
            }
        }
    }

    /// What a client gets that starts a session, waits for its exit and asks for its screen.
    async fn replies(daemon: &Arc<Daemon>, command: &[&str]) -> Vec<String> {
        let (client, outbox) = (ClientId(1), Arc::new(Outbox::default()));
        let handle = Arc::clone(&outbox);
        daemon.dispatch(Event::Connected { client, handle });
        let session = SessionId(1).into();
        let requests = [
            Request::Create(CreateParams {
                command: command.iter().map(|&word| word.to_owned()).collect(),
                ..CreateParams::default()
            }),
            Request::Wait(WaitParams {
                session: SessionId(1).into(),
                timeout_ms: None,
            }),
            Request::Screen(ScreenParams {
                session,
                scrollback: 0,
            }),
        ];
        let mut replies = Vec::new();
        for request in requests {
            let id = RequestId(1);
            daemon.dispatch(Event::Asked {
                client,
                id,
                request,
            });
            let frame = outbox.next().await.unwrap();
            replies.push(String::from_utf8_lossy(&frame).into_owned());
        }
        replies
    }

    /// Nothing is archived in this test.
    fn nowhere() -> ArchiveStore {
        ArchiveStore::new("/nonexistent".into())
    }

    #[test]
    fn a_session_whose_task_panics_is_ended_and_answered_for() {
        let _alone = only_test_with_children();
        let (done, finished) = sync_channel(1);
        std::thread::spawn(move || {
            // Without a clock, the wait for the last output of what still holds the terminal panics.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build()
                .unwrap();
            let (spawner, thread) = Spawner::start("panic", OpenFiles::now()).unwrap();
            let daemon = Arc::new(Daemon::new(
                spawner,
                Settings::default(),
                nowhere(),
                Pool::new("/nowhere.sock".into(), OpenFiles::now()),
                Transcripts::new(&Settings::default().transcripts, "/nowhere.cursors".into()),
                crate::status::Statuses::new("/nowhere".into(), Arc::default()),
                crate::http::Http::default(),
            ));
            let replies = runtime.block_on(async {
                let reaping = reap_until_closed(Arc::clone(&daemon));
                daemon.tasks().spawn("signals", 0, reaping);
                let replies = replies(&daemon, &["sh", "-c", "sleep 1000 & exit 3"]).await;
                daemon.dispatch(Event::ShutdownRequested);
                daemon.stopped().await;
                daemon.spawner().stop().await;
                daemon.close();
                daemon.tasks().join().await;
                replies
            });
            thread.join().unwrap();
            done.send(replies).unwrap();
        });
        let replies = finished.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(replies[1].contains(r#""code":3"#), "{replies:?}");
        assert!(replies[2].contains(r#""rows":[]"#), "{replies:?}");
    }
}
