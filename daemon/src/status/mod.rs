//! What agents say of themselves in status files, and who is told of it.
//!
//! ```text
//! hook of an agent -> file -> inotify -> pending -> scan -> board -> change -> clients that watch
//!                                                                          -> book, inbox -> hook of the profile
//! ```
//!
//! A control plane of its own beside the core, of which it only asks whether a session lives. [`file`], [`pending`],
//! [`board`], [`seen`], [`inbox`] and [`book`] decide, without a clock; [`watcher`] and [`profile`] are the tasks, [`scan`],
//! [`hook`] and [`journal`] what they do, [`shelf`] is what they share.

mod audience;
mod board;
mod book;
mod file;
mod hook;
mod inbox;
mod journal;
mod pending;
mod profile;
mod scan;
mod seen;
mod settings;
mod shelf;
mod watcher;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sessiond_protocol::{
    ErrorCode, Failure, ProfileParams, SessionId, SessionName, StatusReply, StatusRequest, Success,
};
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

use crate::causes::with_causes;
use crate::core::{ClientId, StatusCall, Ticket};
use crate::gauges::BUSY;
use crate::http::Feed;
use crate::paths;
use crate::server::{Daemon, Real, now};
use journal::Journal;
use profile::{Closing, Profile};
use settings::Settings;
use shelf::Shelf;
use watcher::Watcher;

/// Profiles at a time. Each holds a descriptor, and a person has a handful.
const PROFILES_MAX: usize = 8;

/// Hooks that run at a time, in all profiles: each is a process and holds three descriptors. Others wait their turn.
const HOOKS_MAX: usize = 4;

/// All statuses of the daemon.
#[derive(Debug)]
pub(crate) struct Statuses {
    /// Where the journals are.
    journals: PathBuf,
    shelf: Mutex<Shelf>,
    hooks: Semaphore,
    /// The last number that a profile's task or a hook's run was given.
    last: AtomicU64,
}

impl Statuses {
    /// Changes are told to `feed` too.
    pub(crate) fn new(journals: PathBuf, feed: Arc<Feed>) -> Self {
        Self {
            journals,
            shelf: Mutex::new(Shelf::new(feed)),
            hooks: Semaphore::new(HOOKS_MAX),
            last: AtomicU64::new(0),
        }
    }

    /// Locks are taken core, then this, then outbox.
    fn lock(&self) -> MutexGuard<'_, Shelf> {
        // No code that holds this lock can panic half-way through a change.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    async fn hook_turn(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.hooks.acquire().await
    }

    /// Opens the profiles that the daemon was started with, and removes what an earlier one has left of others.
    pub(crate) async fn open_configured(daemon: &Arc<Daemon>, profiles: Vec<ProfileParams>) {
        let names: BTreeSet<_> = profiles.iter().map(|params| params.name.clone()).collect();
        journal::sweep(&daemon.statuses().journals, &names);
        for params in profiles {
            let name = params.name.clone();
            if let Err(failure) = Self::open(daemon, params).await {
                tracing::error!(profile = %name, "not opened: {}", failure.message);
            }
        }
    }

    /// Does what was asked, and answers: at once, unless something has to happen first.
    pub(crate) fn ask(daemon: &Arc<Daemon>, call: StatusCall<Real>) {
        let StatusCall {
            handle: client,
            ticket: Ticket { client: number, id },
            request,
        } = call;
        let statuses = daemon.statuses();
        let reply = match request {
            StatusRequest::List {} => Ok(statuses.lock().statuses()),
            StatusRequest::Profiles {} => Ok(statuses.lock().profiles()),
            StatusRequest::Watch {} => {
                statuses.lock().audience.join(number, Arc::clone(&client));
                Ok(StatusReply::Watching {})
            }
            StatusRequest::Unwatch {} => {
                statuses.lock().audience.leave(number);
                Ok(StatusReply::Unwatched {})
            }
            StatusRequest::Inbox { profile, take } => statuses.lock().inbox(&profile, take),
            StatusRequest::Dead { profile, take } => statuses.lock().dead(&profile, take),
            StatusRequest::Open(_) | StatusRequest::Close { .. } | StatusRequest::Rescan {} => {
                let (own, busy) = (Arc::clone(daemon), BUSY.enter());
                let answer = async move {
                    let reply = Self::do_slowly(&own, request).await;
                    client.reply(id, reply.map(|reply| Success::Status { reply }));
                    drop(busy);
                };
                return daemon.tasks().spawn("status request", id.0, answer);
            }
        };
        client.reply(id, reply.map(|reply| Success::Status { reply }));
    }

    async fn do_slowly(
        daemon: &Arc<Daemon>,
        request: StatusRequest,
    ) -> Result<StatusReply, Failure> {
        match request {
            StatusRequest::Open(params) => Self::open(daemon, params).await,
            StatusRequest::Close { profile } => daemon.statuses().close(&profile).await,
            _ => {
                let names = daemon.statuses().lock().names();
                for name in names {
                    scan::whole(daemon, &name).await;
                }
                Ok(StatusReply::Rescanned {})
            }
        }
    }

    async fn open(daemon: &Arc<Daemon>, params: ProfileParams) -> Result<StatusReply, Failure> {
        let statuses = daemon.statuses();
        let settings = Settings::new(params)?;
        let name = settings.name.clone();
        let profile = statuses.admit(daemon, settings)?;
        let own = Arc::clone(daemon);
        let number = statuses.next_number();
        let body = profile::run(own, profile);
        daemon.tasks().spawn("status profile", number, body);
        scan::whole(daemon, &name).await;
        let info = statuses.lock().profile(&name);
        let profile = Box::new(info.ok_or_else(|| not_found(&name))?); // closed meanwhile
        Ok(StatusReply::Opened { profile })
    }

    /// Takes a name, and begins to watch.
    fn admit(&self, daemon: &Arc<Daemon>, settings: Settings) -> Result<Arc<Profile>, Failure> {
        let storage =
            |error: &dyn std::error::Error| Failure::new(ErrorCode::Storage, with_causes(error));
        let mut shelf = self.lock();
        shelf.check_room(&settings.name)?;
        paths::own_directory(&settings.directory).map_err(|error| storage(&error))?;
        paths::make_private(&self.journals).map_err(|error| storage(&error))?;
        let watcher = match &shelf.watcher {
            Some(watcher) => Arc::clone(watcher),
            None => Arc::new(Watcher::new().map_err(|error| storage(&error))?),
        };
        watcher.add(&settings.name, &settings.directory)?;
        let path = journal::path(&self.journals, &settings.name);
        let journal = Journal::open(path.clone()).map_err(|error| {
            watcher.remove(&settings.name);
            storage(&error)
        })?;
        if shelf.watcher.is_none() {
            shelf.watcher = Some(Arc::clone(&watcher));
            let body = watcher.run(Arc::clone(daemon));
            daemon.tasks().spawn("status watcher", 0, body);
        }
        let profile = Arc::new(Profile::new(settings, journal, &path));
        shelf.add(Arc::clone(&profile));
        Ok(profile)
    }

    async fn close(&self, profile: &SessionName) -> Result<StatusReply, Failure> {
        let profile = self.lock().find(profile)?;
        profile.close(Closing::Request);
        profile.ended.cancelled().await;
        Ok(StatusReply::Closed {})
    }

    /// Takes a profile out with everything that is known from it, and ends the watcher with the last one.
    async fn forget(&self, profile: &Profile) {
        let watcher = self.lock().remove(&profile.settings.name);
        if let Some(watcher) = watcher {
            watcher.stop.cancel();
            watcher.ended.cancelled().await;
        }
    }

    /// Forgets what hangs off a session: it has ended for good.
    pub(crate) fn session_over(&self, session: SessionId) {
        self.lock().session_over(now(), session);
    }

    /// Forgets a client.
    pub(crate) fn client_left(&self, client: ClientId) {
        self.lock().audience.leave(client);
    }

    /// Tells clients that had missed something when they can read again, until the daemon ends.
    pub(crate) async fn run(daemon: Arc<Daemon>) {
        let roomy = daemon.statuses().lock().audience.roomy();
        loop {
            tokio::select! {
                biased;
                () = daemon.closed() => return,
                () = roomy.notified() => daemon.statuses().lock().audience.catch_up(),
            }
        }
    }

    /// Begins to close all profiles.
    pub(crate) fn stop_all(&self) {
        self.lock().stop_all();
    }

    /// Resolves when nothing is left of any profile. To be called when none is opened any more.
    pub(crate) async fn ended(&self) {
        loop {
            let Some(profile) = self.lock().first() else {
                return;
            };
            profile.close(Closing::Shutdown);
            profile.ended.cancelled().await;
        }
    }
}

fn not_found(profile: &SessionName) -> Failure {
    Failure::new(ErrorCode::NotFound, format!("no profile {profile}"))
}
