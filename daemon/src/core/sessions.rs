//! All sessions, and what is looked up about them: names, deadlines, whose turn it is to start.
//!
//! The look-ups cannot go stale: an entry is only changed through a [`Change`], which files it anew when it is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::time::Instant;

use sessiond_protocol::{SessionId, SessionName, SessionRef};

use super::LiveSession;
use super::entry::{Entry, Stage};

/// The owner of every session's entry.
#[derive(Debug)]
pub(super) struct Sessions<S> {
    /// Boxed, so that the map's own memory hardly depends on how its nodes happen to be filled.
    entries: BTreeMap<SessionId, Box<Entry<S>>>,
    index: Index,
    last: u64,
}

/// What is known of entries without looking at each.
#[derive(Debug, Default)]
struct Index {
    names: BTreeMap<SessionName, SessionId>,
    /// When each entry wants to be looked at next.
    wakes: BTreeSet<(Instant, SessionId)>,
    /// Entries that wait for their turn to start, in the order in which they began to wait.
    queue: BTreeMap<u64, SessionId>,
    starting: usize,
    ended: usize,
}

/// How an entry is filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Filed {
    wake: Option<Instant>,
    stage: Stage,
}

impl Filed {
    /// Of an entry that is in no index yet.
    pub(super) const NOWHERE: Self = Self {
        wake: None,
        stage: Stage::Other,
    };
}

impl Index {
    fn file<S: LiveSession>(&mut self, id: SessionId, entry: &mut Entry<S>) {
        let filed = Filed {
            wake: entry.next_wake(),
            stage: entry.stage(),
        };
        self.refile(id, entry.filed, filed);
        entry.filed = filed;
    }

    fn refile(&mut self, id: SessionId, before: Filed, after: Filed) {
        if before.wake != after.wake {
            if let Some(wake) = before.wake {
                self.wakes.remove(&(wake, id));
            }
            if let Some(wake) = after.wake {
                self.wakes.insert((wake, id));
            }
        }
        if before.stage != after.stage {
            match before.stage {
                Stage::Queued(turn) => drop(self.queue.remove(&turn)),
                Stage::Starting => self.starting -= 1,
                Stage::Ended => self.ended -= 1,
                Stage::Other => {}
            }
            match after.stage {
                Stage::Queued(turn) => drop(self.queue.insert(turn, id)),
                Stage::Starting => self.starting += 1,
                Stage::Ended => self.ended += 1,
                Stage::Other => {}
            }
        }
    }
}

/// An entry that is being changed.
pub(super) struct Change<'a, S: LiveSession> {
    id: SessionId,
    entry: &'a mut Entry<S>,
    index: &'a mut Index,
}

impl<S: LiveSession> Change<'_, S> {
    pub(super) const fn id(&self) -> SessionId {
        self.id
    }
}

impl<S: LiveSession> Deref for Change<'_, S> {
    type Target = Entry<S>;

    fn deref(&self) -> &Entry<S> {
        self.entry
    }
}

impl<S: LiveSession> DerefMut for Change<'_, S> {
    fn deref_mut(&mut self) -> &mut Entry<S> {
        self.entry
    }
}

impl<S: LiveSession> Drop for Change<'_, S> {
    fn drop(&mut self) {
        self.index.file(self.id, self.entry);
    }
}

impl<S: LiveSession> Sessions<S> {
    pub(super) fn new() -> Self {
        Self {
            entries: BTreeMap::new(),
            index: Index::default(),
            last: 0,
        }
    }

    /// Adds an entry under a number of its own. Its name must be free.
    pub(super) fn insert(&mut self, mut entry: Box<Entry<S>>) -> SessionId {
        self.last += 1;
        let id = SessionId(self.last);
        if let Some(name) = &entry.name {
            let before = self.index.names.insert(name.clone(), id);
            debug_assert_eq!(before, None, "two sessions of one name");
        }
        self.index.file(id, &mut entry);
        self.entries.insert(id, entry);
        id
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Box<Entry<S>>> {
        let entry = self.entries.remove(&id)?;
        if let Some(name) = &entry.name {
            self.index.names.remove(name);
        }
        self.index.refile(id, entry.filed, Filed::NOWHERE);
        Some(entry)
    }

    /// Gives an entry another name, which must be free, or none; returns the one that it had.
    pub(super) fn rename(
        &mut self,
        id: SessionId,
        name: Option<SessionName>,
    ) -> Option<SessionName> {
        let entry = self.entries.get_mut(&id)?;
        if let Some(name) = &name {
            self.index.names.insert(name.clone(), id);
        }
        let before = std::mem::replace(&mut entry.name, name);
        if let Some(before) = &before
            && entry.name.as_ref() != Some(before)
        {
            self.index.names.remove(before);
        }
        before
    }

    /// The number that a reference means, also of a session that there is not.
    pub(super) fn id(&self, session: &SessionRef) -> Option<SessionId> {
        match session {
            SessionRef::Id(id) => Some(*id),
            SessionRef::Name(name) => self.named(name),
        }
    }

    pub(super) fn named(&self, name: &SessionName) -> Option<SessionId> {
        self.index.names.get(name).copied()
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Entry<S>> {
        self.entries.get(&id).map(|entry| &**entry)
    }

    pub(super) fn change(&mut self, id: SessionId) -> Option<Change<'_, S>> {
        let entry = self.entries.get_mut(&id)?;
        Some(Change {
            id,
            entry,
            index: &mut self.index,
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SessionId, &Entry<S>)> {
        self.entries.iter().map(|(id, entry)| (*id, &**entry))
    }

    /// The sessions that this holds for, to be changed one after the other.
    pub(super) fn ids_where(&self, holds: impl Fn(&Entry<S>) -> bool) -> Vec<SessionId> {
        self.iter()
            .filter(|(_, entry)| holds(entry))
            .map(|(id, _)| id)
            .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Sessions that have not ended.
    pub(super) fn live(&self) -> usize {
        self.entries.len() - self.index.ended
    }

    /// Sessions that have ended and can still be read.
    pub(super) const fn ended(&self) -> usize {
        self.index.ended
    }

    /// Sessions whose process is being started.
    pub(super) const fn starting(&self) -> usize {
        self.index.starting
    }

    /// The session that has waited longest for its turn to start.
    pub(super) fn next_turn(&self) -> Option<SessionId> {
        self.index.queue.first_key_value().map(|(_, id)| *id)
    }

    /// When some entry wants to be looked at next.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.index.wakes.first().map(|(wake, _)| *wake)
    }

    /// A session that wants to be looked at by now.
    pub(super) fn due(&self, now: Instant) -> Option<SessionId> {
        let (wake, id) = self.index.wakes.first()?;
        (*wake <= now).then_some(*id)
    }
}

#[cfg(test)]
impl<S: LiveSession> Sessions<S> {
    /// Whether the index says what the entries say.
    pub(super) fn is_filed_right(&self) -> bool {
        let count = |holds: fn(Stage) -> bool| {
            self.iter()
                .filter(|(_, entry)| holds(entry.stage()))
                .count()
        };
        let wakes: BTreeSet<_> = self
            .iter()
            .filter_map(|(id, entry)| Some((entry.next_wake()?, id)))
            .collect();
        let names: BTreeMap<_, _> = self
            .iter()
            .filter_map(|(id, entry)| Some((entry.name.clone()?, id)))
            .collect();
        self.index.wakes == wakes
            && self.index.names == names
            && self.index.starting == count(|stage| stage == Stage::Starting)
            && self.index.ended == count(|stage| stage == Stage::Ended)
            && self.index.queue.len() == count(|stage| matches!(stage, Stage::Queued(_)))
    }
}
