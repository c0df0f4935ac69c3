//! What the tasks, the core's effects and requests share: statuses, profiles, and the clients that watch. What is done under
//! its lock waits for nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use sessiond_protocol::{
    ErrorCode, Failure, FileFault, ProfileInfo, SessionId, SessionName, StatusChange, StatusReply,
};

use super::audience::Audience;
use super::board::{Board, Source};
use super::book::{Book, Next};
use super::file::Said;
use super::inbox::Settled;
use super::profile::{Closing, Profile};
use super::watcher::Watcher;
use super::{PROFILES_MAX, Statuses, not_found};
use crate::core::Now;
use crate::http::Feed;
use crate::server::now;

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    board: Board,
    profiles: BTreeMap<SessionName, Entry>,
    pub(super) audience: Audience,
    /// While there is a profile.
    pub(super) watcher: Option<Arc<Watcher>>,
    /// The daemon ends: nothing is opened any more.
    is_closed: bool,
}

#[derive(Debug)]
struct Entry {
    profile: Arc<Profile>,
    book: Book,
}

impl Shelf {
    pub(super) fn new(feed: Arc<Feed>) -> Self {
        Self {
            audience: Audience::new(feed),
            ..Self::default()
        }
    }

    pub(super) fn check_room(&self, name: &SessionName) -> Result<(), Failure> {
        if self.is_closed {
            return Err(Failure::new(
                ErrorCode::ShuttingDown,
                "the daemon is ending",
            ));
        }
        if self.profiles.contains_key(name) {
            let message = format!("a profile has the name {name} already");
            return Err(Failure::new(ErrorCode::NameTaken, message));
        }
        if self.profiles.len() >= PROFILES_MAX {
            let message = format!("there are {PROFILES_MAX} profiles");
            return Err(Failure::new(ErrorCode::Limit, message));
        }
        Ok(())
    }

    pub(super) fn add(&mut self, profile: Arc<Profile>) {
        let book = Book::new(&profile.settings);
        let name = profile.settings.name.clone();
        self.profiles.insert(name, Entry { profile, book });
    }

    /// Takes a profile out; returns the watcher when it was the last one.
    pub(super) fn remove(&mut self, name: &SessionName) -> Option<Arc<Watcher>> {
        self.profiles.remove(name);
        let changes = self.board.drop_profile(name);
        self.announce(now(), changes);
        self.watcher.as_ref()?.remove(name);
        if self.profiles.is_empty() {
            return self.watcher.take();
        }
        None
    }

    pub(super) fn find(&self, name: &SessionName) -> Result<Arc<Profile>, Failure> {
        let entry = self.profiles.get(name);
        let profile = entry.map(|entry| Arc::clone(&entry.profile));
        profile.ok_or_else(|| not_found(name))
    }

    pub(super) fn first(&self) -> Option<Arc<Profile>> {
        let entry = self.profiles.values().next();
        entry.map(|entry| Arc::clone(&entry.profile))
    }

    pub(super) fn names(&self) -> Vec<SessionName> {
        self.profiles.keys().cloned().collect()
    }

    pub(super) fn stop_all(&mut self) {
        self.is_closed = true;
        for entry in self.profiles.values() {
            entry.profile.close(Closing::Shutdown);
        }
    }

    /// Tells everybody.
    fn announce(&mut self, now: Now, changes: impl IntoIterator<Item = StatusChange>) {
        for change in changes {
            self.audience.tell(&change);
            if let Some(entry) = self.profiles.get_mut(&change.profile) {
                entry.book.changed(now.instant, &change);
                entry.profile.sooner.notify_one();
            }
        }
    }

    pub(super) fn session_over(&mut self, now: Now, session: SessionId) {
        let change = self.board.drop_session(session);
        self.announce(now, change);
        for entry in self.profiles.values_mut() {
            entry.book.session_over(session);
        }
    }

    pub(super) fn statuses(&self) -> StatusReply {
        let statuses = self.board.list();
        StatusReply::Statuses { statuses }
    }

    pub(super) fn profiles(&self) -> StatusReply {
        let entries = self.profiles.values();
        StatusReply::Profiles {
            profiles: entries.map(|entry| self.info(entry)).collect(),
        }
    }

    pub(super) fn profile(&self, name: &SessionName) -> Option<ProfileInfo> {
        self.profiles.get(name).map(|entry| self.info(entry))
    }

    fn info(&self, Entry { profile, book }: &Entry) -> ProfileInfo {
        let settings = &profile.settings;
        let name = settings.name.clone();
        let watcher = self.watcher.as_ref();
        ProfileInfo {
            directory: settings.directory.to_string_lossy().into_owned(),
            watched: watcher.is_some_and(|watcher| watcher.watches(&name)),
            hook: settings.hook.clone(),
            on: settings.on.clone(),
            journal: profile.journal_path.clone(),
            statuses: self.board.count_of(&name),
            inbox: book.inbox.waiting_len(),
            dead: book.inbox.dead_len(),
            counts: book.counts,
            last_fault: book.last_fault.clone(),
            name,
        }
    }

    fn book(&mut self, name: &SessionName) -> Result<&mut Book, Failure> {
        let entry = self.profiles.get_mut(name);
        let book = entry.map(|entry| &mut entry.book);
        book.ok_or_else(|| not_found(name))
    }

    pub(super) fn inbox(&mut self, name: &SessionName, take: bool) -> Result<StatusReply, Failure> {
        let book = self.book(name)?;
        let notifications = if take {
            let taken = book.inbox.take_waiting();
            book.counts.delivered += taken.len() as u64;
            taken
        } else {
            book.inbox.waiting()
        };
        Ok(StatusReply::Notifications { notifications })
    }

    pub(super) fn dead(&mut self, name: &SessionName, take: bool) -> Result<StatusReply, Failure> {
        let inbox = &mut self.book(name)?.inbox;
        let notifications = if take {
            inbox.take_dead()
        } else {
            inbox.dead()
        };
        Ok(StatusReply::Notifications { notifications })
    }
}

/// What the tasks of watcher and profiles do there. Of a profile that was closed meanwhile nothing is kept.
impl Statuses {
    pub(super) fn directory(&self, profile: &SessionName) -> Option<PathBuf> {
        let profile = self.lock().find(profile).ok()?;
        Some(profile.settings.directory.clone())
    }

    /// The same, watched from now on if it can be.
    pub(super) fn watched_directory(&self, name: &SessionName) -> Option<PathBuf> {
        let shelf = self.lock();
        let profile = shelf.find(name).ok()?;
        let directory = profile.settings.directory.clone();
        if let Some(watcher) = &shelf.watcher
            && let Err(failure) = watcher.add(name, &directory)
        {
            watcher.remove(name);
            tracing::warn!(profile = %name, "{}", failure.message);
        }
        Some(directory)
    }

    pub(super) fn files_of(&self, profile: &SessionName) -> Vec<Box<str>> {
        let files = self.lock().board.files_of(profile);
        files.into_iter().map(|(_, file)| file).collect()
    }

    pub(super) fn said(
        &self,
        session: SessionId,
        name: Option<SessionName>,
        source: Source,
        said: Said,
    ) {
        let mut shelf = self.lock();
        if shelf.profiles.contains_key(&source.profile) {
            let changes = shelf.board.set(session, name, source, said);
            shelf.announce(now(), changes);
        }
    }

    pub(super) fn file_gone(&self, source: &Source) {
        let mut shelf = self.lock();
        let change = shelf.board.drop_file(source);
        shelf.announce(now(), change);
    }

    /// A file is about no session that there is.
    pub(super) fn stranger(&self, source: &Source) {
        self.file_gone(source);
        if let Ok(book) = self.lock().book(&source.profile) {
            book.counts.strangers += 1;
        }
    }

    /// A file cannot be taken; what it said before still holds.
    pub(super) fn fault(&self, profile: &SessionName, fault: FileFault, is_oversized: bool) {
        let mut shelf = self.lock();
        let Ok(book) = shelf.book(profile) else {
            return;
        };
        if is_oversized {
            book.counts.oversized += 1;
        } else {
            book.counts.bad += 1;
        }
        let (file, why) = (fault.file.clone(), fault.why.clone());
        if book.fault(fault) {
            tracing::warn!(%profile, file, why, "a status file was not taken");
        }
    }

    pub(super) fn left_out(&self, profile: &SessionName) {
        if let Ok(book) = self.lock().book(profile) {
            book.counts.left_out += 1;
        }
    }

    /// Changes in these profiles were missed; their directories are read as a whole.
    pub(super) fn missed<'a>(&self, profiles: impl IntoIterator<Item = &'a SessionName>) {
        let mut shelf = self.lock();
        for profile in profiles {
            if let Ok(book) = shelf.book(profile) {
                book.counts.overflows += 1;
            }
            tracing::info!(%profile, "too many status files have changed: all are read");
        }
    }

    pub(super) fn next(&self, profile: &Profile, now: Instant) -> Next {
        let mut shelf = self.lock();
        let book = shelf.book(&profile.settings.name);
        book.map_or(Next::Nothing, |book| book.next(now))
    }

    pub(super) fn settle(&self, profile: &Profile, told: Result<(), String>) -> Settled {
        let mut shelf = self.lock();
        let book = shelf.book(&profile.settings.name);
        book.map_or(Settled::Gone, |book| book.settle(now().instant, told))
    }
}
