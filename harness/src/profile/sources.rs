//! The user's own source files, found again from the shortened paths that dhat prints.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// dhat keeps so many of a path's last components.
const COMPONENTS: usize = 3;

/// Directories that hold no sources of the user's.
const NOT_SOURCES: [&str; 3] = ["target", "reports", "node_modules"];

/// Every Rust source file under a workspace's root, by the end of its path.
#[derive(Debug, Default)]
pub struct Sources {
    by_end: BTreeMap<String, Vec<String>>,
}

impl Sources {
    /// Those under `root`; directories that cannot be read have none.
    pub fn under(root: &Path) -> Self {
        let mut sources = Self::default();
        let mut next = vec![root.to_owned()];
        while let Some(directory) = next.pop() {
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    if !name.starts_with('.') && !NOT_SOURCES.contains(&&*name) {
                        next.push(entry.path());
                    }
                } else if let Ok(path) = entry.path().strip_prefix(root)
                    && name.ends_with(".rs")
                {
                    sources.add(&path.to_string_lossy());
                }
            }
        }
        sources
    }

    fn add(&mut self, path: &str) {
        let key = end_of(path).to_owned();
        self.by_end.entry(key).or_default().push(path.to_owned());
    }

    /// The file, relative to the root, that a shortened path stands for; the shortened path itself
    /// where several end alike; nothing when none does.
    pub(super) fn find<'a>(&'a self, shortened: &'a str) -> Option<&'a str> {
        match self.by_end.get(end_of(shortened))?.as_slice() {
            [only] => Some(only),
            _ => Some(shortened),
        }
    }
}

/// The last components of a path.
fn end_of(path: &str) -> &str {
    let cut = path.rmatch_indices('/').nth(COMPONENTS - 1);
    cut.map_or(path, |(at, _)| &path[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortened_path_is_found_in_full_unless_several_end_alike() {
        let mut sources = Sources::default();
        for path in [
            "daemon/src/core/mod.rs",
            "a/x/src/lib.rs",
            "b/x/src/lib.rs",
            "src/main.rs",
        ] {
            sources.add(path);
        }
        assert_eq!(
            sources.find("src/core/mod.rs"),
            Some("daemon/src/core/mod.rs")
        );
        assert_eq!(sources.find("x/src/lib.rs"), Some("x/src/lib.rs"));
        assert_eq!(sources.find("src/main.rs"), Some("src/main.rs"));
        assert_eq!(sources.find("alloc/src/alloc.rs"), None);
    }
}
