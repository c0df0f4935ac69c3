//! The steps of a scenario, from TOML.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::model::{Step, When};
use crate::source::{Node, Problems, Table, closest, listed, parse_size};
use crate::template;
use crate::units::Bytes;

/// Placeholders that every scenario has: leakgate's own generator, and the number of the cycle.
pub(super) const BUILT_IN: [&str; 2] = ["emit", "cycle"];

/// How long a step may take when it does not say; far above what any takes on a busy machine.
const WITHIN_DEFAULT: Duration = Duration::from_secs(30);
/// A step that takes longer would hide a stuck target for the whole deadline.
pub(super) const WITHIN_MAX: Duration = Duration::from_secs(10 * 60);
/// More steps than this are a program, not a question.
const STEPS_MAX: usize = 256;

/// A step, and where its parts stand: problems that show only in the sequence point there.
#[derive(Debug)]
pub(super) struct Placed {
    /// The step.
    pub(super) step: Step,
    /// Its `session`, or its `do`.
    pub(super) session_span: Range<usize>,
    /// Its `client`, or its `do`.
    pub(super) client_span: Range<usize>,
    /// What chooses its cycles, or its `do`.
    pub(super) when_span: Range<usize>,
}

/// Each step's name and the keys that it takes beside those that every step takes.
const VOCABULARY: [(&str, &[&str]); 18] = [
    ("open", &["session", "command", "size", "scrollback"]),
    ("write", &["session", "text"]),
    ("resize", &["session", "size"]),
    ("wait_exit", &["session", "code"]),
    ("wait_output", &["session", "at_least"]),
    ("screen", &["session", "contains"]),
    ("close", &["session"]),
    ("connect", &["client", "count"]),
    ("attach", &["client", "session"]),
    ("detach", &["client", "session"]),
    ("disconnect", &["client", "how"]),
    ("send_raw", &["client", "declare", "send", "expect"]),
    ("send", &["client", "text", "bytes", "hex", "raw"]),
    (
        "expect",
        &[
            "client", "contains", "line", "at_least", "silence", "closed",
        ],
    ),
    (
        "call",
        &["client", "method", "params", "contains", "expect_error"],
    ),
    ("notify", &["client", "method", "params"]),
    (
        "request",
        &[
            "client", "method", "path", "headers", "body", "bytes", "chunked", "status",
            "contains", "at_least",
        ],
    ),
    ("idle", &["for"]),
];

/// Keys that every step takes.
const COMMON: [&str; 6] = ["do", "within", "every", "except_every", "only", "except"];

/// The steps of the scenario, in order; none when any of them is wrong.
pub(super) fn read(
    text: &str,
    root: &Table<'_>,
    vary: &BTreeMap<String, Vec<String>>,
    problems: &mut Problems,
) -> Option<Vec<Placed>> {
    let nodes = root
        .require("step", "a scenario", problems)?
        .array("steps, written as [[step]]", problems)?;
    if nodes.len() > STEPS_MAX {
        problems.add(
            nodes[STEPS_MAX].span.clone(),
            format!("a cycle has at most {STEPS_MAX} steps"),
            "one too many",
        );
        return None;
    }
    // Read them all before giving up on any, so that all problems show.
    let steps: Vec<Option<Placed>> = nodes
        .iter()
        .map(|node| {
            let table = node.table("a step", problems)?;
            let line = 1 + text[..node.span.start].matches('\n').count();
            let mut reader = Reader {
                table,
                vary,
                problems,
            };
            reader.step(line)
        })
        .collect();
    steps.into_iter().collect()
}

/// Reads one step.
pub(super) struct Reader<'t, 'p> {
    pub(super) table: Table<'t>,
    vary: &'p BTreeMap<String, Vec<String>>,
    pub(super) problems: &'p mut Problems,
}

impl<'t> Reader<'t, '_> {
    fn step(&mut self, line: usize) -> Option<Placed> {
        let node = self.require("do")?;
        let name = node.string("the name of a step", self.problems)?;
        let Some(&(_, keys)) = VOCABULARY.iter().find(|(known, _)| *known == name) else {
            self.unknown_step(&node, name);
            return None;
        };
        let allowed: Vec<&str> = keys.iter().chain(&COMMON).copied().collect();
        self.table
            .only(&allowed, &format!("step `{name}`"), self.problems);
        let action = self.action(name);
        let when = self.when();
        let within = match self.table.get("within") {
            Some(node) => node.duration(WITHIN_MAX, self.problems),
            None => Some(WITHIN_DEFAULT),
        };
        let span_of = |key: &str| self.table.get(key).map(|node| node.span);
        let action_span = node.span.clone();
        Some(Placed {
            session_span: span_of("session").unwrap_or_else(|| action_span.clone()),
            client_span: span_of("client").unwrap_or_else(|| action_span.clone()),
            when_span: ["every", "except_every", "only", "except"]
                .into_iter()
                .find_map(span_of)
                .unwrap_or(action_span),
            step: Step {
                line,
                when: when?,
                action: action?,
                within: within?,
            },
        })
    }

    fn unknown_step(&mut self, node: &Node<'_>, name: &str) {
        let names: Vec<&str> = VOCABULARY.iter().map(|(name, _)| *name).collect();
        let label = closest(name, &names).map_or_else(
            || "unknown step".to_owned(),
            |meant| format!("did you mean `{meant}`?"),
        );
        self.problems.add_with_help(
            node.span.clone(),
            format!("there is no step `{name}`"),
            label,
            format!("allowed: {}", listed(&names)),
        );
    }

    fn when(&mut self) -> Option<When> {
        const KEYS: [&str; 4] = ["every", "except_every", "only", "except"];
        let given: Vec<(&str, Node<'_>)> = KEYS
            .iter()
            .filter_map(|&key| Some((key, self.table.get(key)?)))
            .collect();
        if let [(first, _), (second, node), ..] = given.as_slice() {
            self.problems.add(
                node.span.clone(),
                format!("a step takes one of `{first}` and `{second}`"),
                "the second choice of cycles",
            );
            return None;
        }
        let Some((key, node)) = given.first() else {
            return Some(When::Always);
        };
        match *key {
            "every" => Some(When::Every(self.cycle(node)?)),
            "except_every" => Some(When::ExceptEvery(self.cycle(node)?)),
            listing => {
                let nodes = node.array("a list of measured cycles", self.problems)?;
                let cycles: Option<Vec<u32>> = nodes.iter().map(|node| self.cycle(node)).collect();
                let cycles = cycles?;
                Some(if listing == "only" {
                    When::Only(cycles)
                } else {
                    When::Except(cycles)
                })
            }
        }
    }

    fn cycle(&mut self, node: &Node<'_>) -> Option<u32> {
        node.count(1..=100_000, "a number of cycles", self.problems)
    }

    /// The value of a key that the step cannot do without.
    pub(super) fn require(&mut self, key: &str) -> Option<Node<'t>> {
        self.table.require(key, "this step", self.problems)
    }

    /// The name of a session or of clients: no placeholders, it is the same in every cycle.
    pub(super) fn name(&mut self, key: &str) -> Option<String> {
        let node = self.require(key)?;
        let name = node.string("a name", self.problems)?;
        let fits = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !fits {
            self.problems.add(
                node.span.clone(),
                format!("\"{name}\" cannot be a name"),
                "expected up to 64 letters, digits, `-` and `_`",
            );
        }
        fits.then(|| name.to_owned())
    }

    /// A text that may hold placeholders.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let node = self.require(key)?;
        let text = node.string("a text", self.problems)?;
        self.known_placeholders(&node, text)
            .then(|| text.to_owned())
    }

    /// A size of at most `max` bytes.
    pub(super) fn bytes(&mut self, key: &str, max: u64) -> Option<Bytes> {
        let node = self.require(key)?;
        let bytes = node.bytes(self.problems)?;
        if bytes.0 > max {
            self.problems.add(
                node.span.clone(),
                format!("{bytes} is out of range"),
                format!("expected at most {}", Bytes(max)),
            );
            return None;
        }
        Some(bytes)
    }

    /// Rows and columns of a terminal.
    pub(super) fn size(&mut self) -> Option<(u16, u16)> {
        let node = self.require("size")?;
        let text = node.string("rows and columns, such as \"24x80\"", self.problems)?;
        let size = parse_size(text);
        if size.is_none() {
            self.problems.add(
                node.span.clone(),
                format!("\"{text}\" is not a size of a terminal"),
                "expected rows and columns, such as \"24x80\", each from 1 to 1000",
            );
        }
        size
    }

    /// Whether every placeholder in `text`, which stands at `node`, is one of the scenario's.
    pub(super) fn known_placeholders(&mut self, node: &Node<'_>, text: &str) -> bool {
        let mut allowed: Vec<&str> = BUILT_IN.to_vec();
        allowed.extend(self.vary.keys().map(String::as_str));
        crate::source::known_placeholders(
            node,
            &template::placeholders(text),
            &allowed,
            self.problems,
        )
    }
}
