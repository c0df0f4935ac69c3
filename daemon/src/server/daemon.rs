//! The core in its surroundings: what performs its effects, and tells it the time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use sessiond_protocol::{ArchiveId, RequestId, SessionId, SessionName, SessionRef};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::archives::ArchiveStore;
use crate::core::{ClientId, Core, Effect, Event, Incident, Manuscript, Now, Plane, Settings};
use crate::fanout::Outbox;
use crate::freed::Freed;
use crate::gauges::BUSY;
use crate::history_budget::HistoryBudget;
use crate::http::{Http, News};
use crate::mcp::Pool;
use crate::session::{Session, task};
use crate::spawn::Spawner;
use crate::status::Statuses;
use crate::tasks::TaskGroup;
use crate::transcripts::Transcripts;
use crate::wake;

/// The core's plane in the real daemon.
#[derive(Debug)]
pub(crate) struct Real;

impl Plane for Real {
    type Session = Arc<Session>;
    type Client = Arc<Outbox>;
}

/// What all tasks share. Events are handled and their effects performed one after the other, under one lock; nothing
/// under it waits.
pub(crate) struct Daemon {
    core: Mutex<Scheduled>,
    /// The clock's deadline has come nearer.
    sooner: Notify,
    spawner: Spawner,
    tasks: TaskGroup,
    archives: ArchiveStore,
    mcp: Pool,
    transcripts: Transcripts,
    statuses: Statuses,
    http: Http,
    /// The number of the last client.
    last_client: AtomicU64,
    freed: Arc<Freed>,
    history: Arc<HistoryBudget>,
    stop: CancellationToken,
    close: CancellationToken,
}

/// The core, and when the clock task will wake it.
struct Scheduled {
    core: Core<Real>,
    wake: Option<Instant>,
}

impl Daemon {
    pub(crate) fn new(
        spawner: Spawner,
        settings: Settings,
        archives: ArchiveStore,
        mcp: Pool,
        transcripts: Transcripts,
        statuses: Statuses,
        http: Http,
    ) -> Self {
        let history = Arc::new(HistoryBudget::new(settings.history_bytes));
        Self {
            core: Mutex::new(Scheduled {
                core: Core::new(settings),
                wake: None,
            }),
            sooner: Notify::new(),
            spawner,
            tasks: TaskGroup::default(),
            archives,
            mcp,
            transcripts,
            statuses,
            http,
            last_client: AtomicU64::new(0),
            freed: Arc::default(),
            history,
            stop: CancellationToken::new(),
            close: CancellationToken::new(),
        }
    }

    pub(crate) const fn spawner(&self) -> &Spawner {
        &self.spawner
    }

    pub(crate) const fn mcp(&self) -> &Pool {
        &self.mcp
    }

    pub(crate) const fn transcripts(&self) -> &Transcripts {
        &self.transcripts
    }

    pub(crate) const fn statuses(&self) -> &Statuses {
        &self.statuses
    }

    pub(crate) const fn http(&self) -> &Http {
        &self.http
    }

    /// A client's number, which no other client has had.
    pub(crate) fn next_client(&self) -> ClientId {
        ClientId(self.last_client.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(crate) const fn tasks(&self) -> &TaskGroup {
        &self.tasks
    }

    pub(crate) const fn history(&self) -> &Arc<HistoryBudget> {
        &self.history
    }

    pub(crate) const fn freed(&self) -> &Arc<Freed> {
        &self.freed
    }

    /// Resolves when the last session is gone and the daemon shall end.
    pub(crate) fn stopped(&self) -> WaitForCancellationFuture<'_> {
        self.stop.cancelled()
    }

    /// Resolves when nothing is left of the daemon but its connections: a client that is cut off finds no socket any more.
    pub(crate) fn closed(&self) -> WaitForCancellationFuture<'_> {
        self.close.cancelled()
    }

    /// Cuts the connections off.
    pub(crate) fn close(&self) {
        self.close.cancel();
    }

    fn lock(&self) -> MutexGuard<'_, Scheduled> {
        // The core's own invariants are checked by its tests; a panic in it must not hang every client.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the core handle one event and performs what it wants done.
    pub(crate) fn dispatch(self: &Arc<Self>, event: Event<Real>) {
        let _busy = BUSY.enter();
        let mut scheduled = self.lock();
        let news = News::of(&event);
        let effects = scheduled.core.handle(now(), event);
        if let Some(news) = news {
            let live = scheduled.core.live(&news.session().into());
            self.http
                .feed()
                .tell(&news.named(live.and_then(|(_, name, _)| name)));
        }
        for effect in effects {
            self.perform(effect);
        }
        let next = scheduled.core.next_wake();
        let is_sooner = next.is_some_and(|next| scheduled.wake.is_none_or(|wake| next < wake));
        if is_sooner {
            self.sooner.notify_one();
        }
    }

    fn perform(self: &Arc<Self>, effect: Effect<Real>) {
        match effect {
            Effect::Reply { client, id, result } => client.reply(id, result),
            Effect::Notify { client, notice } => client.notify(&notice),
            Effect::Refuse { client, failure } => {
                client.reject(None, failure);
                client.end();
            }
            Effect::Start { session, order } => {
                let body = task::run(Arc::clone(self), session, order, BUSY.enter());
                self.tasks.spawn("session", session.0, body);
            }
            Effect::Attach {
                session,
                client,
                handle,
                order,
            } => session.attach(client, handle, order),
            Effect::AttachAgain {
                session,
                clients,
                size,
            } => session.attach_again(clients, size),
            Effect::Detach { session, client } => session.detach(client),
            Effect::HangUp { client, handle } => hang_up(client, &handle),
            Effect::Hold {
                session,
                client,
                flow,
            } => session.hold(client, flow),
            Effect::SetFlow { session, flow } => session.set_flow(flow),
            Effect::Watch {
                session,
                ticket,
                pattern,
            } => session.watch(ticket, pattern),
            Effect::Unwatch { session, ticket } => session.unwatch(ticket),
            Effect::Resize {
                session,
                client,
                size,
            } => session.resize(client, size),
            Effect::KeepText { session } => session.keep_text(),
            Effect::End { session } => session.end(),
            Effect::WriteArchive { manuscript } => self.write_archive(manuscript),
            Effect::ReadArchive { archive } => self.read_archive(archive),
            Effect::RemoveArchive { archive } => self.archives.remove(archive),
            Effect::Signal {
                session,
                signal,
                client,
                id,
            } => client.reply(id, self.spawner.signal(session, signal)),
            Effect::Tell { session, incident } => tell(session, &incident),
            Effect::Mcp {
                client,
                id,
                request,
            } => Pool::ask(self, client, id, request),
            Effect::Http { client, id } => client.reply(id, Ok(self.http.info())),
            Effect::Transcripts { client, asked } => Transcripts::ask(self, client, asked),
            Effect::Status(call) => Statuses::ask(self, call),
            Effect::Over { session } => self.session_over(session),
            Effect::ShutdownBegan { sessions } => self.begin_shutdown(sessions),
            Effect::Stop => self.stop.cancel(),
        }
    }

    fn begin_shutdown(&self, sessions: usize) {
        tracing::info!("shutting down {sessions} active session(s)");
        self.mcp.stop_all();
        self.statuses.stop_all();
    }

    /// Forgets what hangs off a session beside the core.
    fn session_over(&self, session: SessionId) {
        self.transcripts.session_over(session);
        self.statuses.session_over(session);
        self.http.feed().tell(&News::Gone { session });
    }

    /// What `body` makes of a session that has not ended for good, with its name and when it was created, in milliseconds
    /// since 1970 UTC; it does not end meanwhile.
    pub(crate) fn with_live<T>(
        &self,
        session: &SessionRef,
        body: impl FnOnce(Option<(SessionId, Option<&SessionName>, u64)>) -> T,
    ) -> T {
        body(self.lock().core.live(session))
    }

    /// Tells the core which archives an earlier daemon left.
    pub(crate) fn find_archives(self: &Arc<Self>) {
        let found = self.archives.find();
        self.dispatch(Event::ArchivesFound { found });
    }

    fn write_archive(self: &Arc<Self>, manuscript: Box<Manuscript>) {
        let daemon = Arc::clone(self);
        let busy = BUSY.enter();
        self.tasks
            .spawn("archive", manuscript.info.id.0, async move {
                let result = daemon.archives.write(&manuscript);
                let info = manuscript.info.clone();
                drop(manuscript);
                daemon.dispatch(Event::ArchiveWritten { info, result });
                drop(busy);
            });
    }

    fn read_archive(self: &Arc<Self>, archive: ArchiveId) {
        let daemon = Arc::clone(self);
        let busy = BUSY.enter();
        self.tasks.spawn("archive", archive.0, async move {
            let result = daemon.archives.read(archive);
            daemon.dispatch(Event::ArchiveRead { archive, result });
            drop(busy);
        });
    }

    /// Hands input to its session; the answer comes when the terminal has taken it.
    pub(crate) fn input(
        &self,
        client: ClientId,
        session: SessionId,
        bytes: Bytes,
        outbox: &Arc<Outbox>,
        id: RequestId,
    ) {
        let _busy = BUSY.enter();
        let target = self.lock().core.input_target(now(), client, session);
        if let Err(failure) = target.and_then(|session| session.write(client, bytes, outbox, id)) {
            outbox.reply(id, Err(failure));
        }
    }

    /// The clock task: wakes the core when it wants to be.
    pub(crate) async fn run_clock(self: Arc<Self>) {
        loop {
            let wake = {
                let mut scheduled = self.lock();
                scheduled.wake = scheduled.core.next_wake();
                scheduled.wake
            };
            tokio::select! {
                biased;
                () = self.closed() => return,
                () = self.sooner.notified() => {}
                () = wake::at(wake) => self.dispatch(Event::Woke),
            }
        }
    }
}

/// What the time is.
pub(crate) fn now() -> Now {
    let unix = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Now {
        instant: Instant::now(),
        unix_ms: u64::try_from(unix.as_millis()).unwrap_or(u64::MAX),
    }
}

/// Cuts a client off.
fn hang_up(client: ClientId, handle: &Outbox) {
    let client = client.0;
    tracing::info!(client, "a client that did not answer was cut off");
    handle.hang_up();
}

/// Writes an incident to the log.
fn tell(session: SessionId, incident: &Incident) {
    match incident {
        Incident::Expired => tracing::info!(%session, "expired: nobody has used it"),
        Incident::Killed => tracing::warn!(%session, "killed: it did not heed the hang-up"),
        Incident::BreakerOpened(reason) => {
            tracing::warn!(%session, "not respawned any more: {reason}");
        }
    }
}
