//! What `{name}` stands for: fixed values, values that change from cycle to cycle, and random ones.

use std::collections::{BTreeMap, BTreeSet};

use super::model::At;
use super::random::{self, Random};
use crate::source::{Node, Problems, Table};
use crate::template::{self, Values};

/// Placeholders that every scenario has: leakgate's own generator, the number of the cycle, and the directories and
/// the free port of the target that runs.
pub(crate) const BUILT_IN: [&str; 7] = ["emit", "cycle", "run", "state", "tmp", "root", "port"];
/// More variables than this are a program, not a question.
const VARIABLES_MAX: usize = 64;
/// Values that one variable can have: each is tried before anything runs.
const VALUES_MAX: usize = 64;

/// Reads the value of one variable.
type ReadOne = fn(&Node<'_>, &mut Problems) -> Option<Variable>;

/// The variables of a scenario by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    known: BTreeMap<String, Variable>,
    /// Names whose values are wrong: using them is not another mistake. Empty once a scenario has been read.
    wrong: BTreeSet<String>,
}

/// What one name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// Always the same.
    Fixed(String),
    /// One after the other, from cycle to cycle: cycle n of a phase has the value n - 1, round robin.
    Vary(Vec<String>),
    /// Drawn in each cycle.
    Random(Random),
}

impl Variables {
    /// The variables by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Variable)> {
        self.known
            .iter()
            .map(|(name, variable)| (name.as_str(), variable))
    }

    /// What they stand for in one cycle.
    pub fn of(&self, scenario: &str, at: At, seed: u64) -> Values {
        self.values(at, |name, random| {
            random.draw(random::key(seed, scenario, name, at))
        })
    }

    /// The same, where `draw` decides what is random.
    pub(super) fn values(&self, at: At, mut draw: impl FnMut(&str, &Random) -> String) -> Values {
        let cycle = Values::new().text("cycle", at.cycle.to_string());
        let wrong = self.wrong.iter();
        let mut values = wrong.fold(cycle, |values, name| values.unknown(name));
        for (name, variable) in self.iter() {
            let text = match variable {
                Variable::Fixed(text) => text.clone(),
                Variable::Vary(texts) => texts[index(at, texts.len())].clone(),
                Variable::Random(random) => draw(name, random),
            };
            values = values.text(name, text);
        }
        values
    }

    /// What distinguishes one cycle from another: where each list stands.
    pub(super) fn position(&self, at: At) -> Vec<usize> {
        let lists = self.iter().filter_map(|(_, variable)| match variable {
            Variable::Vary(texts) => Some(index(at, texts.len())),
            Variable::Fixed(_) | Variable::Random(_) => None,
        });
        lists.collect()
    }

    /// Those that are drawn.
    pub(super) fn random(&self) -> impl Iterator<Item = (&str, &Random)> {
        self.iter().filter_map(|(name, variable)| match variable {
            Variable::Random(random) => Some((name, random)),
            Variable::Fixed(_) | Variable::Vary(_) => None,
        })
    }

    /// Reads `[vars]`, `[vary]` and `[random]` of one file; whatever is wrong is left out.
    pub(super) fn read(root: &Table<'_>, problems: &mut Problems) -> Variables {
        let mut read = Variables::default();
        let tables: [(&str, ReadOne); 3] = [("vars", fixed), ("vary", vary), ("random", random)];
        for (key, value) in tables {
            let Some(node) = root.get(key) else { continue };
            let Some(table) = node.table("a table of values by name", problems) else {
                continue;
            };
            for (span, name, node) in table.entries() {
                let taken = read.known.contains_key(name) || read.wrong.contains(name);
                if !can_be_placeholder(span.clone(), name, taken, problems) {
                    continue;
                }
                if read.known.len() == VARIABLES_MAX {
                    let message = format!("a file has at most {VARIABLES_MAX} variables");
                    problems.add(span, message, "one too many");
                    return read;
                }
                match value(&node, problems) {
                    Some(value) => drop(read.known.insert(name.to_owned(), value)),
                    None => drop(read.wrong.insert(name.to_owned())),
                }
            }
        }
        read
    }

    /// Takes over what an included file has; a name that is already there keeps its value.
    pub(super) fn include(&mut self, others: Variables) {
        for (name, variable) in others.known {
            self.known.entry(name).or_insert(variable);
        }
        self.wrong.extend(others.wrong);
    }
}

fn index(at: At, length: usize) -> usize {
    (at.cycle.max(1) as usize - 1) % length
}

/// Whether a new name can stand for something.
pub(super) fn can_be_placeholder(
    span: std::ops::Range<usize>,
    name: &str,
    taken: bool,
    problems: &mut Problems,
) -> bool {
    if taken || BUILT_IN.contains(&name) {
        let message = format!("`{{{name}}}` is already taken");
        problems.add(span, message, "choose another name");
        return false;
    }
    let fits = name.len() <= 64 && template::placeholders(&format!("{{{name}}}")) == [name];
    if !fits {
        problems.add(
            span,
            format!("`{name}` cannot be a placeholder"),
            "expected a letter, then letters, digits, `_` or `-`; at most 64",
        );
    }
    fits
}

/// A text or a whole number, without placeholders of its own.
fn value(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    if let Some(integer) = node.integer() {
        return Some(integer.to_string());
    }
    let text = node.string("a text or a whole number", problems)?;
    if let Some(name) = template::placeholders(text).first() {
        problems.add(
            node.span.clone(),
            format!("a value cannot refer to `{{{name}}}`"),
            "values hold no placeholders",
        );
        return None;
    }
    Some(text.to_owned())
}

fn fixed(node: &Node<'_>, problems: &mut Problems) -> Option<Variable> {
    value(node, problems).map(Variable::Fixed)
}

fn vary(node: &Node<'_>, problems: &mut Problems) -> Option<Variable> {
    values(node, problems).map(Variable::Vary)
}

fn values(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    const WHAT: &str = "a list of values";
    let nodes = node.array(WHAT, problems)?;
    if nodes.is_empty() || nodes.len() > VALUES_MAX {
        problems.add(
            node.span.clone(),
            format!("expected {WHAT}, found {}", nodes.len()),
            format!("expected from 1 to {VALUES_MAX}"),
        );
        return None;
    }
    let values: Vec<Option<String>> = nodes.iter().map(|node| value(node, problems)).collect();
    values.into_iter().collect()
}

/// `{ bytes = [..] }`, `{ integer = [..] }`, `{ duration = [..] }` or `{ choice = [..] }`.
fn random(node: &Node<'_>, problems: &mut Problems) -> Option<Variable> {
    const KINDS: [&str; 4] = ["bytes", "integer", "duration", "choice"];
    let table = node.table("one of { bytes = [\"1KiB\", \"1MiB\"] }, { integer = [1, 20] }, { duration = [\"1ms\", \"1s\"] } and { choice = [\"a\", \"b\"] }", problems)?;
    table.only(&KINDS, "a random variable", problems);
    let given: Vec<(&str, Node<'_>)> = KINDS
        .iter()
        .filter_map(|&kind| Some((kind, table.get(kind)?)))
        .collect();
    let [(kind, range)] = given.as_slice() else {
        problems.add(
            node.span.clone(),
            "a random variable takes one of `bytes`, `integer`, `duration` and `choice`",
            format!("there are {}", given.len()),
        );
        return None;
    };
    let random = match *kind {
        "choice" => Random::Choice(values(range, problems)?),
        "integer" => {
            let count = |node: &Node<'_>, problems: &mut Problems| {
                node.count(0..=u32::MAX, "a whole number", problems)
            };
            let (from, to) = ends(range, count, problems)?;
            Random::Integer(from, to)
        }
        "bytes" => {
            let bytes = |node: &Node<'_>, problems: &mut Problems| node.bytes(problems);
            let (from, to) = ends(range, bytes, problems)?;
            Random::Bytes(from, to)
        }
        _ => {
            let duration = |node: &Node<'_>, problems: &mut Problems| {
                let duration = node.duration(super::vocabulary::BLOCK_WITHIN_MAX, problems)?;
                Some(
                    u64::try_from(duration.as_millis())
                        .unwrap_or(u64::MAX)
                        .max(1),
                )
            };
            let (from, to) = ends(range, duration, problems)?;
            Random::Duration(from, to)
        }
    };
    Some(Variable::Random(random))
}

/// The two ends of a range, in order.
fn ends<T: PartialOrd>(
    node: &Node<'_>,
    read: impl Fn(&Node<'_>, &mut Problems) -> Option<T>,
    problems: &mut Problems,
) -> Option<(T, T)> {
    let nodes = node.array("the least and the most", problems)?;
    let [least, most] = nodes.as_slice() else {
        problems.add(
            node.span.clone(),
            format!("expected the least and the most, found {}", nodes.len()),
            "expected two values",
        );
        return None;
    };
    let (from, to) = (read(least, problems), read(most, problems));
    let (from, to) = (from?, to?);
    if from > to {
        problems.add(
            node.span.clone(),
            "the least is above the most",
            "write the smaller one first",
        );
        return None;
    }
    Some((from, to))
}
