//! The processes below this one, as /proc shows them.

use std::collections::BTreeSet;

/// One process at the moment of a look at the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    /// The process group that it is in.
    pub(crate) group: u32,
    /// The session (in the kernel's sense) that it is in.
    pub(crate) session: u32,
    /// In clock ticks since boot; with the pid it names a process for good.
    started: u64,
    pub(crate) is_zombie: bool,
}

/// All processes of this machine that can be seen; for finding those below some of them.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// By parent.
    processes: Vec<Process>,
}

impl Tree {
    pub(crate) fn new(mut processes: Vec<Process>) -> Self {
        processes.sort_unstable_by_key(|process| (process.parent, process.pid));
        Self { processes }
    }

    /// The direct children of `parent`.
    pub(crate) fn children_of(&self, parent: u32) -> &[Process] {
        let start = self
            .processes
            .partition_point(|process| process.parent < parent);
        let children = &self.processes[start..];
        &children[..children.partition_point(|process| process.parent == parent)]
    }

    /// `roots` and everything below them.
    pub(crate) fn with_descendants(&self, roots: Vec<Process>) -> Vec<Process> {
        let mut found = roots;
        // A number that was used again while this look went on could close a circle.
        let mut known: BTreeSet<u32> = found.iter().map(|process| process.pid).collect();
        let mut next = 0;
        while let Some(process) = found.get(next) {
            let below = self.children_of(process.pid).iter().copied();
            next += 1;
            found.extend(below.filter(|child| known.insert(child.pid)));
        }
        found
    }
}

impl Process {
    /// Whether both looks saw one process, whoever its parent was.
    pub(crate) const fn is_same(&self, other: &Self) -> bool {
        self.pid == other.pid && self.started == other.started
    }

    /// Whether a line of `/proc/PID/stat` says where the environment ends, in field 51: in the middle of an exec it does
    /// not.
    pub(crate) fn has_environment(stat: &[u8]) -> bool {
        fields_behind_name(stat)
            .and_then(|mut fields| fields.nth(48))
            .is_some_and(|end| end != "0")
    }

    /// Reads a line of `/proc/PID/stat`, proc(5): the name in parentheses may contain anything, also parentheses.
    pub(crate) fn parse(pid: u32, stat: &[u8]) -> Option<Self> {
        let mut fields = fields_behind_name(stat)?;
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let session = fields.next()?.parse().ok()?;
        // `starttime` is field 22; field 6, the session, was the last one taken.
        let started = fields.nth(15)?.parse().ok()?;
        Some(Self {
            pid,
            parent,
            group,
            session,
            started,
            is_zombie: state == "Z" || state == "X",
        })
    }
}

/// The fields from the third on.
fn fields_behind_name(stat: &[u8]) -> Option<std::str::SplitAsciiWhitespace<'_>> {
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
    Some(fields.split_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_blanks_and_foreign_bytes_is_read() {
        let stat =
            b"42 (a) b (c\xff) S 7 40 41 34816 42 4194304 1 2 3 4 5 6 7 8 20 0 1 0 9999 1 2 3";
        let process = Process::parse(42, stat).unwrap();
        let expected = Process {
            pid: 42,
            parent: 7,
            group: 40,
            session: 41,
            started: 9999,
            is_zombie: false,
        };
        assert_eq!(process, expected);
    }

    #[test]
    fn the_end_of_an_environment_is_the_51st_field() {
        let line = |end: &str| {
            let before: Vec<String> = (4..51).map(|field| field.to_string()).collect();
            format!("42 (a b) S {} {end} 0\n", before.join(" ")).into_bytes()
        };
        assert!(Process::has_environment(&line("140731")));
        assert!(!Process::has_environment(&line("0")));
        let own = std::fs::read("/proc/self/stat").unwrap();
        assert!(Process::has_environment(&own));
    }

    #[test]
    fn descendants_are_found_once_even_in_a_circle() {
        let process = |pid: u32, parent: u32| Process {
            pid,
            parent,
            group: 1,
            session: 1,
            started: 1,
            is_zombie: false,
        };
        let tree = Tree::new(vec![
            process(5, 4),
            process(3, 2),
            process(2, 5),
            process(4, 3),
            process(9, 8),
        ]);
        let found = tree.with_descendants(vec![process(2, 1)]);
        let pids: Vec<u32> = found.iter().map(|process| process.pid).collect();
        assert_eq!(pids, [2, 3, 4, 5]);
    }
}
