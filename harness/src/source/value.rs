//! What a TOML file says, apart from the text that it was read from.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// The entries of a table by key.
pub(crate) type Entries = BTreeMap<String, Entry>;

/// One entry of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Where its key stands, in bytes of the text.
    pub(super) key: Range<usize>,
    pub(super) value: Placed,
}

/// A value and where it stands, in bytes of the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placed {
    pub(super) span: Range<usize>,
    pub(super) value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A string, escapes resolved.
    Text(String),
    /// An integer; none where it does not fit 64 bits.
    Integer(Option<i64>),
    /// `true` or `false`.
    Flag(bool),
    /// A number with a fraction.
    Float(f64),
    /// A date or a time, as it is written.
    Time(String),
    /// An array.
    Array(Vec<Placed>),
    /// A table.
    Table(Entries),
}

impl Value {
    /// What TOML calls it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "string",
            Value::Integer(_) => "integer",
            Value::Flag(_) => "boolean",
            Value::Float(_) => "float",
            Value::Time(_) => "datetime",
            Value::Array(_) => "array",
            Value::Table(_) => "table",
        }
    }
}

/// The entries of a parsed table; the parser bounds how deep it is.
pub(super) fn entries(table: &DeTable<'_>) -> Entries {
    let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        let key: &toml::Spanned<toml::de::DeString<'_>> = key;
        let entry = Entry {
            key: key.span(),
            value: placed(value),
        };
        (key.get_ref().as_ref().to_owned(), entry)
    };
    table.iter().map(entry).collect()
}

fn placed(value: &toml::Spanned<DeValue<'_>>) -> Placed {
    Placed {
        span: value.span(),
        value: match value.get_ref() {
            DeValue::String(text) => Value::Text(text.as_ref().to_owned()),
            DeValue::Integer(integer) => {
                Value::Integer(i64::from_str_radix(integer.as_str(), integer.radix()).ok())
            }
            DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Datetime(time) => Value::Time(time.to_string()),
            DeValue::Array(array) => Value::Array(array.iter().map(placed).collect()),
            DeValue::Table(table) => Value::Table(entries(table)),
        },
    }
}
