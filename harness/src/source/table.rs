//! Tables of a TOML file: keys that must be there, and keys that must not.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;

use super::{Node, Problems, closest, listed};

/// A table of the file.
#[derive(Clone, Debug)]
pub(crate) struct Table<'t> {
    pub(super) span: Range<usize>,
    pub(super) entries: &'t DeTable<'t>,
}

/// Reads a text as TOML. What is not TOML becomes problems; the rest is still there to be read.
pub(crate) fn document<'t>(text: &'t str, problems: &mut Problems) -> Spanned<DeTable<'t>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        problems.add(
            error.span().unwrap_or(0..0),
            "this is not TOML",
            error.message().replace('\n', ", "),
        );
    }
    table
}

impl<'t> Table<'t> {
    /// The table that is the whole file.
    pub(crate) fn root(document: &'t Spanned<DeTable<'t>>) -> Table<'t> {
        Table {
            span: 0..0,
            entries: document.get_ref(),
        }
    }

    /// Where its header or its braces stand.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The value of `key`.
    pub(crate) fn get(&self, key: &str) -> Option<Node<'t>> {
        self.entries.get(key).map(Node::new)
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
            .map(|(key, value)| (key.span(), key.get_ref().as_ref(), Node::new(value)))
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
