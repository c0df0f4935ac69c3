//! Kernel objects by identity: which of them are there now and were not there at the baseline, and what they are.
//!
//! Counts say that something grew; this says what. It is read twice in a scenario, at the baseline and at the end of the
//! measured cycles, and only what is new is looked at closely.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::blocked;
use super::disk::files_under;
use super::fds::kind_of;
use super::peers::Connections;
use super::proc::{self, Process};
use crate::record::objects::{Counted, KernelObject, ObjectsGained};

/// Objects of one count that are told apart, and new ones that are looked at: a target that keeps more of them leaks anyway.
const LOOKED_AT_MAX: usize = 4096;
/// Groups listed of one count; beyond this, names that differ in numbers alone become one.
const LISTED_MAX: usize = 8;
/// Letters of a name or of a path.
const NAME_MAX: usize = 200;
/// Digits of a hexadecimal number that is taken for an identifier rather than for a word.
const IDENTIFIER_MIN: usize = 8;

/// A target's tree, and where its files are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree<'t> {
    /// Every process, the target's own included.
    pub(super) processes: &'t [Process],
    /// The target itself.
    pub(super) target: u32,
    /// What holds its private directories; nothing where it has none.
    pub(super) private: Option<&'t Path>,
}

/// One object: what tells it from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    /// Process, number, and what it links to.
    Descriptor(u32, String, String),
    /// Process and thread.
    Thread(u32, u32),
    /// Process, alive.
    Child(u32),
    /// Process, dead.
    Zombie(u32),
    File(PathBuf),
}

/// The objects of a tree at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Inventory {
    objects: BTreeMap<Counted, BTreeSet<Identity>>,
}

impl Inventory {
    /// Reads what there is; what vanishes meanwhile is left out.
    pub(super) fn read(tree: Tree<'_>) -> Self {
        let mut inventory = Self::default();
        for process in tree.processes {
            if process.pid != tree.target {
                match process.zombie {
                    true => inventory.add(Counted::Zombies, Identity::Zombie(process.pid)),
                    false => inventory.add(Counted::Children, Identity::Child(process.pid)),
                }
            }
            if !process.zombie {
                inventory.add_held(process.pid);
            }
        }
        let files = tree.private.map(files_under);
        for path in files.and_then(Result::ok).unwrap_or_default() {
            inventory.add(Counted::Disk, Identity::File(path));
        }
        inventory
    }

    fn add(&mut self, counted: Counted, identity: Identity) {
        let objects = self.objects.entry(counted).or_default();
        // One more than are told apart shows that there are too many.
        if objects.len() <= LOOKED_AT_MAX {
            objects.insert(identity);
        }
    }

    fn add_held(&mut self, pid: u32) {
        let entries = |directory: &str| {
            let entries = fs::read_dir(format!("/proc/{pid}/{directory}"));
            entries.into_iter().flatten().flatten()
        };
        for entry in entries("fd") {
            if let (Some(number), Ok(link)) = (
                entry.file_name().to_str().map(str::to_owned),
                fs::read_link(entry.path()),
            ) {
                let link = link.to_string_lossy().into_owned();
                self.add(Counted::Fds, Identity::Descriptor(pid, number, link));
            }
        }
        for entry in entries("task") {
            let tid = entry.file_name().to_str().and_then(|tid| tid.parse().ok());
            if let Some(tid) = tid {
                self.add(Counted::Threads, Identity::Thread(pid, tid));
            }
        }
    }

    /// What stands here and not in `before`, described; nothing of a count of which there were too many before.
    pub(super) fn gained(&self, before: &Inventory, tree: Tree<'_>) -> ObjectsGained {
        let mut describer = Describer {
            tree,
            connections: Connections::default(),
        };
        let mut gained = ObjectsGained::default();
        for (&counted, objects) in &self.objects {
            let before = before.objects.get(&counted);
            if before.is_some_and(|before| before.len() > LOOKED_AT_MAX) {
                continue;
            }
            let new = objects
                .iter()
                .filter(|object| before.is_none_or(|before| !before.contains(object)));
            let described: Vec<Described> = new
                .take(LOOKED_AT_MAX)
                .filter_map(|object| describer.describe(object))
                .collect();
            list(counted, &described, &mut gained);
        }
        gained
    }
}

/// An object's name and state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Described {
    name: String,
    state: String,
}

impl Described {
    fn new(name: &str, state: String) -> Self {
        let name = name.chars().take(NAME_MAX).collect();
        Self { name, state }
    }
}

/// Lists the objects of one count, alike ones together.
fn list(counted: Counted, described: &[Described], gained: &mut ObjectsGained) {
    let mut groups = grouped(described, str::to_owned);
    if groups.len() > LISTED_MAX {
        groups = grouped(described, without_numbers);
    }
    let mut listed: Vec<KernelObject> = groups
        .into_iter()
        .map(|((name, state), (count, first))| KernelObject {
            counted,
            example: (*first != name).then(|| first.to_owned()),
            name,
            state,
            count,
        })
        .collect();
    listed.sort_by_key(|object| std::cmp::Reverse(object.count));
    for object in listed.drain(LISTED_MAX.min(listed.len())..) {
        gained.left_out += object.count;
    }
    gained.objects.extend(listed);
}

/// By name, as `name` makes it, and state: how many, and the first of them.
fn grouped(
    described: &[Described],
    name: impl Fn(&str) -> String,
) -> BTreeMap<(String, String), (u32, &str)> {
    let mut groups = BTreeMap::new();
    for object in described {
        let key = (name(&object.name), name(&object.state));
        let group = groups.entry(key).or_insert((0, object.name.as_str()));
        group.0 += 1;
    }
    groups
}

/// `*` for each number, decimal or, where it is long, hexadecimal.
fn without_numbers(name: &str) -> String {
    let mut shape = String::new();
    let mut rest = name;
    while let Some(letter) = rest.chars().next() {
        let word = rest.len()
            - rest
                .trim_start_matches(|c: char| c.is_ascii_hexdigit())
                .len();
        let decimal = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let identifier =
            word >= IDENTIFIER_MIN && rest[..word].contains(|c: char| c.is_ascii_digit());
        let number = if identifier { word } else { decimal };
        match number {
            0 => {
                shape.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
            length => {
                shape.push('*');
                rest = &rest[length..];
            }
        }
    }
    shape
}

/// Looks at single objects.
struct Describer<'t> {
    tree: Tree<'t>,
    connections: Connections,
}

impl Describer<'_> {
    /// What it is; nothing when it has gone.
    fn describe(&mut self, object: &Identity) -> Option<Described> {
        match object {
            Identity::Descriptor(pid, number, link) => {
                let Described { name, state } = self.descriptor(*pid, number, link)?;
                Some(Described::new(&name, self.held_by(*pid, state)))
            }
            Identity::Thread(pid, tid) => {
                let task = PathBuf::from(format!("/proc/{pid}/task/{tid}"));
                let name = proc::text(task.join("comm")).ok()?;
                let place = blocked::place(&task);
                let state = match place.as_str() {
                    "" => String::new(),
                    place => format!("waits in {place}"),
                };
                Some(Described::new(name.trim_end(), self.held_by(*pid, state)))
            }
            Identity::Child(pid) => {
                let state = self.parent(*pid);
                Some(Described::new(&proc::command_line(*pid), state))
            }
            Identity::Zombie(pid) => {
                let name = proc::text(format!("/proc/{pid}/comm")).ok()?;
                Some(Described::new(name.trim_end(), self.parent(*pid)))
            }
            Identity::File(path) => Some(Described::new(&self.relative(path), String::new())),
        }
    }

    fn descriptor(&mut self, pid: u32, number: &str, link: &str) -> Option<Described> {
        let path = PathBuf::from(format!("/proc/{pid}/fd/{number}"));
        let kind = kind_of(&path, link)?;
        if let Some((address, state)) = self.connections.of(pid, link) {
            let address = self.relative(Path::new(&address));
            return Some(Described::new(
                format!("{kind} {address}").trim_end(),
                state,
            ));
        }
        let state = match kind.as_str() {
            "pipe" | "fifo" => pipe_end(pid, number),
            _ => String::new(),
        };
        let name = match link.starts_with('/') {
            true => format!("{kind} {}", self.relative(Path::new(link))),
            false => kind,
        };
        Some(Described::new(&name, state))
    }

    /// A path; in the private directories, relative to them.
    fn relative(&self, path: &Path) -> String {
        let within = self
            .tree
            .private
            .and_then(|root| path.strip_prefix(root).ok());
        within.unwrap_or(path).display().to_string()
    }

    /// The state of what a process holds: where that is not the target itself, it is said.
    fn held_by(&self, pid: u32, state: String) -> String {
        if pid == self.tree.target {
            return state;
        }
        let comma = if state.is_empty() { "" } else { ", " };
        format!("{state}{comma}held by `{}`", proc::command_line(pid))
    }

    fn parent(&self, pid: u32) -> String {
        let parent = self
            .tree
            .processes
            .iter()
            .find(|process| process.pid == pid);
        let Some(parent) = parent.map(|process| process.parent) else {
            return String::new();
        };
        match self
            .tree
            .processes
            .iter()
            .any(|process| process.pid == parent)
        {
            true => format!("child of `{}`", proc::command_line(parent)),
            false => "its parent ended before it".to_owned(),
        }
    }
}

/// Which end of a pipe it is.
fn pipe_end(pid: u32, number: &str) -> String {
    let info = proc::text(format!("/proc/{pid}/fdinfo/{number}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    let end = match flags.map(|flags| flags & 0o3) {
        Some(0) => "read end",
        Some(1) => "write end",
        _ => "",
    };
    end.to_owned()
}
