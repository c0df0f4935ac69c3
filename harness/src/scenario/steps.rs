//! One step from TOML, with the values of one cycle in the place of its placeholders.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::part::When;
use super::vocabulary::{COMMON, EXPECT_ERROR, Field, Kind, WHEN, Word};
use crate::source::{Node, Problems, Table, closest, known_placeholders, listed, parse_size};
use crate::template::{self, Values};
use crate::units::Bytes;

/// How long a step may take when it does not say; far above what any takes on a busy machine.
pub(super) const WITHIN_DEFAULT: Duration = Duration::from_secs(30);
/// Cycles that one step can name one by one.
const LISTED_CYCLES_MAX: usize = 1_000;

/// Reads the fields of one step or branch.
pub(super) struct Reader<'t, 'p> {
    pub(super) table: Table<'t>,
    fields: Vec<Field>,
    scope: &'p Values,
    pub(super) problems: &'p mut Problems,
}

impl<'t, 'p> Reader<'t, 'p> {
    /// For a step; none when there is no such step.
    pub(super) fn of_step(
        table: Table<'t>,
        scope: &'p Values,
        problems: &'p mut Problems,
    ) -> Option<(&'static Word, Reader<'t, 'p>)> {
        let node = table.require("do", "this step", problems)?;
        let name = node.string("the name of a step", problems)?;
        let Some(word) = Word::of(name) else {
            unknown_step(&node, name, problems);
            return None;
        };
        let fields = word.all_fields();
        let allowed: Vec<&str> = ["do"]
            .into_iter()
            .chain(fields.iter().map(|field| field.name))
            .collect();
        table.only(&allowed, &format!("step `{name}`"), problems);
        let reader = Reader {
            table,
            fields,
            scope,
            problems,
        };
        Some((word, reader))
    }

    /// For a table that holds these fields.
    pub(super) fn of_fields(
        table: Table<'t>,
        fields: &[Field],
        scope: &'p Values,
        problems: &'p mut Problems,
    ) -> Reader<'t, 'p> {
        Reader {
            table,
            fields: fields.to_vec(),
            scope,
            problems,
        }
    }

    /// What the vocabulary says of a field of this step.
    fn kind(&self, key: &str) -> Kind {
        let field = self.fields.iter().find(|field| field.name == key);
        field
            .expect("a step is asked only for fields of its vocabulary")
            .kind
    }

    /// What placeholders stand for here.
    pub(super) fn scope(&self) -> &'p Values {
        self.scope
    }

    /// Whether the field is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// The value of a key that the step cannot do without.
    pub(super) fn require(&mut self, key: &str) -> Option<Node<'t>> {
        self.table.require(key, "this step", self.problems)
    }

    /// What `read` makes of a value, with its placeholders filled in.
    pub(super) fn fill<T>(
        &mut self,
        node: &Node<'_>,
        read: impl FnOnce(&Node<'_>, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        let Some(text) = node.as_str().filter(|text| text.contains('{')) else {
            return read(node, self.problems);
        };
        if !self.known_placeholders(node, text) || self.scope.leave_open(text) {
            return None;
        }
        let before = self.problems.count();
        let filled = template::expand(text, self.scope);
        let scope = self.scope;
        let value = node.filled(filled, |node| read(node, self.problems));
        self.problems.explain(before, || stands_for(text, scope));
        value
    }

    /// Whether every placeholder in `text`, which stands at `node`, stands for something here.
    pub(super) fn known_placeholders(&mut self, node: &Node<'_>, text: &str) -> bool {
        let allowed: Vec<&str> = self.scope.names().collect();
        known_placeholders(node, &template::placeholders(text), &allowed, self.problems)
    }

    /// The name of a session, of clients or of a branch.
    pub(super) fn name(&mut self, key: &str) -> Option<String> {
        let node = self.require(key)?;
        self.fill(&node, |node, problems| {
            let name = node.string("a name", problems)?;
            let fits = (1..=64).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            if !fits {
                problems.add(
                    node.span.clone(),
                    format!("\"{name}\" cannot be a name"),
                    "expected up to 64 letters, digits, `-` and `_`",
                );
            }
            fits.then(|| name.to_owned())
        })
    }

    /// A text.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let node = self.require(key)?;
        self.text_at(&node)
    }

    /// The text at a node.
    pub(super) fn text_at(&mut self, node: &Node<'_>) -> Option<String> {
        self.fill(node, |node, problems| {
            node.string("a text", problems).map(str::to_owned)
        })
    }

    /// A text that need not be there.
    pub(super) fn text_if_any(&mut self, key: &str) -> Option<Option<String>> {
        match self.table.get(key) {
            Some(node) => self.text_at(&node).map(Some),
            None => Some(None),
        }
    }

    /// A program and its arguments.
    pub(super) fn words(&mut self, key: &str) -> Option<Vec<String>> {
        let node = self.require(key)?;
        let words = node.strings("a program and its arguments", self.problems)?;
        let mut known = true;
        for node in node.array("words", self.problems)? {
            known &= self.known_placeholders(&node, node.as_str().unwrap_or_default());
        }
        known.then(|| template::expand_all(&words, self.scope))
    }

    /// A size.
    pub(super) fn bytes(&mut self, key: &str) -> Option<Bytes> {
        let node = self.require(key)?;
        let Kind::Bytes(max) = self.kind(key) else {
            unreachable!("`{key}` is a size in the vocabulary");
        };
        self.fill(&node, |node, problems| {
            let bytes = node.bytes(problems)?;
            if bytes.0 > max {
                problems.add(
                    node.span.clone(),
                    format!("{bytes} is out of range"),
                    format!("expected at most {}", Bytes(max)),
                );
                return None;
            }
            Some(bytes)
        })
    }

    /// A whole number; `default` where the field need not be there.
    pub(super) fn count(&mut self, key: &str, what: &str, default: Option<u32>) -> Option<u32> {
        if let (Some(default), false) = (default, self.has(key)) {
            return Some(default);
        }
        let node = self.require(key)?;
        let Kind::Count(from, to) = self.kind(key) else {
            unreachable!("`{key}` is a number in the vocabulary");
        };
        self.fill(&node, |node, problems| {
            node.count(RangeInclusive::new(from, to), what, problems)
        })
    }

    /// A duration.
    pub(super) fn duration(&mut self, key: &str) -> Option<Duration> {
        let node = self.require(key)?;
        let Kind::Duration(max) = self.kind(key) else {
            unreachable!("`{key}` is a duration in the vocabulary");
        };
        self.fill(&node, |node, problems| node.duration(max, problems))
    }

    /// One of a closed set of words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &str,
        what: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let node = self.require(key)?;
        self.fill(&node, |node, problems| node.choice(what, choices, problems))
    }

    /// Rows and columns of a terminal.
    pub(super) fn size(&mut self) -> Option<(u16, u16)> {
        let node = self.require("size")?;
        self.fill(&node, |node, problems| {
            let text = node.string("rows and columns, such as \"24x80\"", problems)?;
            let size = parse_size(text);
            if size.is_none() {
                problems.add(
                    node.span.clone(),
                    format!("\"{text}\" is not a size of a terminal"),
                    "expected rows and columns, such as \"24x80\", each from 1 to 1000",
                );
            }
            size
        })
    }

    /// How long the step may take; none where it does not say.
    pub(super) fn within(&mut self) -> Option<Option<Duration>> {
        if self.has("within") {
            self.duration("within").map(Some)
        } else {
            Some(None)
        }
    }

    /// The error that must be the answer.
    pub(super) fn expect_error(&mut self) -> Option<Option<String>> {
        // `call` has its own, a number.
        let takes = self
            .fields
            .iter()
            .any(|field| field.name == EXPECT_ERROR.name && matches!(field.kind, Kind::Text));
        if takes {
            self.text_if_any(EXPECT_ERROR.name)
        } else {
            Some(None)
        }
    }

    /// Which cycles the step takes part in, and where that is written.
    pub(super) fn when(&mut self) -> Option<When> {
        let given: Vec<(&str, Node<'_>)> = WHEN
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
                if nodes.len() > LISTED_CYCLES_MAX {
                    let message = format!("a step names at most {LISTED_CYCLES_MAX} cycles");
                    self.problems.add(node.span.clone(), message, "too many");
                    return None;
                }
                let cycles: Option<Vec<u32>> = nodes.iter().map(|node| self.cycle(node)).collect();
                let mut cycles = cycles?;
                cycles.sort_unstable();
                Some(if listing == "only" {
                    When::Only(cycles)
                } else {
                    When::Except(cycles)
                })
            }
        }
    }

    fn cycle(&mut self, node: &Node<'_>) -> Option<u32> {
        let Kind::Count(from, to) = COMMON[1].kind else {
            unreachable!("`every` is a number in the vocabulary");
        };
        node.count(
            RangeInclusive::new(from, to),
            "a number of cycles",
            self.problems,
        )
    }
}

fn unknown_step(node: &Node<'_>, name: &str, problems: &mut Problems) {
    let names: Vec<&str> = super::vocabulary::VOCABULARY
        .iter()
        .map(|word| word.name)
        .collect();
    let label = closest(name, &names).map_or_else(
        || "unknown step".to_owned(),
        |meant| format!("did you mean `{meant}`?"),
    );
    problems.add_with_help(
        node.span.clone(),
        format!("there is no step `{name}`"),
        label,
        format!("allowed: {}", listed(&names)),
    );
}

/// What the placeholders of a text stand for, for messages.
fn stands_for(text: &str, scope: &Values) -> String {
    let names = template::placeholders(text);
    let each = names.iter().map(|name| {
        format!(
            "{{{name}}} is \"{}\"",
            template::expand(&format!("{{{name}}}"), scope)
        )
    });
    format!("here {}", each.collect::<Vec<_>>().join(" and "))
}
