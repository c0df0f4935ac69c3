//! A fixture: a patch that puts a bug back, and in its header what must catch it.
//!
//! The header is the lines `# key: value` before the diff; text after it explains. A leak names the
//! scenario and the metrics that must turn red, and, when it is one of the heap, the function and the source file of the
//! site that must grow most:
//!
//! ```text
//! # title: A reader thread outlives its session
//! # origin: where the bug was met first
//! # scenario: open-close
//! # metric: threads, heap.per_cycle
//! # site: Session::new in daemon/src/session/mod.rs
//! ```
//!
//! A bug that is not a leak (a fix for one that went too far) names the test that must fail instead:
//!
//! ```text
//! # test: sessiond the_last_bytes_are_on_the_screen
//! ```

use std::collections::BTreeMap;
use std::fmt;
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
    /// The first line of the project's own that the site must show, for heap leaks.
    pub site: Option<Site>,
}

/// Where a leak of the heap allocates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// The function, or the end of its path.
    pub function: String,
    /// Its source file, or a directory above it.
    pub file: String,
}

impl Site {
    fn parse(text: &str) -> Option<Site> {
        let (function, file) = text.split_once(" in ")?;
        Some(Site {
            function: function.trim().to_owned(),
            file: file.trim().to_owned(),
        })
    }

    /// Whether `function` in `file` is it.
    pub(super) fn is(&self, function: &str, file: &str) -> bool {
        let whole = without_arguments(function).strip_suffix(self.function.as_str());
        whole.is_some_and(|before| before.is_empty() || before.ends_with("::"))
            && Path::new(file).starts_with(&self.file)
    }
}

/// `keep<Real>` without its type arguments: whether a build names them depends on how it is optimised.
fn without_arguments(function: &str) -> &str {
    let Some(inner) = function.strip_suffix('>') else {
        return function;
    };
    let mut open = 1_usize;
    for (index, character) in inner.char_indices().rev() {
        match character {
            // Of an arrow, `fn() -> T`, it closes nothing.
            '>' if !inner[..index].ends_with('-') => open += 1,
            '<' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return inner[..index].trim_end_matches("::");
        }
    }
    function
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.function, self.file)
    }
}

/// How a test is called where scenarios are called by their name.
pub(super) fn test_name(test: &str) -> String {
    format!("test {test}")
}

impl Catcher {
    /// The scenario, or `test NAME`.
    pub(super) fn name(&self) -> String {
        match self {
            Catcher::Gates(gates) => gates.scenario.clone(),
            Catcher::Test { test, .. } => test_name(test),
        }
    }
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
    #[error("{}: `{site}` is no site; allowed: FUNCTION in FILE", path.display())]
    Site { path: PathBuf, site: String },
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
                site: header
                    .remove("site")
                    .map(|text| site(path, text))
                    .transpose()?,
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

fn site(path: &Path, text: String) -> Result<Site, FixtureError> {
    Site::parse(&text).ok_or_else(|| FixtureError::Site {
        path: path.to_owned(),
        site: text,
    })
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
    fn a_site_is_a_function_by_the_end_of_its_path_in_a_file_or_below_a_directory() {
        let site = Site::parse("Core::bury in daemon/src/core").unwrap();
        assert!(site.is("sessiond::core::Core::bury", "daemon/src/core/life.rs"));
        assert!(!site.is("sessiond::core::OtherCore::bury", "daemon/src/core/life.rs"));
        let inlined = Site::parse("bury in daemon/src/core/life.rs").unwrap();
        for function in ["bury", "bury<Real>", "Core::bury::<Vec<u8>, fn() -> u8>"] {
            assert!(
                inlined.is(function, "daemon/src/core/life.rs"),
                "{function}"
            );
        }
        assert!(!inlined.is("rebury<Real>", "daemon/src/core/life.rs"));
        assert!(!inlined.is("<bury>", "daemon/src/core/life.rs"));
        assert!(!site.is("sessiond::core::Core::bury", "daemon/src/core2/life.rs"));
        let refused = parse(&format!("{HEADER}# site: daemon/src/core\n")).unwrap_err();
        assert!(refused.contains("allowed: FUNCTION in FILE"), "{refused}");
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
