//! Shared MCP servers: one process each, on whose standard input and output many clients speak the Model Context Protocol,
//! every one over a socket connection of its own.
//!
//! ```text
//! client -> lines -> exchange (ids become numbers of ours) -> queue -> stdin of the process
//! client <- queue <- exchange (and names of theirs again)  <- lines <- stdout
//! ```
//!
//! A control plane of its own beside the core. [`outline`], [`lines`], [`message`], [`exchange`] and [`restarts`] decide,
//! without I/O and clock; [`server`] is what the tasks share, [`process`] keeps the process, [`client`] serves a connection.

mod client;
mod exchange;
mod lines;
mod listener;
mod message;
mod outline;
mod process;
mod queue;
mod restarts;
mod scratch;
mod server;
mod settings;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sessiond_protocol::{
    ErrorCode, Failure, McpParams, McpRequest, McpStartParams, RequestId, SessionName, Success,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::causes::with_causes;
use crate::fanout::Outbox;
use crate::gauges::BUSY;
use crate::open_files::OpenFiles;
use crate::paths;
use crate::server::Daemon;
use crate::spawn::Piped;
use crate::tasks::unless_it_panics;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use exchange::fuzzed;
use listener::PrivateListener;
pub(crate) use message::error_answer;
pub(crate) use outline::{Outline, Scanner};
use server::{RestartAsker, Server};
use settings::Settings;

/// Shared servers at a time: each is a process, and more than an agent's configuration names.
const SERVERS_MAX: usize = 64;

/// Descriptors of a server: three pipes, its socket, its log.
const SERVER_DESCRIPTORS: u32 = 5;

/// Restarts of one server that may be asked for at a time.
const RESTARTS_WAITING_MAX: usize = 4;

/// All shared servers of the daemon.
#[derive(Debug)]
pub(crate) struct Pool {
    /// The daemon's own socket, beside which theirs are.
    socket: PathBuf,
    servers: Mutex<BTreeMap<SessionName, Entry>>,
    /// Starts of processes so far.
    starts: AtomicU64,
    descriptors: Arc<Semaphore>,
}

#[derive(Debug)]
struct Entry {
    server: Arc<Server>,
    restart: mpsc::Sender<RestartAsker>,
}

impl Pool {
    pub(crate) fn new(socket: PathBuf, files: OpenFiles) -> Self {
        Self {
            socket,
            servers: Mutex::new(BTreeMap::new()),
            starts: AtomicU64::new(0),
            descriptors: Arc::new(Semaphore::new(files.pool())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionName, Entry>> {
        // No code that holds this lock can panic half-way through a change.
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_start(&self) -> u64 {
        self.starts.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Does what was asked, and answers.
    pub(crate) fn ask(
        daemon: &Arc<Daemon>,
        client: Arc<Outbox>,
        id: RequestId,
        request: McpRequest,
    ) {
        let own = Arc::clone(daemon);
        let busy = BUSY.enter();
        let answer = async move {
            let result = match request {
                McpRequest::Start(params) => Self::start(&own, params).await,
                McpRequest::Stop(params) => own.mcp().stop(&params).await,
                McpRequest::Restart(params) => own.mcp().restart(&params).await,
                McpRequest::List => Ok(own.mcp().list()),
            };
            client.reply(id, result);
            drop(busy);
        };
        daemon.tasks().spawn("mcp request", id.0, answer);
    }

    fn list(&self) -> Success {
        let servers = self.lock();
        Success::McpServers {
            servers: servers.values().map(|entry| entry.server.info()).collect(),
        }
    }

    fn find(&self, params: &McpParams) -> Result<Arc<Server>, Failure> {
        let servers = self.lock();
        let entry = servers.get(&params.server);
        let server = entry.map(|entry| Arc::clone(&entry.server));
        server.ok_or_else(|| not_found(&params.server))
    }

    async fn stop(&self, params: &McpParams) -> Result<Success, Failure> {
        let server = self.find(params)?;
        server.stop.cancel();
        server.ended.cancelled().await;
        Ok(Success::McpStopped {})
    }

    async fn restart(&self, params: &McpParams) -> Result<Success, Failure> {
        let (asker, answered) = oneshot::channel();
        let server = self.find(params)?;
        let restart = self
            .lock()
            .get(&params.server)
            .map(|entry| entry.restart.clone());
        let restart = restart.ok_or_else(|| not_found(&params.server))?;
        restart.try_send(asker).map_err(|_| {
            let message = format!("{} is being restarted or stopped", params.server);
            Failure::new(ErrorCode::Busy, message)
        })?;
        match answered.await {
            Ok(restarted) => restarted?,
            Err(_) => return Err(not_found(&params.server)), // it was stopped meanwhile
        }
        Ok(Success::McpStarted {
            server: server.info(),
        })
    }

    async fn start(daemon: &Arc<Daemon>, params: McpStartParams) -> Result<Success, Failure> {
        let pool = daemon.mcp();
        let descriptors = Arc::clone(&pool.descriptors).try_acquire_many_owned(SERVER_DESCRIPTORS);
        let descriptors = descriptors.map_err(|_| {
            let message = "the limit of open files carries no more shared servers (ulimit -Hn)";
            Failure::new(ErrorCode::Limit, message)
        })?;
        let (server, restarts) = pool.add(params)?;
        let started = Self::listen_and_start(daemon, &server).await;
        let (listener, first) = match started {
            Ok(started) => started,
            Err(failure) => {
                pool.forget(&server);
                return Err(failure);
            }
        };
        let info = server.info();
        let number = u64::from(first.child.pid);
        let body = Self::run(
            Arc::clone(daemon),
            Arc::clone(&server),
            first,
            restarts,
            descriptors,
        );
        daemon.tasks().spawn("mcp server", number, body);
        let connections = Arc::clone(&pool.descriptors);
        let body = listener::listen(Arc::clone(daemon), server, listener, connections);
        daemon.tasks().spawn("mcp listener", number, body);
        Ok(Success::McpStarted { server: info })
    }

    /// Takes a name.
    fn add(
        &self,
        params: McpStartParams,
    ) -> Result<(Arc<Server>, mpsc::Receiver<RestartAsker>), Failure> {
        let name = params.name.clone();
        let settings = Settings::new(params)?;
        let socket = paths::mcp_socket(&self.socket, &name);
        let log = paths::mcp_log(&self.socket, &name)
            .map_err(|error| Failure::new(ErrorCode::Storage, with_causes(&error)))?;
        let mut servers = self.lock();
        if servers.contains_key(&name) {
            let message = format!("a shared server has the name {name} already");
            return Err(Failure::new(ErrorCode::NameTaken, message));
        }
        if servers.len() >= SERVERS_MAX {
            let message = format!("there are {SERVERS_MAX} shared servers");
            return Err(Failure::new(ErrorCode::Limit, message));
        }
        let server = Arc::new(Server::new(name.clone(), settings, socket, log));
        let (restart, restarts) = mpsc::channel(RESTARTS_WAITING_MAX);
        let entry = Entry {
            server: Arc::clone(&server),
            restart,
        };
        servers.insert(name, entry);
        Ok((server, restarts))
    }

    async fn listen_and_start(
        daemon: &Arc<Daemon>,
        server: &Server,
    ) -> Result<(PrivateListener, Piped), Failure> {
        let listener = PrivateListener::bind(&server.socket)?;
        let started = process::start(daemon, server).await;
        let first = started.map_err(|reason| Failure::new(ErrorCode::SpawnFailed, reason))?;
        Ok((listener, first))
    }

    /// A server from its first process to the last trace of it.
    async fn run(
        daemon: Arc<Daemon>,
        server: Arc<Server>,
        first: Piped,
        restarts: mpsc::Receiver<RestartAsker>,
        descriptors: OwnedSemaphorePermit,
    ) {
        let kept = pin!(process::keep(&daemon, &server, first, restarts));
        unless_it_panics(kept).await;
        let _busy = BUSY.enter();
        server.stop.cancel();
        server.close.cancel();
        server.connections.close();
        server.connections.wait().await;
        daemon.mcp().forget(&server);
        drop(descriptors);
        server.ended.cancel();
    }

    fn forget(&self, server: &Server) {
        self.lock().remove(&server.name);
    }

    /// Begins to stop all servers.
    pub(crate) fn stop_all(&self) {
        for entry in self.lock().values() {
            entry.server.stop.cancel();
        }
    }

    /// Resolves when nothing is left of any server. To be called when none is started any more.
    pub(crate) async fn ended(&self) {
        loop {
            let first = self
                .lock()
                .values()
                .next()
                .map(|entry| Arc::clone(&entry.server));
            let Some(server) = first else { return };
            server.stop.cancel();
            server.ended.cancelled().await;
        }
    }
}

fn not_found(server: &SessionName) -> Failure {
    Failure::new(ErrorCode::NotFound, format!("no shared server {server}"))
}
