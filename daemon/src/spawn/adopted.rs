//! The children of the daemon that are no session's first process, and whose they are: what has left the tree of its
//! session.

use std::collections::BTreeMap;
use std::io;

use sessiond_protocol::SessionId;

use super::mark::Mark;
use super::proc_fs::{Environment, ProcFs};
use super::tree::Process;

/// All of them, as of the last look at /proc.
#[derive(Debug)]
pub(super) struct Adopted {
    /// By pid.
    orphans: Vec<Orphan>,
}

#[derive(Debug, Clone, Copy)]
struct Orphan {
    process: Process,
    owner: Owner,
}

/// Whose an orphan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Session(SessionId),
    /// It has left no trace: it ends with the daemon.
    Nobody,
    /// It is in the middle of an exec, and can be anybody's.
    Unsettled,
}

impl Adopted {
    pub(super) const fn new() -> Self {
        Self {
            orphans: Vec::new(),
        }
    }

    /// Whether any session may have an orphan that nobody knows to be its.
    pub(super) fn is_unsettled(&self) -> bool {
        let mut owners = self.orphans.iter().map(|orphan| orphan.owner);
        owners.any(|owner| owner == Owner::Unsettled)
    }

    /// Takes a process out that was reaped; returns whose it was.
    pub(super) fn reaped(&mut self, pid: u32) -> Option<SessionId> {
        match self.orphans.remove(self.place_of(pid)?).owner {
            Owner::Session(session) => Some(session),
            Owner::Nobody | Owner::Unsettled => None,
        }
    }

    /// What of each session is among them.
    pub(super) fn by_owner(&self) -> BTreeMap<SessionId, Vec<Process>> {
        let mut of_session: BTreeMap<SessionId, Vec<Process>> = BTreeMap::new();
        for orphan in &self.orphans {
            if let Owner::Session(session) = orphan.owner {
                of_session.entry(session).or_default().push(orphan.process);
            }
        }
        of_session
    }

    /// What a new look has found: `orphans` are by pid, and `trace` is what else than its environment says whose a process
    /// is. What is known once stays so: whoever clears its environment later is known still.
    ///
    /// # Errors
    /// When an environment cannot be read although it may be there.
    pub(super) fn update<'a>(
        &self,
        orphans: impl Iterator<Item = &'a Process>,
        mark: &Mark,
        proc: &mut ProcFs,
        trace: impl Fn(&Process) -> Option<SessionId>,
    ) -> io::Result<Self> {
        let mut found = Vec::new();
        for process in orphans {
            let known = self.known(process).unwrap_or(Owner::Unsettled);
            let traced = trace(process).map(Owner::Session);
            let owner = match (known, traced) {
                (Owner::Session(_), _) => known,
                (_, Some(traced)) => traced,
                (Owner::Nobody, None) => known,
                (Owner::Unsettled, None) => match proc.environment(process)? {
                    Environment::Is(environment) => mark
                        .find_in(&environment)
                        .map_or(Owner::Nobody, Owner::Session),
                    Environment::NotForUs => Owner::Nobody,
                    Environment::NotYet => Owner::Unsettled,
                },
            };
            found.push(Orphan {
                process: *process,
                owner,
            });
        }
        Ok(Self { orphans: found })
    }

    fn known(&self, process: &Process) -> Option<Owner> {
        let known = self.orphans[self.place_of(process.pid)?];
        known.process.is_same(process).then_some(known.owner)
    }

    fn place_of(&self, pid: u32) -> Option<usize> {
        self.orphans
            .binary_search_by_key(&pid, |orphan| orphan.process.pid)
            .ok()
    }
}
