//! The files below what is watched. Only directories that have changed are read; looking at the others allocates nothing.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use leakgate_probe::Held;

use super::block::{block, tree_entry};
use super::file::{self, Found, Stamp};
use crate::gauges::TRANSCRIPT_DIRECTORIES;

/// Directories in one another: Codex has one for each year, month and day; Claude Code two for a sub-agent.
const DEPTH_MAX: u8 = 8;

/// Directories of one watch.
const DIRECTORIES_MAX: usize = 1024;

/// Entries of one directory that are looked at.
const ENTRIES_MAX: usize = 16 << 10;

/// Directories that are read before others have their turn.
const READS_MAX: usize = 16;

/// A directory that has changed so recently is read again: a change in the same tick of the file system's clock shows no other time.
const TICK_NS: i128 = 2_000_000_000;

/// How the name of a transcript ends.
pub(crate) const SUFFIX: &[u8] = b".jsonl";

/// A file or directory that is watched, and the directories below it.
#[derive(Debug)]
pub(crate) struct Tree {
    root: CString,
    directories: BTreeMap<CString, Directory>,
    /// What is looked at next; none: from the beginning.
    next: Option<CString>,
    /// Directories were found in this round, which have not been looked at yet.
    has_new: bool,
    /// The root is a file for which there is no place.
    is_left_out: bool,
    counted: Held,
}

#[derive(Debug)]
struct Directory {
    depth: u8,
    /// When it was read; none: it is to be.
    read: Option<Stamp>,
    /// What was found in it then, and has no place.
    left_out: u64,
}

/// How far a look has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Through,
    /// There is more to be looked at; others may have their turn.
    Halfway,
}

impl Tree {
    pub(crate) fn new(root: CString) -> Self {
        let mut tree = Self {
            directories: BTreeMap::new(),
            next: None,
            has_new: false,
            is_left_out: false,
            counted: TRANSCRIPT_DIRECTORIES.hold(0),
            root,
        };
        tree.add(tree.root.clone(), 0);
        // Beside an agent's file is a directory of the same name, with the files of its sub-agents.
        if let Some(stem) = tree.root.to_bytes().strip_suffix(SUFFIX)
            && let Ok(stem) = CString::new(stem)
        {
            tree.add(stem, 0);
        }
        tree
    }

    pub(crate) fn root(&self) -> &CStr {
        &self.root
    }

    /// Whether a path is one that this would find.
    pub(crate) fn covers(&self, path: &CStr) -> bool {
        let (root, path) = (self.root.to_bytes(), path.to_bytes());
        let below = |directory: &[u8]| {
            let rest = path.strip_prefix(directory);
            rest.is_some_and(|rest| rest.starts_with(b"/"))
        };
        path == root || below(root) || root.strip_suffix(SUFFIX).is_some_and(below)
    }

    /// Directories that are looked at.
    pub(crate) fn directories(&self) -> usize {
        self.directories.len()
    }

    /// Files and directories that have no place.
    pub(crate) fn left_out(&self) -> u64 {
        let directories = self.directories.values();
        let left_out = directories.map(|directory| directory.left_out);
        left_out.sum::<u64>() + u64::from(self.is_left_out)
    }

    /// Bytes of its blocks.
    pub(crate) fn heap_bytes(&self) -> usize {
        let paths = self.directories.keys();
        paths
            .map(|path| block(path.count_bytes() + 1) + tree_entry::<CString, Directory>())
            .sum::<usize>()
            + block(self.root.count_bytes() + 1)
    }

    /// Takes a directory; false when there is no place for it.
    fn add(&mut self, path: CString, depth: u8) -> bool {
        if self.directories.contains_key(&path) {
            return true;
        }
        if self.directories.len() >= DIRECTORIES_MAX || depth > DEPTH_MAX {
            return false;
        }
        let directory = Directory {
            depth,
            read: None,
            left_out: 0,
        };
        self.directories.insert(path, directory);
        self.has_new = true;
        self.counted.resize(self.directories.len());
        true
    }

    /// Looks for files, a few directories at a time; tells `found` of the root, where that is a file, and of all transcripts
    /// in directories that have changed. `found` says whether there is a place for it.
    pub(crate) fn look(&mut self, now_ns: i128, mut found: impl FnMut(&CStr) -> bool) -> Progress {
        if self.next.is_none() && matches!(file::look(&self.root), Some(Found::File(_))) {
            self.is_left_out = !found(&self.root);
        }
        // Nothing is allocated where nothing has changed.
        let (mut gone, mut changed) = (Vec::new(), Vec::new());
        let from = match &self.next {
            None => Bound::Unbounded,
            Some(next) => Bound::Excluded(next.as_c_str()),
        };
        for (path, directory) in self
            .directories
            .range_mut::<CStr, _>((from, Bound::Unbounded))
        {
            match file::look(path) {
                Some(Found::Directory(stamp)) if directory.read == Some(stamp) => {}
                Some(Found::Directory(stamp)) => {
                    let is_recent = (now_ns - stamp.changed_ns).abs() < TICK_NS;
                    directory.read = (!is_recent).then_some(stamp);
                    changed.push((path.clone(), directory.depth));
                }
                Some(_) => {
                    directory.read = None;
                    if directory.depth > 0 {
                        gone.push(path.clone());
                    }
                }
                None => {}
            }
            if changed.len() >= READS_MAX {
                break;
            }
        }
        let is_halfway = changed.len() >= READS_MAX;
        self.next = match changed.last() {
            Some((last, _)) if is_halfway => Some(last.clone()),
            _ => None,
        };
        for path in gone {
            self.directories.remove(&path);
            self.counted.resize(self.directories.len());
        }
        for (path, depth) in changed {
            self.read(&path, depth, &mut found);
        }
        if self.next.is_none() && !std::mem::take(&mut self.has_new) {
            return Progress::Through;
        }
        Progress::Halfway
    }

    /// Reads one directory, in the order of names. Links are not followed.
    fn read(&mut self, path: &CStr, depth: u8, found: &mut impl FnMut(&CStr) -> bool) {
        let Ok(entries) = fs::read_dir(Path::new(OsStr::from_bytes(path.to_bytes()))) else {
            return; // it has gone meanwhile, or is not ours to read
        };
        let (mut transcripts, mut left_out) = (Vec::new(), 0);
        for (number, entry) in entries.flatten().enumerate() {
            if number >= ENTRIES_MAX {
                left_out += 1;
                break;
            }
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let is_transcript = kind.is_file() && entry.file_name().as_bytes().ends_with(SUFFIX);
            if !is_transcript && !kind.is_dir() {
                continue;
            }
            let Ok(found) = CString::new(entry.path().as_os_str().as_bytes()) else {
                continue;
            };
            if is_transcript {
                transcripts.push(found);
            } else {
                left_out += u64::from(!self.add(found, depth + 1));
            }
        }
        transcripts.sort();
        let refused = transcripts.iter().filter(|path| !found(path)).count();
        if let Some(directory) = self.directories.get_mut(path) {
            directory.left_out = left_out + refused as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn c(path: &Path) -> CString {
        CString::new(path.as_os_str().as_bytes()).unwrap()
    }

    /// What a whole look finds, by file name.
    fn look(tree: &mut Tree, now_ns: i128) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            let progress = tree.look(now_ns, |path| {
                let path = path.to_str().unwrap();
                names.push(path.rsplit('/').next().unwrap().to_owned());
                true
            });
            if progress == Progress::Through {
                break;
            }
        }
        names.sort();
        names.dedup(); // a look begins again where it has found a directory
        names
    }

    /// So late that nothing is recent.
    const LATE: i128 = i128::MAX / 2;

    #[test]
    fn only_what_has_changed_is_read_again() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("2026/01/31");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("a.jsonl"), "").unwrap();
        fs::write(deep.join("a.txt"), "").unwrap();
        symlink(deep.join("a.jsonl"), place.path().join("link.jsonl")).unwrap();
        symlink(place.path(), deep.join("loop")).unwrap();
        let mut tree = Tree::new(c(place.path()));
        assert_eq!(look(&mut tree, LATE), ["a.jsonl"]);
        assert_eq!(tree.directories(), 4);
        assert_eq!(look(&mut tree, LATE), [""; 0]);
        fs::write(deep.join("b.jsonl"), "").unwrap();
        assert_eq!(look(&mut tree, LATE), ["a.jsonl", "b.jsonl"]);
        fs::remove_dir_all(place.path().join("2026")).unwrap();
        look(&mut tree, LATE);
        look(&mut tree, LATE);
        assert_eq!(tree.directories(), 1);
    }

    #[test]
    fn a_directory_that_has_just_changed_is_read_again() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("a.jsonl"), "").unwrap();
        let mut tree = Tree::new(c(place.path()));
        for _ in 0..2 {
            assert_eq!(look(&mut tree, super::super::now_ns()), ["a.jsonl"]);
        }
    }

    #[test]
    fn many_directories_are_read_a_few_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        for number in 0..3 * READS_MAX {
            let directory = place.path().join(format!("d{number}"));
            fs::create_dir(&directory).unwrap();
            fs::write(directory.join(format!("{number}.jsonl")), "").unwrap();
        }
        let mut tree = Tree::new(c(place.path()));
        let mut turns = 0;
        let mut files = 0;
        while files < 3 * READS_MAX {
            tree.look(LATE, |_| {
                files += 1;
                true
            });
            turns += 1;
            assert!(turns < 10, "{files} after {turns} turns");
        }
        assert!(turns > 3, "all at once");
    }

    #[test]
    fn a_file_is_watched_with_the_directory_of_its_sub_agents() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("s.jsonl");
        let mut tree = Tree::new(c(&file));
        assert_eq!(look(&mut tree, LATE), [""; 0]);
        fs::write(&file, "").unwrap();
        fs::write(place.path().join("other.jsonl"), "").unwrap();
        let agents = place.path().join("s/subagents");
        fs::create_dir_all(&agents).unwrap();
        fs::write(agents.join("agent-1.jsonl"), "").unwrap();
        assert_eq!(look(&mut tree, LATE), ["agent-1.jsonl", "s.jsonl"]);
        assert!(tree.covers(&c(&agents.join("agent-1.jsonl"))) && tree.covers(&c(&file)));
        assert!(!tree.covers(&c(&place.path().join("other.jsonl"))));
    }

    #[test]
    fn what_is_too_deep_or_too_much_is_left_out_and_counted() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("1/2/3/4/5/6/7/8/9");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("a.jsonl"), "").unwrap();
        let mut tree = Tree::new(c(place.path()));
        assert_eq!(look(&mut tree, LATE), [""; 0]);
        assert_eq!(tree.left_out(), 1);
    }
}
