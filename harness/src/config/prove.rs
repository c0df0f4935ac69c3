//! `[prove]`: how known bugs are put into copies of the source, and how the copies are built.

use std::collections::BTreeMap;

use crate::source::{Node, Problems, known_placeholders};
use crate::template;

/// What a project says of its proofs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prove {
    /// Program and arguments that put a bug into the directory that they run in; `{patch}` is the fixture's path. Without it,
    /// `git apply`.
    pub apply: Option<Vec<String>>,
    /// What the copies' builds and tests get beside leakgate's own environment.
    pub env: BTreeMap<String, String>,
    /// Lines of Cargo's configuration (`.cargo/config.toml`) for the copies; without them, those that make a rebuild short.
    pub cargo: Option<Vec<String>>,
}

/// Reads the table.
pub(super) fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Prove> {
    let table = node.table("a table with `apply`, `env` or `cargo`", problems)?;
    table.only(&["apply", "env", "cargo"], "`prove`", problems);
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
    let cargo = match table.get("cargo") {
        Some(node) => Some(cargo(&node, problems)?),
        None => None,
    };
    Some(Prove { apply, env, cargo })
}

fn cargo(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let lines = node.strings("lines of Cargo's configuration", problems)?;
    if let Err(error) = lines.join("\n").parse::<toml::Table>() {
        problems.add(
            node.span.clone(),
            format!("this is no configuration of Cargo: {}", error.message()),
            "expected lines such as 'profile.release.opt-level = 1'".to_owned(),
        );
        return None;
    }
    Some(lines)
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
