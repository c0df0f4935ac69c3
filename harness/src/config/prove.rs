//! `[prove]`: how known bugs are put into a copy of the source, and how the copy is built.

use std::collections::BTreeMap;

use crate::source::{Node, Problems, known_placeholders};
use crate::template;

/// What a project says of its proofs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prove {
    /// Program and arguments that put a bug into the directory that they run in; `{patch}` is the fixture's path. Without it,
    /// `git apply`.
    pub apply: Option<Vec<String>>,
    /// What the copy's builds and tests get beside leakgate's own environment: what makes them short.
    pub env: BTreeMap<String, String>,
}

/// Reads the table.
pub(super) fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Prove> {
    let table = node.table("a table with `apply` or `env`", problems)?;
    table.only(&["apply", "env"], "`prove`", problems);
    let apply = match table.get("apply") {
        Some(node) => Some(apply(&node, problems)?),
        None => None,
    };
    let mut env = BTreeMap::new();
    if let Some(node) = table.get("env") {
        for (_, name, node) in node.table("a table of variables", problems)?.entries() {
            let value = node.string("a string", problems)?;
            env.insert(name.to_owned(), value.to_owned());
        }
    }
    Some(Prove { apply, env })
}

fn apply(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let words = node.strings("a program and its arguments", problems)?;
    for word in &words {
        known_placeholders(node, &template::placeholders(word), &["patch"], problems);
    }
    if !words.iter().any(|word| word.contains("{patch}")) {
        problems.add(
            node.span.clone(),
            "the program is not told which patch".to_owned(),
            "expected `{patch}` in one of the words".to_owned(),
        );
        return None;
    }
    Some(words)
}
