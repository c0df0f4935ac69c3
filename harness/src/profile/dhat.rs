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
    largest: u64,
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

    fn from_document(document: &Document, sources: &Sources) -> Self {
        let mut sites: BTreeMap<Place, Survivors> = BTreeMap::new();
        for point in document.pps.iter().filter(|point| point.eb > 0) {
            let frames = point
                .fs
                .iter()
                .filter_map(|&index| document.ftbl.get(index));
            let mut frames: Vec<Frame> = frames.map(|text| Frame::parse(text)).collect();
            let mut own = None;
            for (index, frame) in frames.iter_mut().enumerate() {
                if let Some(file) = sources.find(&frame.file) {
                    frame.file = file.to_owned();
                    if !frame.is_carrier() {
                        own = own.or(Some(index));
                    }
                }
            }
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
                largest: 0,
            });
            site.blocks += point.ebk;
            site.bytes += point.eb;
            if point.eb >= site.largest {
                site.largest = point.eb;
                site.stack = frames.iter().take(STACK_MAX).map(Frame::describe).collect();
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
