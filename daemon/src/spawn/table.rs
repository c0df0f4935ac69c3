//! The spawn table: every session's first process, from its start until nothing of its session is left.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use leakgate_probe::Held;
use rustix::process::Signal;
use sessiond_protocol::{ExitStatus, SessionId};
use tokio::sync::oneshot;

use super::command::Mark;
use super::tree::{Process, Tree};
use crate::gauges::CHILDREN;

/// How long a process may take to end after it was asked to. Editors save their files, shells their history; a shutdown
/// with sessions that do not listen has to end within 10 s.
const GRACE: Duration = Duration::from_secs(2);

/// How often is looked for processes that were forked while the others were killed.
const KILL_ROUND: Duration = Duration::from_millis(100);

/// After so many rounds whatever is left cannot be killed (it hangs in the kernel), and is reported and left alone.
const KILL_ROUNDS_MAX: u32 = 30;

/// All sessions' processes.
#[derive(Debug)]
pub(crate) struct Table {
    entries: BTreeMap<SessionId, Entry>,
    mark: Mark,
}

#[derive(Debug)]
struct Entry {
    pid: u32,
    /// Gone when the status was told: the process has been reaped, and its number may be another's.
    exit: Option<oneshot::Sender<ExitStatus>>,
    ending: Option<Ending>,
    _counted: Held,
}

/// A session that is being ended.
#[derive(Debug)]
struct Ending {
    done: oneshot::Sender<usize>,
    stage: Stage,
    next: Instant,
    /// What was seen below the session: it stays the session's when its parents are gone.
    seen: Vec<Process>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Asked,
    Killed { rounds: u32 },
}

impl Table {
    pub(crate) const fn new(mark: Mark) -> Self {
        Self {
            entries: BTreeMap::new(),
            mark,
        }
    }

    pub(crate) fn insert(
        &mut self,
        session: SessionId,
        pid: u32,
        exit: oneshot::Sender<ExitStatus>,
    ) {
        let entry = Entry {
            pid,
            exit: Some(exit),
            ending: None,
            _counted: CHILDREN.hold(1),
        };
        self.entries.insert(session, entry);
    }

    /// Passes on the status of a process that was reaped; false when it is no session's first process.
    pub(crate) fn exited(&mut self, pid: u32, status: ExitStatus) -> bool {
        let entry = self
            .entries
            .values_mut()
            .find(|entry| entry.pid == pid && entry.exit.is_some());
        let exit = entry.and_then(|entry| entry.exit.take());
        // A session that no longer waits for the status is being ended.
        exit.map(|exit| exit.send(status)).is_some()
    }

    /// Begins to end a session: asks everything in it to end.
    pub(crate) fn end(&mut self, session: SessionId, done: oneshot::Sender<usize>) {
        let Some(entry) = self.entries.get_mut(&session) else {
            let _ = done.send(0); // it never started; whoever asked may be gone
            return;
        };
        let ending = Ending {
            done,
            stage: Stage::Asked,
            next: Instant::now() + GRACE,
            seen: Vec::new(),
        };
        entry.ending = Some(ending);
        let Ok(tree) = Tree::look() else { return };
        for process in self.members(session, &tree) {
            process.signal(Signal::HUP);
            process.signal(Signal::CONT); // a stopped process gets the other one only now
        }
    }

    /// When [`Table::advance`] is due without any process having ended.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.entries
            .values()
            .filter_map(|entry| entry.ending.as_ref())
            .map(|ending| ending.next)
            .min()
    }

    /// Moves every session that is being ended on: done when nothing is left, to killing after the grace.
    pub(crate) fn advance(&mut self, now: Instant) {
        let ending = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.ending.is_some());
        let sessions: Vec<SessionId> = ending.map(|(session, _)| *session).collect();
        if sessions.is_empty() {
            return;
        }
        let Ok(tree) = Tree::look() else { return };
        for session in sessions {
            let members = self.members(session, &tree);
            self.advance_one(session, &members, now);
        }
    }

    fn advance_one(&mut self, session: SessionId, members: &[Process], now: Instant) {
        let Some(ending) = self
            .entries
            .get_mut(&session)
            .and_then(|entry| entry.ending.as_mut())
        else {
            return;
        };
        let given_up = ending.stage
            == Stage::Killed {
                rounds: KILL_ROUNDS_MAX,
            };
        if members.is_empty() || given_up {
            let entry = self.entries.remove(&session);
            if let Some(Ending { done, .. }) = entry.and_then(|entry| entry.ending) {
                let _ = done.send(members.len()); // whoever asked may be gone
            }
            return;
        }
        if ending.next <= now {
            let rounds = match ending.stage {
                Stage::Asked => 1,
                Stage::Killed { rounds } => rounds + 1,
            };
            ending.stage = Stage::Killed { rounds };
            ending.next = now + KILL_ROUND;
        }
        if matches!(ending.stage, Stage::Killed { .. }) {
            for process in members {
                process.signal(Signal::KILL);
            }
        }
    }

    /// Every process of a session that is still to be ended or reaped: its first one, what is in its kernel session or
    /// carries its mark, what was seen there before, and everything below those.
    fn members(&mut self, session: SessionId, tree: &Tree) -> Vec<Process> {
        let Some(Entry {
            pid, exit, ending, ..
        }) = self.entries.get(&session)
        else {
            return Vec::new();
        };
        let seen = ending.as_ref().map_or(&[][..], |ending| &ending.seen);
        let runs = exit.is_some();
        let is_root = |process: &Process| {
            if self.is_first(process.pid) {
                return runs && process.pid == *pid;
            }
            process.session == *pid
                || self.mark.find_in(&process.environment()) == Some(session)
                || seen.iter().any(|before| before.is_same(process))
        };
        // What left the tree of its session became a child of the daemon.
        let orphans_and_first = tree.children_of(std::process::id());
        let roots = orphans_and_first
            .filter(|process| is_root(process))
            .copied()
            .collect();
        let mut members = tree.with_descendants(roots);
        // A zombie below another process is that one's to reap, and ours only when the other ends.
        members.retain(|process| !process.is_zombie || process.parent == std::process::id());
        if let Some(ending) = self
            .entries
            .get_mut(&session)
            .and_then(|entry| entry.ending.as_mut())
        {
            ending.seen.clone_from(&members);
        }
        members
    }

    /// Whether this is the first process of any session.
    fn is_first(&self, pid: u32) -> bool {
        self.entries
            .values()
            .any(|entry| entry.pid == pid && entry.exit.is_some())
    }
}
