//! Values of a TOML file, read as what is expected of them; whatever does not fit becomes a problem at its place.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use super::value::{Placed, Value};
use super::{Problems, Table, closest, listed, parse_bytes};
use crate::units::Bytes;

/// A value of the file.
#[derive(Clone, Debug)]
pub(crate) struct Node<'t> {
    /// Where it stands, in bytes of the text.
    pub(crate) span: Range<usize>,
    value: &'t Value,
    filled: Filled,
}

/// Whether a string is as it is written, or what its placeholders made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filled {
    No,
    Yes,
}

impl<'t> Node<'t> {
    /// The value and its place.
    pub(super) fn new(placed: &'t Placed) -> Node<'t> {
        Node {
            span: placed.span.clone(),
            value: &placed.value,
            filled: Filled::No,
        }
    }

    /// The value itself.
    pub(super) fn value(&self) -> &'t Value {
        self.value
    }

    /// What `read` makes of the text that this node's placeholders stand for now; it may be a number without quotes.
    pub(crate) fn filled<T>(&self, text: String, read: impl FnOnce(&Node<'_>) -> T) -> T {
        let value = Value::Text(text);
        read(&Node {
            span: self.span.clone(),
            value: &value,
            filled: Filled::Yes,
        })
    }

    fn expected(&self, what: &str, problems: &mut Problems) {
        let found = self.value.kind();
        problems.add(
            self.span.clone(),
            format!("expected {what}, found {} {found}", article(found)),
            format!("expected {what}"),
        );
    }

    /// The integer, whatever its range; none for any other type. No problem is noted.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self.value {
            Value::Integer(integer) => *integer,
            Value::Text(text) if self.filled == Filled::Yes => text.parse().ok(),
            _ => None,
        }
    }

    /// The string; none for any other type. No problem is noted.
    pub(crate) fn as_str(&self) -> Option<&'t str> {
        match self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is a table. No problem is noted.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self.value, Value::Table(_))
    }

    /// A string.
    pub(crate) fn string(&self, what: &str, problems: &mut Problems) -> Option<&'t str> {
        let string = self.as_str();
        if string.is_none() {
            self.expected(what, problems);
        }
        string
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, problems: &mut Problems) -> Option<bool> {
        let flag = match self.value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        };
        if flag.is_none() {
            self.expected("`true` or `false`", problems);
        }
        flag
    }

    /// A table.
    pub(crate) fn table(&self, what: &str, problems: &mut Problems) -> Option<Table<'t>> {
        let table = match self.value {
            Value::Table(entries) => Some(Table::new(self.span.clone(), entries)),
            _ => None,
        };
        if table.is_none() {
            self.expected(what, problems);
        }
        table
    }

    /// An array.
    pub(crate) fn array(&self, what: &str, problems: &mut Problems) -> Option<Vec<Node<'t>>> {
        let array = match self.value {
            Value::Array(array) => Some(array.iter().map(Node::new).collect()),
            _ => None,
        };
        if array.is_none() {
            self.expected(what, problems);
        }
        array
    }

    /// An array of strings with at least one element.
    pub(crate) fn strings(&self, what: &str, problems: &mut Problems) -> Option<Vec<String>> {
        let nodes = self.array(what, problems)?;
        if nodes.is_empty() {
            problems.add(
                self.span.clone(),
                format!("expected {what}, found none"),
                "is empty",
            );
            return None;
        }
        nodes
            .iter()
            .map(|node| node.string("a string", problems).map(str::to_owned))
            .collect()
    }

    /// A whole number within `range`.
    pub(crate) fn count(
        &self,
        range: RangeInclusive<u32>,
        what: &str,
        problems: &mut Problems,
    ) -> Option<u32> {
        let bounds = format!("{what} from {} to {}", range.start(), range.end());
        let Some(integer) = self.integer() else {
            match self.as_str() {
                Some(text) => problems.add(
                    self.span.clone(),
                    format!("expected {what}, found \"{text}\""),
                    "a count has no unit and no quotes",
                ),
                None => self.expected(&bounds, problems),
            }
            return None;
        };
        let count = u32::try_from(integer)
            .ok()
            .filter(|count| range.contains(count));
        if count.is_none() {
            problems.add(
                self.span.clone(),
                format!("{integer} is out of range"),
                format!("expected {bounds}"),
            );
        }
        count
    }

    /// A size with its unit: `"10MiB"`.
    pub(crate) fn bytes(&self, problems: &mut Problems) -> Option<Bytes> {
        const WHAT: &str = "a size with its unit, such as \"10MiB\"";
        if let Some(integer) = self.integer() {
            problems.add(
                self.span.clone(),
                format!("{integer} has no unit"),
                format!("write \"{integer}B\" for bytes"),
            );
            return None;
        }
        let text = self.string(WHAT, problems)?;
        let bytes = parse_bytes(text);
        if bytes.is_none() {
            problems.add_with_help(
                self.span.clone(),
                format!("\"{text}\" is not a size"),
                format!("expected {WHAT}"),
                "units: B, kB, MB, GB (powers of 1000), KiB, MiB, GiB (powers of 1024)",
            );
        }
        bytes
    }

    /// A share: a number from 0 to 1.
    pub(crate) fn share(&self, problems: &mut Problems) -> Option<f64> {
        const WHAT: &str = "a share from 0.0 to 1.0";
        let whole = self.integer().and_then(|whole| i32::try_from(whole).ok());
        let float = match self.value {
            Value::Float(float) => Some(*float),
            _ => None,
        };
        let Some(share) = whole.map(f64::from).or(float) else {
            self.expected(WHAT, problems);
            return None;
        };
        if !(0.0..=1.0).contains(&share) {
            problems.add(
                self.span.clone(),
                format!("{share} is out of range"),
                format!("expected {WHAT}"),
            );
            return None;
        }
        Some(share)
    }

    /// A duration with its unit, not longer than `max`.
    pub(crate) fn duration(&self, max: Duration, problems: &mut Problems) -> Option<Duration> {
        const WHAT: &str = "a duration with its unit, such as \"200ms\" or \"3min\"";
        if let Some(integer) = self.integer() {
            problems.add(
                self.span.clone(),
                format!("{integer} has no unit"),
                format!("write \"{integer}s\" for seconds"),
            );
            return None;
        }
        let text = self.string(WHAT, problems)?;
        let Ok(duration) = humantime::parse_duration(text) else {
            problems.add(
                self.span.clone(),
                format!("\"{text}\" is not a duration"),
                format!("expected {WHAT}"),
            );
            return None;
        };
        if duration > max || duration.is_zero() {
            let max = humantime::format_duration(max);
            problems.add(
                self.span.clone(),
                format!("\"{text}\" is out of range"),
                format!("expected more than nothing and at most {max}"),
            );
            return None;
        }
        Some(duration)
    }

    /// One of a closed set of words.
    pub(crate) fn choice<T: Copy>(
        &self,
        what: &str,
        choices: &[(&str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        let words: Vec<&str> = choices.iter().map(|&(word, _)| word).collect();
        let written = self.string(&format!("one of {}", listed(&words)), problems)?;
        let found = choices.iter().find(|&&(word, _)| word == written);
        if found.is_none() {
            let label = closest(written, &words).map_or_else(
                || format!("unknown {what}"),
                |meant| format!("did you mean `{meant}`?"),
            );
            problems.add_with_help(
                self.span.clone(),
                format!("there is no {what} `{written}`"),
                label,
                format!("allowed: {}", listed(&words)),
            );
        }
        found.map(|&(_, choice)| choice)
    }
}

/// Whether all of `used`, the placeholders in the text at `node`, are among `allowed`; a problem for each that is not.
pub(crate) fn known_placeholders(
    node: &Node<'_>,
    used: &[&str],
    allowed: &[&str],
    problems: &mut Problems,
) -> bool {
    let mut known = true;
    for name in used.iter().filter(|name| !allowed.contains(name)) {
        let label = closest(name, allowed).map_or_else(
            || "unknown placeholder".to_owned(),
            |meant| format!("did you mean `{{{meant}}}`?"),
        );
        problems.add_with_help(
            node.span.clone(),
            format!("there is no `{{{name}}}` here"),
            label,
            format!(
                "allowed: {}; `{{{{{name}}}}}` is the text itself",
                listed(allowed)
            ),
        );
        known = false;
    }
    known
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'i', 'o']) {
        "an"
    } else {
        "a"
    }
}
