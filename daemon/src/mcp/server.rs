//! One shared server as its clients, its process and its list entry see it: everything that they share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use leakgate_probe::Held;
use sessiond_protocol::{McpServerInfo, McpState, SessionName};
use tokio::sync::{AcquireError, Notify, Semaphore, SemaphorePermit, oneshot, watch};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};
use tokio_util::task::TaskTracker;

use super::client::Client;
use super::exchange::{Availability, Exchange, Heard, Peer, Weight, Wires};
use super::lines::{Line, Splitter};
use super::queue::Queue;
use super::restarts::Restarts;
use super::settings::Settings;
use crate::gauges::{BUSY, MCP_CLIENTS, MCP_SERVERS};

/// Clients of one server at a time.
pub(super) const CLIENTS_MAX: usize = 100;

/// Bytes of small messages that may wait beside a large one, for the server and for a client.
const SMALL_BYTES: usize = 256 << 10;

/// Answers of the largest size that may wait for one client: an agent that reads gets a few of them at a time, one that
/// does not is cut off.
const ANSWERS_MAX: usize = 8;

/// Bytes of our own that may wait beside what clients say: words for a server that does not read.
const OWN_BYTES: usize = 1 << 20;

/// What somebody wants of a server.
pub(super) type RestartAsker = oneshot::Sender<Result<(), sessiond_protocol::Failure>>;

/// A shared server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(super) name: SessionName,
    pub(super) settings: Settings,
    pub(super) socket: PathBuf,
    pub(super) log: PathBuf,
    state: Mutex<State>,
    /// What waits for the process.
    pub(super) stdin: Queue,
    /// Clients that wait for room in there.
    turns: Semaphore,
    /// Whether clients are heard.
    open: watch::Sender<bool>,
    /// Something is to be answered in time, and nothing was before.
    pub(super) sooner: Notify,
    /// Set by whoever stops it.
    pub(super) stop: CancellationToken,
    /// No process any more: the clients hear the last and go.
    pub(super) close: CancellationToken,
    /// Nothing of it is left.
    pub(super) ended: CancellationToken,
    /// Held by every connection.
    pub(super) connections: TaskTracker,
    _counted: Held,
}

#[derive(Debug)]
struct State {
    exchange: Exchange,
    clients: BTreeMap<Peer, (Arc<Client>, Held)>,
    last_peer: u64,
    condition: Condition,
    restarts: Restarts,
    lost: Lost,
    /// When the time-keeper looks next.
    wake: Option<Instant>,
}

/// How it is with the process.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) state: McpState,
    pub(super) reason: Option<String>,
    pub(super) pid: Option<u32>,
}

#[derive(Debug, Default)]
struct Lost {
    skipped: u64,
    dropped: u64,
    cut_off: u64,
}

/// The queues behind the exchange.
struct Queues<'a> {
    clients: &'a BTreeMap<Peer, (Arc<Client>, Held)>,
    stdin: &'a Queue,
    line_bytes: usize,
    lost: &'a mut Lost,
}

impl Wires for Queues<'_> {
    fn to_server(&mut self, pieces: &[&[u8]]) {
        let bytes_max = stdin_bytes_max(self.line_bytes) + 2 * self.line_bytes + OWN_BYTES;
        if !self.stdin.push(pieces, bytes_max) {
            self.lost.dropped += 1;
        }
    }

    fn to_client(&mut self, peer: Peer, weight: Weight, pieces: &[&[u8]]) {
        let Some((client, _)) = self.clients.get(&peer) else {
            return;
        };
        let bytes_max = match weight {
            Weight::Notice => SMALL_BYTES + self.line_bytes,
            Weight::Needed => SMALL_BYTES + ANSWERS_MAX * self.line_bytes,
        };
        if client.queue.push(pieces, bytes_max) {
            return;
        }
        match weight {
            Weight::Notice => self.lost.dropped += 1,
            Weight::Needed if !client.cut.is_cancelled() => {
                self.lost.cut_off += 1;
                client.cut.cancel();
            }
            Weight::Needed => {}
        }
    }
}

/// What clients may leave waiting for the process before they are not read.
const fn stdin_bytes_max(line_bytes: usize) -> usize {
    line_bytes + SMALL_BYTES
}

impl Server {
    pub(super) fn new(
        name: SessionName,
        settings: Settings,
        socket: PathBuf,
        log: PathBuf,
    ) -> Self {
        let condition = Condition {
            state: McpState::Starting,
            reason: None,
            pid: None,
        };
        let state = State {
            exchange: Exchange::new(settings.pending),
            clients: BTreeMap::new(),
            last_peer: 0,
            condition,
            restarts: Restarts::new(Instant::now()),
            lost: Lost::default(),
            wake: None,
        };
        Self {
            name,
            settings,
            socket,
            log,
            state: Mutex::new(state),
            stdin: Queue::new(),
            turns: Semaphore::new(1),
            open: watch::Sender::new(false),
            sooner: Notify::new(),
            stop: CancellationToken::new(),
            close: CancellationToken::new(),
            ended: CancellationToken::new(),
            connections: TaskTracker::new(),
            _counted: MCP_SERVERS.hold(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The exchange's own invariants are checked by its tests; a panic in it must not hang every client.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `body` with the exchange and what carries its messages.
    fn exchange<T>(&self, body: impl FnOnce(&mut Exchange, &mut Queues<'_>) -> T) -> T {
        let state = &mut *self.lock();
        let mut queues = Queues {
            clients: &state.clients,
            stdin: &self.stdin,
            line_bytes: self.settings.line_bytes,
            lost: &mut state.lost,
        };
        let result = body(&mut state.exchange, &mut queues);
        if state.wake.is_none() {
            state.wake = state.exchange.next_deadline();
            if state.wake.is_some() {
                self.sooner.notify_one();
            }
        }
        result
    }

    /// Resolves when the clients are to go.
    pub(super) fn closing(&self) -> WaitForCancellationFuture<'_> {
        self.close.cancelled()
    }

    /// Waits until a client may be heard that has to say `more` bytes at most, in the order of those who wait.
    ///
    /// # Errors
    /// Never: the semaphore is not closed.
    pub(super) async fn turn(&self, more: usize) -> Result<SemaphorePermit<'_>, AcquireError> {
        loop {
            // The sender lives as long as this does.
            let _ = self.open.subscribe().wait_for(|open| *open).await;
            let turn = self.turns.acquire().await?;
            let bytes_max = stdin_bytes_max(self.settings.line_bytes);
            self.stdin.room(more, bytes_max).await;
            if *self.open.borrow() {
                return Ok(turn);
            }
        }
    }

    /// Lets clients be heard, or not.
    pub(super) fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// A new client. None when there are as many as may be.
    pub(super) fn join(&self) -> Option<(Peer, Arc<Client>)> {
        let state = &mut *self.lock();
        if state.clients.len() >= CLIENTS_MAX {
            return None;
        }
        state.last_peer += 1;
        let peer = Peer(state.last_peer);
        let client = Arc::new(Client::new());
        let seat = (Arc::clone(&client), MCP_CLIENTS.hold(1));
        state.clients.insert(peer, seat);
        state.exchange.join(peer);
        Some((peer, client))
    }

    pub(super) fn leave(&self, peer: Peer) {
        self.lock().clients.remove(&peer);
        self.exchange(|exchange, queues| exchange.leave(peer, Instant::now(), queues));
    }

    pub(super) fn is_waiting(&self, peer: Peer) -> bool {
        self.lock().exchange.is_waiting(peer)
    }

    /// Takes what was read from a client.
    pub(super) fn hear_client(&self, peer: Peer, splitter: &mut Splitter, read: &[u8]) {
        let (now, line_bytes) = (Instant::now(), self.settings.line_bytes);
        splitter.feed(read, |line| {
            self.count_skipped(&line);
            self.exchange(|exchange, queues| {
                exchange.hear_client(peer, line, line_bytes, now, queues);
            });
        });
    }

    /// Takes what was read from the process; says what is not for clients alone.
    pub(super) fn hear_process(&self, splitter: &mut Splitter, read: &[u8]) -> Option<Heard> {
        let _busy = BUSY.enter();
        let (now, line_bytes) = (Instant::now(), self.settings.line_bytes);
        let mut special = None;
        splitter.feed(read, |line| {
            self.count_skipped(&line);
            let heard = self.exchange(|exchange, queues| {
                exchange.hear_server(line, line_bytes, now, queues)
            });
            match heard {
                Heard::Message => {}
                Heard::Nonsense => {
                    tracing::debug!(server = %self.name, "a line on standard output that is no message");
                }
                Heard::Replayed | Heard::ReplayRefused => special = Some(heard),
            }
        });
        special
    }

    fn count_skipped(&self, line: &Line<'_>) {
        if let Line::Oversized { bytes, .. } = line {
            tracing::warn!(server = %self.name, bytes, "a message above the limit was skipped");
            self.lock().lost.skipped += 1;
        }
    }

    /// A new process is there. True when it is to be told what the last one knew, and clients wait for that.
    pub(super) fn process_started(&self, pid: u32) -> bool {
        self.stdin.clear();
        let replays = self.exchange(|exchange, queues| {
            exchange.availability = Availability::Up;
            exchange.replay(Instant::now(), queues)
        });
        let state = &mut *self.lock();
        state.restarts.started(Instant::now());
        state.condition = Condition {
            state: McpState::Starting,
            reason: None,
            pid: Some(pid),
        };
        replays
    }

    /// Clients are heard from now on.
    pub(super) fn runs(&self) {
        self.lock().condition.state = McpState::Running;
        self.set_open(true);
    }

    /// The process is gone or is about to be: everything that was under way is answered with `why`.
    pub(super) fn process_gone(&self, why: &str) {
        self.set_open(false);
        self.stdin.clear();
        self.exchange(|exchange, queues| {
            exchange.server_gone(why, queues);
            exchange.availability = Availability::Down(why.to_owned());
        });
        self.stdin.clear();
        let state = &mut *self.lock();
        state.condition.state = McpState::Ending;
    }

    /// There is no process, for this reason: who asks is told so at once.
    pub(super) fn process_absent(&self, condition: McpState, reason: String, told: String) {
        let state = &mut *self.lock();
        state.exchange.availability = Availability::Down(told);
        state.condition = Condition {
            state: condition,
            reason: Some(reason),
            pid: None,
        };
        self.set_open(true);
    }

    /// A process is about to be started.
    pub(super) fn process_wanted(&self) {
        self.set_open(false);
        self.lock().condition = Condition {
            state: McpState::Starting,
            reason: None,
            pid: None,
        };
    }

    /// Decides about restarts.
    pub(super) fn restarts<T>(&self, body: impl FnOnce(&mut Restarts) -> T) -> T {
        body(&mut self.lock().restarts)
    }

    /// When something is to be looked at that was not answered in time.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let state = &mut *self.lock();
        state.wake = state.exchange.next_deadline();
        state.wake
    }

    pub(super) fn expire(&self) {
        let _busy = BUSY.enter();
        self.exchange(|exchange, queues| exchange.expire(Instant::now(), queues));
    }

    pub(super) fn info(&self) -> McpServerInfo {
        let state = &*self.lock();
        let counts = state.exchange.counts;
        McpServerInfo {
            name: self.name.clone(),
            command: self.settings.command.clone(),
            state: state.condition.state,
            reason: state.condition.reason.clone(),
            pid: state.condition.pid,
            socket: self.socket.to_string_lossy().into_owned(),
            log: self.log.to_string_lossy().into_owned(),
            clients: state.clients.len(),
            pending: state.exchange.pending(),
            restarts: state.restarts.total(),
            skipped: state.lost.skipped,
            expired: counts.expired,
            dropped: counts.dropped + state.lost.dropped,
            cut_off: state.lost.cut_off,
        }
    }
}
