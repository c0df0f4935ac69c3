//! The spawn table: every owner's first process, from its start until nothing of its owner is left.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::{Duration, Instant};

use leakgate_probe::Held;
use rustix::process::{Pid, Signal, kill_process_group};
use sessiond_protocol::ExitStatus;
use tokio::sync::oneshot;

use super::Toll;
use super::adopted::Adopted;
use super::mark::Mark;
use super::orphans::Orphans;
use super::owner::Owner;
use super::proc_fs::ProcFs;
use super::tree::{Process, Tree};
use crate::core::Leaving;
use crate::gauges::CHILDREN;

/// How long what was hung up together with its terminal's first process group may take to end before everything else in
/// the owner's is looked for. Most has ended by then, and a look takes milliseconds.
const LOOK_AFTER: Duration = Duration::from_millis(10);

/// How long a process may take to end after it was asked to. Editors save their files, shells their history; a shutdown
/// with programs that do not listen has to end within 10 s.
const GRACE: Duration = Duration::from_secs(2);

/// How often is looked for processes that were forked while the others were killed.
const KILL_ROUND: Duration = Duration::from_millis(100);

/// After so many rounds whatever is left cannot be killed (it hangs in the kernel), and is reported and left alone.
const KILL_ROUNDS_MAX: u32 = 30;

/// The least time between two looks at all processes. One look serves every owner that is being ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long is waited after a look that failed: for others to close what they have open.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// All owners' processes.
#[derive(Debug)]
pub(super) struct Table {
    entries: BTreeMap<Owner, Entry>,
    adopted: Adopted,
    mark: Mark,
    /// No look before this.
    rest_until: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    pid: u32,
    /// Gone when the status was told: the process has been reaped, and its number may be another's.
    exit: Option<oneshot::Sender<ExitStatus>>,
    ending: Option<Ending>,
    _counted: Held,
}

/// An owner whose processes are being ended.
#[derive(Debug)]
struct Ending {
    done: oneshot::Sender<Toll>,
    stage: Stage,
    /// When the stage is over.
    deadline: Instant,
    /// When the owner is to be looked at: at the deadline, or at once when a process of it was reaped.
    look_at: Instant,
    question: Question,
    /// What was seen below its first process: it stays the owner's when its parents are gone.
    seen: Vec<Process>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its first process group was told that its terminal is gone.
    HungUp,
    /// Everything in it was.
    Asked,
    Killed {
        rounds: u32,
    },
}

/// Whether the main thread was asked for orphans on behalf of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    None,
    Wanted,
    Asked,
}

impl Entry {
    const fn runs(&self) -> bool {
        self.exit.is_some()
    }
}

impl Table {
    pub(super) const fn new(mark: Mark) -> Self {
        Self {
            entries: BTreeMap::new(),
            adopted: Adopted::new(),
            mark,
            rest_until: None,
        }
    }

    pub(super) fn insert(&mut self, owner: Owner, pid: u32, exit: oneshot::Sender<ExitStatus>) {
        let entry = Entry {
            pid,
            exit: Some(exit),
            ending: None,
            _counted: CHILDREN.hold(1),
        };
        self.entries.insert(owner, entry);
    }

    /// Sends a signal to the process group of an owner's first process. Nothing, when that has ended: its number may be
    /// another's.
    pub(super) fn signal(&self, owner: Owner, signal: Signal) {
        let running = self.entries.get(&owner).filter(|entry| entry.runs());
        let pid = running.and_then(|entry| Pid::from_raw(entry.pid.cast_signed()));
        if let Some(group) = pid {
            // Not yet reaped, so the number is still its own. A group that is gone has nobody to signal.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Passes on the status of a process that was reaped; false when it is nobody's first process.
    pub(super) fn exited(&mut self, pid: u32, status: ExitStatus) -> bool {
        let first = self
            .entries
            .values_mut()
            .find(|entry| entry.pid == pid && entry.runs());
        if let Some(entry) = first {
            if let Some(exit) = entry.exit.take() {
                let _ = exit.send(status); // an owner that no longer waits for it is being ended
            }
            entry.look_again();
            return true;
        }
        let owner = self.adopted.reaped(pid);
        if let Some(entry) = owner.and_then(|owner| self.entries.get_mut(&owner)) {
            entry.look_again();
        }
        false
    }

    /// Begins to end an owner's processes: the first group hears at once that the terminal is gone, everything else at the
    /// first look.
    pub(super) fn end(&mut self, owner: Owner, done: oneshot::Sender<Toll>, now: Instant) {
        let Some(entry) = self.entries.get_mut(&owner) else {
            let _ = done.send(Toll::default()); // it never started; whoever asked may be gone
            return;
        };
        if let Some(ending) = &mut entry.ending {
            ending.done = done; // whoever asked first has gone
            return;
        }
        let deadline = now + LOOK_AFTER;
        entry.ending = Some(Ending {
            done,
            stage: Stage::HungUp,
            deadline,
            look_at: deadline,
            question: Question::None,
            seen: Vec::new(),
        });
        if entry.runs() {
            hang_up_group(entry.pid);
        } else {
            entry.look_again();
        }
    }

    /// Whether the main thread is to be asked for orphans now; every owner that waits for it is covered by the answer.
    pub(super) fn wants_to_know(&mut self) -> bool {
        let mut wants = false;
        let endings = self
            .entries
            .values_mut()
            .filter_map(|entry| entry.ending.as_mut());
        for ending in endings.filter(|ending| ending.question == Question::Wanted) {
            ending.question = Question::Asked;
            wants = true;
        }
        wants
    }

    /// Takes the main thread's answer: no orphans means that an owner whose first process is gone has nothing left.
    pub(super) fn learn(&mut self, orphans: Orphans, now: Instant) {
        if orphans == Orphans::None {
            self.adopted = Adopted::new();
        }
        let mut over = Vec::new();
        for (owner, entry) in &mut self.entries {
            let runs = entry.runs();
            let Some(ending) = &mut entry.ending else {
                continue;
            };
            if ending.question == Question::Asked {
                ending.question = Question::None;
                match orphans {
                    Orphans::None if !runs => over.push(*owner),
                    Orphans::None => {}
                    Orphans::Perhaps => ending.look_at = now,
                }
            }
        }
        for owner in over {
            self.finish(owner, 0);
        }
    }

    /// When [`Table::advance`] is due without any process having ended.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let endings = self
            .entries
            .values()
            .filter_map(|entry| entry.ending.as_ref());
        let next = endings.map(|ending| ending.look_at).min()?;
        Some(self.rest_until.map_or(next, |rest| rest.max(next)))
    }

    /// Moves every owner on that is due: done when nothing is left of it, to killing after the grace. One look at /proc
    /// serves all of them; one that fails proves nothing and is repeated.
    pub(super) fn advance(&mut self, proc: &mut ProcFs) {
        let now = Instant::now();
        if self.next_deadline().is_none_or(|next| now < next) {
            return;
        }
        let looked = proc.look().and_then(|tree| {
            self.attribute(&tree, proc)?;
            Ok(tree)
        });
        self.rest_until = Some(Instant::now() + LOOK_EVERY);
        let mut of_owner = self.adopted.by_owner();
        for owner in self.due(now) {
            match &looked {
                Ok(tree) => {
                    let orphans = of_owner.remove(&owner).unwrap_or_default();
                    self.look_at(owner, tree, orphans, proc, now);
                }
                Err(error) => self.postpone(owner, error, now),
            }
        }
    }

    fn due(&self, now: Instant) -> Vec<Owner> {
        let is_due = |entry: &Entry| {
            let ending = entry.ending.as_ref();
            ending.is_some_and(|ending| ending.look_at <= now)
        };
        let due = self.entries.iter().filter(|(_, entry)| is_due(entry));
        due.map(|(owner, _)| *owner).collect()
    }

    fn postpone(&mut self, owner: Owner, error: &io::Error, now: Instant) {
        tracing::debug!(%owner, %error, "its processes cannot be looked for now");
        if let Some(ending) = self.ending(owner) {
            ending.look_at = now + LOOK_AGAIN;
        }
    }

    fn ending(&mut self, owner: Owner) -> Option<&mut Ending> {
        self.entries.get_mut(&owner)?.ending.as_mut()
    }

    /// Moves one owner on, given what of it has left its tree.
    fn look_at(
        &mut self,
        owner: Owner,
        tree: &Tree,
        orphans: Vec<Process>,
        proc: &mut ProcFs,
        now: Instant,
    ) {
        let Some(entry) = self.entries.get(&owner) else {
            return;
        };
        let (first, runs) = (entry.pid, entry.runs());
        let me = std::process::id();
        let mut roots = orphans;
        let children = tree.children_of(me).iter();
        roots.extend(children.filter(|child| runs && child.pid == first));
        let is_empty = roots.is_empty() && !runs;
        if is_empty && !self.adopted.is_unsettled() {
            return self.finish(owner, 0);
        }
        let mut members = tree.with_descendants(roots);
        // A zombie below another process is that one's to reap, and ours only when the other ends.
        members.retain(|process| !process.is_zombie || process.parent == me);
        let Some(ending) = self.ending(owner) else {
            return;
        };
        let is_over = ending.deadline <= now;
        match ending.stage {
            Stage::HungUp => {
                let heard = |process: &&Process| runs && process.group == first;
                for process in members.iter().filter(|process| !heard(process)) {
                    proc.signal(process, Signal::HUP);
                    proc.signal(process, Signal::CONT); // a stopped process gets the other one only now
                }
                ending.stage = Stage::Asked;
                ending.deadline += GRACE;
            }
            Stage::Asked if is_over => ending.kill(1, now),
            Stage::Killed {
                rounds: KILL_ROUNDS_MAX,
            } if is_over => return self.finish(owner, members.len()),
            Stage::Killed { rounds } if is_over => ending.kill(rounds + 1, now),
            Stage::Asked | Stage::Killed { .. } => {}
        }
        if matches!(ending.stage, Stage::Killed { .. }) {
            for process in &members {
                proc.signal(process, Signal::KILL);
            }
        }
        ending.look_at = if is_empty {
            ending.deadline.min(now + LOOK_EVERY) // what is unsettled may be its own
        } else {
            ending.deadline
        };
        ending.seen = members;
    }

    fn finish(&mut self, owner: Owner, survivors: usize) {
        let entry = self.entries.remove(&owner);
        if let Some(Ending { done, stage, .. }) = entry.and_then(|entry| entry.ending) {
            let leaving = match stage {
                Stage::HungUp | Stage::Asked => Leaving::Willing,
                Stage::Killed { .. } => Leaving::Killed,
            };
            let _ = done.send(Toll { leaving, survivors }); // whoever asked may be gone
        }
    }

    /// Finds out whose the orphans are.
    fn attribute(&mut self, tree: &Tree, proc: &mut ProcFs) -> io::Result<()> {
        let running = self.entries.values().filter(|entry| entry.runs());
        let firsts: BTreeSet<u32> = running.map(|entry| entry.pid).collect();
        // Of two owners with one number the later one has it: the kernel gave it away again.
        let leaders = self.entries.iter();
        let leaders: BTreeMap<u32, Owner> = leaders.map(|(id, entry)| (entry.pid, *id)).collect();
        let children = tree.children_of(std::process::id()).iter();
        let orphans = children.filter(|child| !firsts.contains(&child.pid));
        let found = self.adopted.update(orphans, &self.mark, proc, |process| {
            let led = leaders.get(&process.session).copied();
            led.or_else(|| self.who_saw(process))
        })?;
        self.adopted = found;
        Ok(())
    }

    /// The owner that is being ended and was seen to have this process.
    fn who_saw(&self, process: &Process) -> Option<Owner> {
        let saw = |entry: &Entry| {
            let ending = entry.ending.as_ref();
            ending.is_some_and(|ending| ending.seen.iter().any(|seen| seen.is_same(process)))
        };
        let (owner, _) = self.entries.iter().find(|(_, entry)| saw(entry))?;
        Some(*owner)
    }
}

impl Entry {
    /// A process of it is gone: perhaps it was the last.
    const fn look_again(&mut self) {
        if let Some(ending) = &mut self.ending {
            ending.question = Question::Wanted;
        }
    }
}

impl Ending {
    fn kill(&mut self, rounds: u32, now: Instant) {
        self.stage = Stage::Killed { rounds };
        self.deadline = now + KILL_ROUND;
    }
}

/// Tells the first process group of an owner that its terminal is gone. The first process has not been reaped, so that
/// the number is its group's.
fn hang_up_group(first: u32) {
    if let Some(group) = first.try_into().ok().and_then(Pid::from_raw) {
        // It has ended and waits to be reaped, or has changed its user.
        let _ = kill_process_group(group, Signal::HUP);
        let _ = kill_process_group(group, Signal::CONT); // a stopped process gets the other one only now
    }
}
