//! dhat's JSON (`dhatFileVersion` 2): program points, merged by the line of code that asked for the memory.
//!
//! Format: the viewer's own documentation, `dh_view` in Valgrind's manual, chapter DHAT.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::frame::Frame;
use super::sources::Sources;
use crate::record::event::Owner;

/// Frames kept of a stack.
const STACK_MAX: usize = 32;
/// The user's own frames kept above a site.
const CALLERS_MAX: usize = 8;
/// Tasks named of a site.
const TASKS_MAX: usize = 4;

/// What a window left alive, by site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The sites with surviving blocks.
    pub(super) sites: BTreeMap<Place, Survivors>,
}

/// The line that asked for memory: the innermost one of the user's own, or else the innermost that is not a carrier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub function: String,
    pub file: String,
    pub line: u32,
}

/// What one place left alive, and the stack that left the most of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Survivors {
    pub blocks: u64,
    pub bytes: u64,
    pub owner: Owner,
    pub stack: Vec<String>,
    /// The user's own frames above the place, of that stack.
    pub callers: Vec<String>,
    /// Bytes by the task in which they were allocated, where that is known.
    pub tasks: BTreeMap<String, u64>,
    largest: u64,
}

impl Survivors {
    /// The tasks that allocated here, those that keep most first.
    pub(super) fn by_task(&self) -> Vec<String> {
        let mut tasks: Vec<(&String, &u64)> = self.tasks.iter().collect();
        tasks.sort_by_key(|(_, bytes)| std::cmp::Reverse(**bytes));
        let names = tasks.into_iter().map(|(name, _)| name.clone());
        names.take(TASKS_MAX).collect()
    }
}

/// What one line has alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alive {
    /// The function.
    pub function: String,
    /// Its source file; empty where the build has no line tables.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// Whose code that is.
    pub owner: Owner,
    /// The asynchronous tasks that allocated it, those that keep most first (at most 4).
    pub tasks: Vec<String>,
    /// Bytes.
    pub bytes: u64,
    /// Blocks.
    pub blocks: u64,
}

/// Why a profile cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file cannot be opened.
    #[error("cannot read the profile {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not dhat's JSON.
    #[error("{} is not a dhat profile of version 2: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What serde found.
        source: serde_json::Error,
    },
}

#[derive(Deserialize)]
struct Document {
    pps: Vec<ProgramPoint>,
    ftbl: Vec<String>,
}

#[derive(Deserialize)]
struct ProgramPoint {
    /// Bytes alive at the end.
    #[serde(default)]
    eb: u64,
    /// Blocks alive at the end.
    #[serde(default)]
    ebk: u64,
    /// Indexes into the frame table, innermost first.
    fs: Vec<usize>,
}

impl Profile {
    /// Reads a profile and keeps its survivors; `sources` are the user's own.
    ///
    /// # Errors
    /// See [`ProfileError`].
    pub fn read(path: &Path, sources: &Sources) -> Result<Self, ProfileError> {
        let file = File::open(path).map_err(|source| ProfileError::Io {
            path: path.to_owned(),
            source,
        })?;
        let document: Document =
            serde_json::from_reader(BufReader::new(file)).map_err(|source| {
                ProfileError::Format {
                    path: path.to_owned(),
                    source,
                }
            })?;
        Ok(Self::from_document(&document, sources))
    }

    /// What is alive at its end, by line, most bytes first.
    pub fn alive(&self) -> Vec<Alive> {
        let mut alive: Vec<Alive> = self
            .sites
            .iter()
            .map(|(place, survivors)| Alive {
                function: place.function.clone(),
                file: place.file.clone(),
                line: place.line,
                owner: survivors.owner,
                tasks: survivors.by_task(),
                bytes: survivors.bytes,
                blocks: survivors.blocks,
            })
            .collect();
        alive.sort_by_key(|line| std::cmp::Reverse((line.bytes, line.blocks)));
        alive
    }

    fn from_document(document: &Document, sources: &Sources) -> Self {
        let mut sites: BTreeMap<Place, Survivors> = BTreeMap::new();
        for point in document.pps.iter().filter(|point| point.eb > 0) {
            let mut texts: Vec<&String> = point
                .fs
                .iter()
                .filter_map(|&index| document.ftbl.get(index))
                .collect();
            let task = texts.last().and_then(|text| Frame::task(text));
            if task.is_some() {
                texts.pop();
            }
            let mut frames: Vec<Frame> = texts.iter().map(|text| Frame::parse(text)).collect();
            let mut all_own = Vec::new();
            for (index, frame) in frames.iter_mut().enumerate() {
                if let Some(file) = sources.find(&frame.file) {
                    frame.file = file.to_owned();
                    if !frame.is_carrier() {
                        all_own.push(index);
                    }
                }
            }
            let own = all_own.first().copied();
            let is_own = own.is_some();
            let own = own.or_else(|| frames.iter().position(|frame| !frame.is_carrier()));
            let Some(user) = frames.get(own.unwrap_or(0)) else {
                continue;
            };
            let place = Place {
                function: user.function.clone(),
                file: user.file.clone(),
                line: user.line,
            };
            let site = sites.entry(place).or_insert_with(|| Survivors {
                blocks: 0,
                bytes: 0,
                owner: owner(user, is_own),
                stack: Vec::new(),
                callers: Vec::new(),
                tasks: BTreeMap::new(),
                largest: 0,
            });
            if let Some(task) = task {
                *site.tasks.entry(task.to_owned()).or_default() += point.eb;
            }
            site.blocks += point.ebk;
            site.bytes += point.eb;
            if point.eb >= site.largest {
                site.largest = point.eb;
                site.stack = frames.iter().take(STACK_MAX).map(Frame::describe).collect();
                let callers = all_own.iter().skip(1).take(CALLERS_MAX);
                site.callers = callers.map(|index| frames[*index].describe()).collect();
            }
        }
        Self { sites }
    }
}

/// Whose code a frame is; `is_own` where its file was found among the user's.
fn owner(frame: &Frame, is_own: bool) -> Owner {
    match (is_own, frame.file.as_str()) {
        (true, _) => Owner::Yours,
        (false, "") => Owner::Unknown,
        (false, _) if frame.is_carrier() => Owner::Std,
        (false, _) => Owner::Dependency,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outermost_frame_may_be_a_task_and_a_line_has_all_of_its_tasks() {
        let document: Document = serde_json::from_str(
            r#"{"pps":[{"eb":64,"ebk":1,"fs":[1,2]},{"eb":16,"ebk":1,"fs":[1,3]},{"eb":8,"ebk":1,"fs":[1]}],
                "ftbl":["[root]","0x1: app::keep (src/keep.rs:7:5)","[task reader]","[task mcp server]"]}"#,
        )
        .unwrap();
        let profile = Profile::from_document(&document, &Sources::default());
        let [line] = profile.alive().try_into().unwrap();
        assert_eq!(line.tasks, ["reader", "mcp server"]);
        assert_eq!(
            (line.function.as_str(), line.bytes, line.blocks),
            ("app::keep", 88, 3)
        );
        let stack = &profile.sites.values().next().unwrap().stack;
        assert_eq!(
            stack,
            &["app::keep (src/keep.rs:7)"],
            "a task is no function"
        );
    }

    #[test]
    fn points_of_one_line_are_added_up_and_freed_ones_left_out() {
        let document: Document = serde_json::from_str(
            r#"{"pps":[{"eb":64,"ebk":1,"fs":[1,2,3]},{"eb":16,"ebk":1,"fs":[2,3]},{"eb":0,"ebk":0,"fs":[1,3]}],
                "ftbl":["[root]","0x1: alloc::alloc::alloc (alloc/src/alloc.rs:9:1)",
                        "0x2: app::keep::h0011223344556677 (src/keep.rs:7:5)","0x3: app::main (src/main.rs:3:1)"]}"#,
        )
        .unwrap();
        let profile = Profile::from_document(&document, &Sources::default());
        let (place, survivors) = profile.sites.iter().next().unwrap();
        assert_eq!(
            (profile.sites.len(), place.file.as_str(), place.line),
            (1, "src/keep.rs", 7)
        );
        assert_eq!((survivors.blocks, survivors.bytes), (2, 80));
        assert_eq!(
            survivors.stack[0],
            "alloc::alloc::alloc (alloc/src/alloc.rs:9)"
        );
    }
}
