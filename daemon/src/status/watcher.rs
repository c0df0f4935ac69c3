//! The one watcher of all directories: an inotify descriptor on the daemon's own event loop, and the task that reads it. It is
//! there while a profile is.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use leakgate_probe::BusyGuard;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use sessiond_protocol::{ErrorCode, Failure, SessionName};
use tokio::io::unix::AsyncFd;
use tokio_util::sync::CancellationToken;

use super::board::Source;
use super::file::is_status_file;
use super::pending::{Batch, Pending};
use super::scan;
use crate::gauges::BUSY;
use crate::server::Daemon;
use crate::tasks::unless_it_panics;
use crate::wake;

/// Bytes of changes read at a time: a hundred of them. On the stack, so that a watcher that waits holds none.
const READ_BYTES: usize = 8 << 10;

/// Changes taken at a time before others get their turn.
const TURN_EVENTS: usize = 512;

/// The watcher.
#[derive(Debug)]
pub(super) struct Watcher {
    inotify: AsyncFd<OwnedFd>,
    state: Mutex<Watched>,
    pub(super) stop: CancellationToken,
    /// Its task is gone.
    pub(super) ended: CancellationToken,
}

#[derive(Debug, Default)]
struct Watched {
    /// By the kernel's number of the watch, which it does not use again.
    directories: BTreeMap<i32, SessionName>,
    pending: Pending,
    /// While something is pending.
    busy: Option<BusyGuard>,
}

impl Watcher {
    /// # Errors
    /// The kernel's: no descriptor, or too many inotify instances of this user.
    pub(super) fn new() -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        #[expect(
            unsafe_code,
            reason = "the event loop needs the descriptor to stay what it is"
        )]
        // SAFETY: the `OwnedFd` moves into the `AsyncFd`, which hands it out by shared reference only: it is neither
        // replaced nor closed before the `AsyncFd` is dropped.
        let inotify = unsafe { AsyncFd::register(inotify) }?;
        Ok(Self {
            inotify,
            state: Mutex::default(),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        // No code that holds this lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a profile's directory, unless that is done already.
    ///
    /// # Errors
    /// `storage` where the kernel refuses, `bad_request` where another profile watches the same directory.
    pub(super) fn add(&self, profile: &SessionName, directory: &Path) -> Result<(), Failure> {
        let mut state = self.lock();
        let flags = WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVE
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let watch = inotify::add_watch(self.inotify.get_ref(), directory, flags);
        let watch = watch.map_err(|error| cannot_watch(directory, error))?;
        match state.directories.get(&watch) {
            None => {
                // The directory that it had before, if any, is another one.
                state.forget(profile, self.inotify.get_ref());
                state.directories.insert(watch, profile.clone());
                Ok(())
            }
            Some(other) if other == profile => Ok(()),
            Some(other) => {
                let message = format!("the profile {other} watches that directory already");
                Err(Failure::new(ErrorCode::BadRequest, message))
            }
        }
    }

    /// What comes of its directory from now on is ignored, also what has happened already.
    pub(super) fn remove(&self, profile: &SessionName) {
        self.lock().forget(profile, self.inotify.get_ref());
    }

    pub(super) fn watches(&self, profile: &SessionName) -> bool {
        let state = self.lock();
        state.directories.values().any(|other| other == profile)
    }

    /// Takes what the kernel tells until it is stopped.
    pub(super) async fn run(self: Arc<Self>, daemon: Arc<Daemon>) {
        let followed = pin!(self.follow(&daemon));
        unless_it_panics(followed).await;
        self.ended.cancel();
    }

    async fn follow(&self, daemon: &Daemon) {
        loop {
            let wake = self.lock().pending.next_wake();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = wake::at(wake) => self.read_files(daemon).await,
                read = self.read_changes() => match read {
                    Ok(missed) => daemon.statuses().missed(&missed),
                    Err(error) => {
                        tracing::error!(%error, "status files are watched no more");
                        self.stop.cancelled().await;
                    }
                },
            }
        }
    }

    /// Reads the files that have changed.
    async fn read_files(&self, daemon: &Daemon) {
        let (batch, _busy) = {
            let mut state = self.lock();
            match state.pending.take(Instant::now()) {
                Some(batch) => (batch, state.busy.take()),
                None => return,
            }
        };
        let Batch { files, whole } = batch;
        for (profile, file) in files {
            scan::one(daemon, &Source { profile, file }).await;
        }
        for profile in whole {
            scan::whole(daemon, &profile).await;
        }
    }

    /// Waits for changes and notes them; returns the profiles of which some were missed.
    async fn read_changes(&self) -> io::Result<BTreeSet<SessionName>> {
        let mut guard = self.inotify.readable().await?;
        let mut state = self.lock();
        let mut missed = BTreeSet::new();
        let mut buffer = [MaybeUninit::uninit(); READ_BYTES];
        let mut reader = Reader::new(self.inotify.get_ref(), &mut buffer);
        let mut events = 0;
        // What was read is noted, however much it is.
        while events < TURN_EVENTS || !reader.is_buffer_empty() {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().and_then(|name| name.to_str().ok());
                    let (watch, events) = (event.wd(), event.events());
                    if events.contains(ReadFlags::MOVE_SELF) {
                        // It is watched wherever it goes, and nobody wants that.
                        let _ = inotify::remove_watch(self.inotify.get_ref(), watch);
                    }
                    state.note(watch, events, name, &mut missed);
                }
                Err(Errno::AGAIN) => {
                    guard.clear_ready();
                    break;
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            events += 1;
        }
        Ok(missed)
    }
}

impl Watched {
    fn note(
        &mut self,
        watch: i32,
        events: ReadFlags,
        name: Option<&str>,
        missed: &mut BTreeSet<SessionName>,
    ) {
        let now = Instant::now();
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            for profile in self.directories.values() {
                self.pending.whole(now, profile.clone());
                missed.insert(profile.clone());
            }
        }
        // A watch that was removed has no directory any more.
        let Some(profile) = self.directories.get(&watch).cloned() else {
            return self.be_busy();
        };
        let lost = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED;
        if events.intersects(lost) {
            // Another directory may have its place: then reading that begins to watch it.
            self.directories.remove(&watch);
            self.pending.whole(now, profile);
        } else if let Some(name) = name.filter(|name| is_status_file(name)) {
            let source = Source {
                profile: profile.clone(),
                file: name.into(),
            };
            if !self.pending.file(now, source) {
                missed.insert(profile);
            }
        }
        self.be_busy();
    }

    fn be_busy(&mut self) {
        if self.pending.next_wake().is_some() && self.busy.is_none() {
            self.busy = Some(BUSY.enter());
        }
    }

    fn forget(&mut self, profile: &SessionName, inotify: &OwnedFd) {
        self.directories.retain(|watch, other| {
            let stays = other != profile;
            if !stays {
                // The kernel has removed it already where the directory is gone.
                let _ = inotify::remove_watch(inotify, *watch);
            }
            stays
        });
    }
}

fn cannot_watch(directory: &Path, error: Errno) -> Failure {
    let hint = match error {
        Errno::NOSPC => " (sysctl fs.inotify.max_user_watches)",
        _ => "",
    };
    let error = io::Error::from(error);
    let message = format!("{} cannot be watched: {error}{hint}", directory.display());
    Failure::new(ErrorCode::Storage, message)
}
