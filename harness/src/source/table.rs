//! Tables of a TOML file: keys that must be there, and keys that must not.

use std::ops::Range;

use super::value::Entries;
use super::{Node, Problems, closest, listed};

/// A table of the file.
#[derive(Clone, Debug)]
pub(crate) struct Table<'t> {
    span: Range<usize>,
    entries: &'t Entries,
}

impl<'t> Table<'t> {
    /// The table with these entries, whose header or braces stand at `span`.
    pub(super) fn new(span: Range<usize>, entries: &'t Entries) -> Table<'t> {
        Table { span, entries }
    }

    /// Where its header or its braces stand.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The value of `key`.
    pub(crate) fn get(&self, key: &str) -> Option<Node<'t>> {
        self.entries.get(key).map(|entry| Node::new(&entry.value))
    }

    /// The value of `key`; a problem when there is none. `what` says what the table is: "a scenario".
    pub(crate) fn require(
        &self,
        key: &str,
        what: &str,
        problems: &mut Problems,
    ) -> Option<Node<'t>> {
        let found = self.get(key);
        if found.is_none() {
            problems.add(
                self.span(),
                format!("{what} needs `{key}`"),
                format!("`{key}` is missing"),
            );
        }
        found
    }

    /// Its keys, with their places and values.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Range<usize>, &'t str, Node<'t>)> {
        self.entries
            .iter()
            .map(|(key, entry)| (entry.key.clone(), key.as_str(), Node::new(&entry.value)))
    }

    /// A problem for each key that is not `allowed`. `what` says what the table is: "a scenario".
    pub(crate) fn only(&self, allowed: &[&str], what: &str, problems: &mut Problems) {
        for (span, key, _) in self.entries() {
            if allowed.contains(&key) {
                continue;
            }
            let label = closest(key, allowed).map_or_else(
                || "unknown key".to_owned(),
                |meant| format!("did you mean `{meant}`?"),
            );
            problems.add_with_help(
                span,
                format!("{what} has no `{key}`"),
                label,
                format!("allowed: {}", listed(allowed)),
            );
        }
    }
}
