//! A fixture: a patch that puts a bug back, and in its header what must catch it.
//!
//! The header is the lines `# key: value` before the diff; text after it explains. A leak names the
//! scenario and the metrics that must turn red, and may name the source file of the growing site:
//!
//! ```text
//! # title: A reader thread outlives its session
//! # origin: where the bug was met first
//! # scenario: open-close
//! # metric: threads, heap.per_cycle
//! # site: daemon/src/session.rs
//! ```
//!
//! A bug that is not a leak (a fix for one that went too far) names the test that must fail instead:
//!
//! ```text
//! # test: sessiond the_last_bytes_are_on_the_screen
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::scenario::Metric;

/// A known leak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fixture {
    /// The file's stem.
    pub name: String,
    /// The patch.
    pub path: PathBuf,
    /// What leaks.
    pub title: String,
    /// Where the bug was met first.
    pub origin: String,
    /// What must catch it.
    pub catcher: Catcher,
}

/// What must catch a bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Catcher {
    /// A scenario's gates.
    Gates(Gates),
    /// A test of a package.
    Test {
        /// The package.
        package: String,
        /// The test's name, or a part that only it has.
        test: String,
    },
}

/// The gates that must turn red.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gates {
    /// The scenario.
    pub scenario: String,
    /// The metrics; at least one.
    pub metrics: Vec<Metric>,
    /// The source file that the growing site's stack must name, for heap leaks.
    pub site: Option<String>,
}

/// Why a fixture cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum FixtureError {
    #[error("cannot read {}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: the header has no `# {key}:`; it needs title, origin, and either scenario and metric (it may have site) or test", path.display())]
    Missing { path: PathBuf, key: &'static str },
    #[error("{}:{line}: unknown header `{key}`; allowed: title, origin, scenario, metric, site, test", path.display())]
    Key {
        path: PathBuf,
        line: usize,
        key: String,
    },
    #[error("{}: unknown metric `{metric}`", path.display())]
    Metric { path: PathBuf, metric: String },
}

impl Fixture {
    /// Reads a patch's header.
    pub(super) fn read(path: &Path) -> Result<Self, FixtureError> {
        let text = fs::read_to_string(path).map_err(|source| FixtureError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, FixtureError> {
        let mut header = header(path, text)?;
        let missing = |key| FixtureError::Missing {
            path: path.to_owned(),
            key,
        };
        let title = header.remove("title").ok_or_else(|| missing("title"))?;
        let origin = header.remove("origin").ok_or_else(|| missing("origin"))?;
        let catcher = match header.remove("test") {
            Some(test) => {
                let (package, test) = test.split_once(' ').ok_or_else(|| missing("test"))?;
                Catcher::Test {
                    package: package.to_owned(),
                    test: test.trim().to_owned(),
                }
            }
            None => Catcher::Gates(Gates {
                scenario: header
                    .remove("scenario")
                    .ok_or_else(|| missing("scenario"))?,
                metrics: metrics(
                    path,
                    &header.remove("metric").ok_or_else(|| missing("metric"))?,
                )?,
                site: header.remove("site"),
            }),
        };
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok(Self {
            name,
            path: path.to_owned(),
            title,
            origin,
            catcher,
        })
    }
}

fn metrics(path: &Path, names: &str) -> Result<Vec<Metric>, FixtureError> {
    let metric = |name: &str| {
        let found = Metric::ALL
            .into_iter()
            .find(|metric| metric.name() == name.trim());
        found.ok_or_else(|| FixtureError::Metric {
            path: path.to_owned(),
            metric: name.trim().to_owned(),
        })
    };
    names.split(',').map(metric).collect()
}

/// The `# key: value` lines up to the first that is not one.
fn header(path: &Path, text: &str) -> Result<BTreeMap<&'static str, String>, FixtureError> {
    const KEYS: [&str; 6] = ["title", "origin", "scenario", "metric", "site", "test"];
    let mut header = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let Some((key, value)) = line
            .strip_prefix("# ")
            .and_then(|line| line.split_once(": "))
        else {
            break;
        };
        let known = KEYS.into_iter().find(|known| *known == key);
        let unknown = || FixtureError::Key {
            path: path.to_owned(),
            line: index + 1,
            key: key.to_owned(),
        };
        header.insert(known.ok_or_else(unknown)?, value.trim().to_owned());
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Fixture, String> {
        Fixture::parse(Path::new("fixtures/leaks/x.patch"), text).map_err(|error| error.to_string())
    }

    const HEADER: &str =
        "# title: t\n# origin: o: p\n# scenario: open-close\n# metric: threads, heap.per_cycle\n";

    #[test]
    fn a_header_says_what_must_catch_the_leak() {
        let fixture = parse(&format!("{HEADER}\nwhy: it was so\ndiff --git a/x b/x\n")).unwrap();
        assert_eq!(
            (fixture.name.as_str(), fixture.origin.as_str()),
            ("x", "o: p")
        );
        let metrics = vec![Metric::Threads, Metric::HeapPerCycle];
        let gates = Gates {
            scenario: "open-close".into(),
            metrics,
            site: None,
        };
        assert_eq!(fixture.catcher, Catcher::Gates(gates));
    }

    #[test]
    fn a_bug_that_is_not_a_leak_names_its_test() {
        let fixture = parse("# title: t\n# origin: o\n# test: sessiond last_bytes\n").unwrap();
        let test = Catcher::Test {
            package: "sessiond".into(),
            test: "last_bytes".into(),
        };
        assert_eq!(fixture.catcher, test);
    }

    #[test]
    fn a_header_that_is_incomplete_or_wrong_is_refused() {
        assert!(
            parse("# title: t\n")
                .unwrap_err()
                .contains("no `# origin:`")
        );
        assert!(
            parse("# titel: t\n")
                .unwrap_err()
                .contains("x.patch:1: unknown header `titel`")
        );
        assert!(
            parse(&HEADER.replace("threads", "threds"))
                .unwrap_err()
                .contains("unknown metric `threds`")
        );
    }
}
