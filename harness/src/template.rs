//! Texts with `{name}` placeholders: checked when they are read, expanded when they are used.
//!
//! A placeholder is `{`, a name of letters, digits, `_` and `-` that starts with a letter, and `}`; every other
//! brace is itself, so JSON needs no escaping. `{{name}}` stands for a literal `{name}`.

use std::collections::BTreeMap;

/// What placeholders stand for.
#[derive(Clone, Debug, Default)]
pub struct Values(BTreeMap<String, Value>);

#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Words(Vec<String>),
    /// Something that is not known, because what was written for it is wrong.
    Unknown,
}

impl Values {
    /// None yet.
    pub fn new() -> Values {
        Values::default()
    }

    /// The names that stand for something.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether `{name}` stands for something.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// These, and those of `others` beside them; where both have a name, the other's.
    #[must_use]
    pub fn and(mut self, others: &Values) -> Values {
        let others = others.0.iter();
        self.0
            .extend(others.map(|(name, value)| (name.clone(), value.clone())));
        self
    }

    /// `{name}` may be used, but what it stands for is not known: a text that holds it stays as it is written.
    #[must_use]
    pub fn unknown(mut self, name: &str) -> Values {
        self.0.insert(name.to_owned(), Value::Unknown);
        self
    }

    /// Whether `text` holds a placeholder whose value is not known.
    pub fn leave_open(&self, text: &str) -> bool {
        let mut names = placeholders(text).into_iter();
        names.any(|name| matches!(self.0.get(name), Some(Value::Unknown)))
    }

    /// `{name}` stands for `text`.
    #[must_use]
    pub fn text(mut self, name: &str, text: impl Into<String>) -> Values {
        self.0.insert(name.to_owned(), Value::Text(text.into()));
        self
    }

    /// An element that is exactly `{name}` stands for all of `words`; inside a longer text they are joined by blanks.
    #[must_use]
    pub fn words(mut self, name: &str, words: &[String]) -> Values {
        self.0.insert(name.to_owned(), Value::Words(words.to_vec()));
        self
    }
}

/// A piece of a template.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Literal(&'t str),
    Placeholder(&'t str),
}

/// Cuts a text into literals and placeholders.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut literal_from = 0;
    let mut at = 0;
    while let Some(brace) = text[at..].find('{').map(|offset| at + offset) {
        match name_at(&text[brace..]) {
            Some((name, escaped)) => {
                let length = name.len() + if escaped { 4 } else { 2 };
                if literal_from < brace {
                    found.push(Piece::Literal(&text[literal_from..brace]));
                }
                found.push(if escaped {
                    Piece::Literal(&text[brace + 1..brace + length - 1])
                } else {
                    Piece::Placeholder(name)
                });
                at = brace + length;
                literal_from = at;
            }
            None => at = brace + 1,
        }
    }
    if literal_from < text.len() {
        found.push(Piece::Literal(&text[literal_from..]));
    }
    found
}

/// The name in `{name}` or `{{name}}` at the start of `text`, and whether the braces were doubled.
fn name_at(text: &str) -> Option<(&str, bool)> {
    let escaped = text.starts_with("{{");
    let inner = &text[if escaped { 2 } else { 1 }..];
    let end = inner.find('}')?;
    let name = &inner[..end];
    let well_formed = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let closed = !escaped || inner[end..].starts_with("}}");
    (well_formed && closed).then_some((name, escaped))
}

/// The names of the placeholders in a text, in order.
pub fn placeholders(text: &str) -> Vec<&str> {
    pieces(text)
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Placeholder(name) => Some(name),
            Piece::Literal(_) => None,
        })
        .collect()
}

/// A text with its placeholders replaced. One without a value stays as it is written; whoever read the text has
/// made sure that there is none.
pub fn expand(text: &str, values: &Values) -> String {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Literal(literal) => literal.to_owned(),
            Piece::Placeholder(name) => match values.0.get(name) {
                Some(Value::Text(value)) => value.clone(),
                Some(Value::Words(words)) => words.join(" "),
                Some(Value::Unknown) | None => format!("{{{name}}}"),
            },
        })
        .collect()
}

/// An argument vector with its placeholders replaced; an element that is exactly one placeholder for several words
/// becomes that many elements.
pub fn expand_all(words: &[String], values: &Values) -> Vec<String> {
    let mut expanded = Vec::with_capacity(words.len());
    for word in words {
        match pieces(word).as_slice() {
            [Piece::Placeholder(name)] if matches!(values.0.get(*name), Some(Value::Words(_))) => {
                if let Some(Value::Words(several)) = values.0.get(*name) {
                    expanded.extend(several.iter().cloned());
                }
            }
            _ => expanded.push(expand(word, values)),
        }
    }
    expanded
}

/// An argument vector as one line that a POSIX shell splits into the same vector again.
pub fn shell_line(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
    quoted.join(" ")
}

fn shell_word(word: &str) -> String {
    let plain = !word.is_empty()
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b));
    if plain {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn only_names_in_braces_are_placeholders() {
        assert_eq!(placeholders("a {b} {c-d}{e_1}"), ["b", "c-d", "e_1"]);
        assert_eq!(
            placeholders(r#"{"json": {"x": 1}} {} {1} { a }"#),
            [""; 0],
            "other braces are themselves"
        );
    }

    #[test]
    fn doubled_braces_are_literal() {
        let values = Values::new().text("pane_dead", "no");
        assert_eq!(expand("#{{pane_dead}}", &values), "#{pane_dead}");
        assert_eq!(expand("{pane_dead}", &values), "no");
    }

    #[test]
    fn a_whole_element_expands_to_several_words() {
        let emit = words(&["/bin/leakgate", "emit"]);
        let values = Values::new().words("emit", &emit).text("n", "5");
        assert_eq!(
            expand_all(&words(&["{emit}", "--bytes", "{n}MiB"]), &values),
            ["/bin/leakgate", "emit", "--bytes", "5MiB"]
        );
        assert_eq!(
            expand("sh -c '{emit}'", &values),
            "sh -c '/bin/leakgate emit'"
        );
    }

    #[test]
    fn a_placeholder_without_a_value_stays() {
        assert_eq!(expand("{x} é {", &Values::new()), "{x} é {");
    }

    #[test]
    fn a_shell_line_quotes_what_a_shell_would_split_or_expand() {
        assert_eq!(
            shell_line(&words(&["printf", "a b", "it's", "$HOME", ""])),
            r#"printf 'a b' 'it'\''s' '$HOME' ''"#
        );
    }
}
