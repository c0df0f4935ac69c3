//! One profile: what its task, its directory's watcher and requests share; and the task, which tells its hook.

use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use leakgate_probe::Held;
use sessiond_protocol::StatusChange;
use tokio::sync::Notify;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::book::Next;
use super::hook::{self, Ran};
use super::inbox::{Job, Settled};
use super::journal::{Journal, Line};
use super::settings::Settings;
use crate::gauges::{BUSY, STATUS_PROFILES};
use crate::server::{Daemon, now};
use crate::tasks::unless_it_panics;

/// Why a profile is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    /// Somebody wants it to be gone.
    Request,
    /// The daemon ends.
    Shutdown,
}

/// A profile.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) settings: Settings,
    pub(super) journal_path: String,
    journal: Mutex<Option<Journal>>,
    /// Something is to be done sooner than the task knows.
    pub(super) sooner: Notify,
    closing: Mutex<Closing>,
    pub(super) stop: CancellationToken,
    /// Nothing of it is left.
    pub(super) ended: CancellationToken,
    _counted: Held,
}

impl Profile {
    pub(super) fn new(settings: Settings, journal: Journal, path: &Path) -> Self {
        Self {
            settings,
            journal_path: path.to_string_lossy().into_owned(),
            journal: Mutex::new(Some(journal)),
            sooner: Notify::new(),
            closing: Mutex::new(Closing::Shutdown),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
            _counted: STATUS_PROFILES.hold(1),
        }
    }

    /// Begins to close it. The first reason counts, and a second time changes nothing.
    pub(super) fn close(&self, why: Closing) {
        if !self.stop.is_cancelled() {
            *self.closing.lock().unwrap_or_else(PoisonError::into_inner) = why;
            self.stop.cancel();
        }
    }

    /// Writes down what came of a notification.
    fn note(&self, line: &Line<'_>) {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(journal) = &mut *journal {
            journal.write(line);
        }
    }

    /// Closes the journal.
    fn put_away(&self) {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let closing = *self.closing.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(journal), Closing::Request) = (journal.take(), closing) {
            journal.remove();
        }
    }
}

/// A profile from its opening to the last trace of it.
pub(super) async fn run(daemon: Arc<Daemon>, profile: Arc<Profile>) {
    let kept = pin!(keep(&daemon, &profile));
    unless_it_panics(kept).await;
    let _busy = BUSY.enter();
    profile.stop.cancel();
    daemon.statuses().forget(&profile).await;
    profile.put_away();
    profile.ended.cancel();
}

async fn keep(daemon: &Daemon, profile: &Profile) {
    while !profile.stop.is_cancelled() {
        match daemon.statuses().next(profile, Instant::now()) {
            Next::Tell(job) => tell(daemon, profile, &job).await,
            Next::At(at) => tokio::select! {
                biased;
                () = profile.stop.cancelled() => {}
                () = profile.sooner.notified() => {}
                () = sleep_until(at.into()) => {}
            },
            Next::Nothing => tokio::select! {
                biased;
                () = profile.stop.cancelled() => {}
                () = profile.sooner.notified() => {}
            },
        }
    }
}

/// Runs the hook for one notification.
async fn tell(daemon: &Daemon, profile: &Profile, job: &Job) {
    let _busy = BUSY.enter();
    let Some(Ran { told, output }) = hook::run(daemon, profile, &job.change).await else {
        return; // closed
    };
    let error = told.as_ref().err().cloned().unwrap_or_default();
    if !error.is_empty() {
        let (attempt, session) = (job.attempt, job.change.session);
        tracing::warn!(profile = %profile.settings.name, %session, attempt, error, "nobody was told of a status");
    }
    let settled = daemon.statuses().settle(profile, told);
    note(profile, job, settled, &error, &output);
}

fn note(profile: &Profile, job: &Job, settled: Settled, error: &str, output: &str) {
    let change: &StatusChange = &job.change;
    profile.note(&Line {
        at_unix_ms: now().unix_ms,
        notification: job.id,
        attempt: job.attempt,
        outcome: match settled {
            Settled::Delivered => "delivered",
            Settled::Again => "failed",
            Settled::Died => "died",
            Settled::Gone => "gone",
        },
        change,
        error,
        output,
    });
}
