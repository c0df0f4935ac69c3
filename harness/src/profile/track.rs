//! Snapshots of the probe's tracker: dhat's JSON whose frames are addresses, given their names here.
//!
//! The target writes a snapshot quickly and without a look at its own symbols; what it takes to find them is in the
//! member `track`. Resolved, the file is what dhat would have written, and opens in its viewer.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::symbols::{Symbol, Symbols, SymbolsError};
use crate::whole_file::replaced;

/// The version of the member `track` that is read.
const VERSION: u32 = 1;

/// Components kept of a source file's path, as dhat does.
const COMPONENTS: usize = 3;

/// The tracker's own functions, and those that the compiler makes to call it: at the top of every stack, and no news.
const TRACKER: [&str; 6] = [
    "leakgate_probe::",
    "<leakgate_probe::",
    "__rust_alloc",
    "__rust_realloc",
    "__rustc::__rust",
    "__rg_",
];

/// Why a snapshot has no symbols.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The snapshot, or the program that wrote it, cannot be read or replaced.
    #[error("cannot read or write {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not a snapshot of the tracker.
    #[error("{} is not a snapshot of a tracked heap: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What serde found.
        source: serde_json::Error,
    },
    /// It comes from another version of the probe.
    #[error("{} has version {found} of `track`; allowed: {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The program that ran names nothing.
    #[error("cannot name the functions of {}", path.display())]
    Symbols {
        /// The program.
        path: PathBuf,
        /// Why.
        source: SymbolsError,
    },
}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    track: Origin,
    pps: Vec<Point>,
    ftbl: Vec<String>,
    /// What is written back as it was.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Origin {
    version: u32,
    /// Empty once the symbols are found.
    modules: Vec<Module>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Module {
    path: PathBuf,
    base: String,
    start: String,
    end: String,
    build_id: String,
}

#[derive(Serialize, Deserialize)]
struct Point {
    fs: Vec<usize>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Replaces the addresses of a snapshot by functions and lines, in place. One that is resolved already stays as it is.
///
/// # Errors
/// See [`ResolveError`]. Only the program itself has to be readable: what comes from a library that is not keeps `???`.
pub fn resolve(path: &Path) -> Result<(), ResolveError> {
    let io = |source| ResolveError::Io {
        path: path.to_owned(),
        source,
    };
    let format = |source| ResolveError::Format {
        path: path.to_owned(),
        source,
    };
    let text = fs::read(path).map_err(io)?;
    let mut snapshot: Snapshot = serde_json::from_slice(&text).map_err(format)?;
    if snapshot.track.version != VERSION {
        return Err(ResolveError::Version {
            path: path.to_owned(),
            found: snapshot.track.version,
        });
    }
    if snapshot.track.modules.is_empty() {
        return Ok(());
    }
    let modules = std::mem::take(&mut snapshot.track.modules);
    let files = contents(&modules)?;
    let names = Names::of(&modules, &files)?;
    snapshot.name_frames(&names);
    let text = serde_json::to_vec(&snapshot).map_err(format)?;
    replaced(path, &text).map_err(io)
}

/// What the modules' files hold; of a library that cannot be read, nothing.
fn contents(modules: &[Module]) -> Result<Vec<Vec<u8>>, ResolveError> {
    let mut files = Vec::new();
    for module in modules {
        match fs::read(&module.path) {
            Ok(file) => files.push(file),
            Err(source) if files.is_empty() => {
                let path = module.path.clone();
                return Err(ResolveError::Io { path, source });
            }
            Err(_) => files.push(Vec::new()),
        }
    }
    Ok(files)
}

/// Every module's symbols, and where it lay.
struct Names<'data>(Vec<Placed<'data>>);

struct Placed<'data> {
    base: u64,
    range: std::ops::Range<u64>,
    symbols: Option<Symbols<'data>>,
}

impl<'data> Names<'data> {
    fn of(modules: &[Module], files: &'data [Vec<u8>]) -> Result<Self, ResolveError> {
        let mut placed = Vec::new();
        for (module, file) in modules.iter().zip(files) {
            let symbols = match Symbols::parse(file, &module.build_id) {
                Ok(symbols) => Some(symbols),
                Err(source) if placed.is_empty() => {
                    let path = module.path.clone();
                    return Err(ResolveError::Symbols { path, source });
                }
                Err(_) => None,
            };
            placed.push(Placed {
                base: address(&module.base).unwrap_or(0),
                range: address(&module.start).unwrap_or(0)..address(&module.end).unwrap_or(0),
                symbols,
            });
        }
        Ok(Self(placed))
    }

    /// The functions that a return address lies in, the innermost first.
    fn at(&self, returns_to: u64) -> Vec<Symbol> {
        // The call is before what it returns to.
        let call = returns_to.saturating_sub(1);
        let module = self.0.iter().find(|module| module.range.contains(&call));
        let symbols = module.and_then(|module| {
            let symbols = module.symbols.as_ref()?;
            Some(symbols.at(call.checked_sub(module.base)?))
        });
        symbols.unwrap_or_default()
    }
}

impl Snapshot {
    /// Replaces every frame by the functions it stands for, and takes off what the tracker itself adds on top.
    fn name_frames(&mut self, names: &Names<'_>) {
        let mut table = vec![self.ftbl.first().cloned().unwrap_or_default()];
        let mut known: HashMap<String, usize> = HashMap::from([(table[0].clone(), 0)]);
        let mut expanded: Vec<Vec<(usize, bool)>> = Vec::new();
        for frame in &self.ftbl {
            let mut places = Vec::new();
            for (text, trackers) in described(frame, names) {
                let place = *known.entry(text).or_insert_with_key(|text| {
                    table.push(text.clone());
                    table.len() - 1
                });
                places.push((place, trackers));
            }
            expanded.push(places);
        }
        for point in &mut self.pps {
            let frames: Vec<(usize, bool)> = point
                .fs
                .iter()
                .filter_map(|&frame| expanded.get(frame))
                .flatten()
                .copied()
                .collect();
            let last = frames.iter().rposition(|(_, trackers)| *trackers);
            let shown = &frames[last.map_or(0, |last| last + 1)..];
            point.fs = shown.iter().map(|(place, _)| *place).collect();
        }
        self.ftbl = table;
    }
}

/// The texts that one raw frame becomes, in dhat's form, and whether each is the tracker's own.
fn described(frame: &str, names: &Names<'_>) -> Vec<(String, bool)> {
    let Some(returns_to) = address(frame) else {
        return vec![(frame.to_owned(), false)];
    };
    let symbols = names.at(returns_to);
    if symbols.is_empty() {
        return vec![(format!("{frame}: ??? (???:0:0)"), false)];
    }
    let describe = |symbol: Symbol| {
        let file = symbol.file.as_deref().map_or("???", shortened);
        let text = format!(
            "{frame}: {} ({file}:{}:{})",
            symbol.function, symbol.line, symbol.column
        );
        let prefixed = TRACKER
            .iter()
            .any(|prefix| symbol.function.starts_with(prefix));
        // What polls a named task lies at the other end of the stack.
        (text, prefixed && !symbol.function.contains("::task::"))
    };
    symbols.into_iter().map(describe).collect()
}

/// The last components of a path.
fn shortened(path: &str) -> &str {
    let cut = path.rmatch_indices('/').nth(COMPONENTS - 1);
    cut.map_or(path, |(at, _)| &path[at + 1..])
}

/// `0x1f` as a number.
fn address(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A snapshot of this very program with one point, whose stack is `frames`.
    fn snapshot(frames: &[usize]) -> String {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let program = std::env::current_exe().unwrap();
        let lines = maps
            .lines()
            .filter(|line| line.ends_with(program.to_str().unwrap()));
        let ranges: Vec<(&str, &str)> = lines
            .filter_map(|line| line.split(' ').next()?.split_once('-'))
            .collect();
        let (start, end) = (ranges.first().unwrap().0, ranges.last().unwrap().1);
        let table: Vec<String> = frames
            .iter()
            .map(|frame| format!("\"{frame:#x}\""))
            .collect();
        format!(
            r#"{{"dhatFileVersion":2,"mode":"rust-heap","te":7,"track":{{"version":1,"mode":"exact","modules":[
                {{"path":"{}","base":"0x{start}","start":"0x{start}","end":"0x{end}","build_id":""}}]}},
                "pps":[{{"tb":8,"tbk":1,"eb":8,"ebk":1,"fs":[1,2]}}],"ftbl":["[root]",{}]}}"#,
            program.display(),
            table.join(",")
        )
    }

    #[test]
    fn addresses_become_functions_and_the_rest_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("snapshot.json");
        let here = snapshot as fn(&[usize]) -> String as usize;
        fs::write(&path, snapshot(&[here + 1, 8])).unwrap();
        resolve(&path).unwrap();
        let text = fs::read(&path).unwrap();
        let resolved: Value = serde_json::from_slice(&text).unwrap();
        let frame = |index: usize| {
            let at = resolved["pps"][0]["fs"][index].as_u64().unwrap();
            resolved["ftbl"][usize::try_from(at).unwrap()]
                .as_str()
                .unwrap()
        };
        assert!(
            frame(0).contains("snapshot (src/profile/track.rs:"),
            "{}",
            frame(0)
        );
        assert_eq!(frame(1), "0x8: ??? (???:0:0)");
        assert_eq!(
            (&resolved["te"], &resolved["pps"][0]["eb"]),
            (&7.into(), &8.into())
        );
        resolve(&path).unwrap();
        assert_eq!(
            fs::read(&path).unwrap(),
            text,
            "resolving again changes nothing"
        );
    }

    #[test]
    fn what_is_no_snapshot_and_what_is_of_another_version_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("snapshot.json");
        fs::write(&path, r#"{"pps":[],"ftbl":[]}"#).unwrap();
        assert!(matches!(resolve(&path), Err(ResolveError::Format { .. })));
        let newer = snapshot(&[1, 2]).replace("\"version\":1", "\"version\":2");
        fs::write(&path, newer).unwrap();
        assert!(matches!(
            resolve(&path),
            Err(ResolveError::Version { found: 2, .. })
        ));
    }
}
