//! The children of the daemon that are nobody's first process, and whose they are: what has left the tree of its owner.

use std::collections::BTreeMap;
use std::io;

use super::mark::Mark;
use super::owner::Owner;
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
    belongs: Belongs,
}

/// Whose an orphan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belongs {
    To(Owner),
    /// It has left no trace: it ends with the daemon.
    ToNobody,
    /// It is in the middle of an exec, and can be anybody's.
    Unsettled,
}

impl Adopted {
    pub(super) const fn new() -> Self {
        Self {
            orphans: Vec::new(),
        }
    }

    /// Whether anybody may have an orphan that nobody knows to be its.
    pub(super) fn is_unsettled(&self) -> bool {
        let mut owners = self.orphans.iter().map(|orphan| orphan.belongs);
        owners.any(|belongs| belongs == Belongs::Unsettled)
    }

    /// Takes a process out that was reaped; returns whose it was.
    pub(super) fn reaped(&mut self, pid: u32) -> Option<Owner> {
        match self.orphans.remove(self.place_of(pid)?).belongs {
            Belongs::To(owner) => Some(owner),
            Belongs::ToNobody | Belongs::Unsettled => None,
        }
    }

    /// What of each owner is among them.
    pub(super) fn by_owner(&self) -> BTreeMap<Owner, Vec<Process>> {
        let mut of_owner: BTreeMap<Owner, Vec<Process>> = BTreeMap::new();
        for orphan in &self.orphans {
            if let Belongs::To(owner) = orphan.belongs {
                of_owner.entry(owner).or_default().push(orphan.process);
            }
        }
        of_owner
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
        trace: impl Fn(&Process) -> Option<Owner>,
    ) -> io::Result<Self> {
        let mut found = Vec::new();
        for process in orphans {
            let known = self.known(process).unwrap_or(Belongs::Unsettled);
            let traced = trace(process).map(Belongs::To);
            let belongs = match (known, traced) {
                (Belongs::To(_), _) => known,
                (_, Some(traced)) => traced,
                (Belongs::ToNobody, None) => known,
                (Belongs::Unsettled, None) => match proc.environment(process)? {
                    Environment::Is(environment) => mark
                        .find_in(&environment)
                        .map_or(Belongs::ToNobody, Belongs::To),
                    Environment::NotForUs => Belongs::ToNobody,
                    Environment::NotYet => Belongs::Unsettled,
                },
            };
            found.push(Orphan {
                process: *process,
                belongs,
            });
        }
        Ok(Self { orphans: found })
    }

    fn known(&self, process: &Process) -> Option<Belongs> {
        let known = self.orphans[self.place_of(process.pid)?];
        known.process.is_same(process).then_some(known.belongs)
    }

    fn place_of(&self, pid: u32) -> Option<usize> {
        self.orphans
            .binary_search_by_key(&pid, |orphan| orphan.process.pid)
            .ok()
    }
}
