//! Values of a TOML file as JSON, for what a target is sent.

use serde_json::{Map, Number, Value as Json};

use super::value::Value;
use super::{Node, Problems};

impl Node<'_> {
    /// The value as JSON; a number that JSON does not have (`nan`, `inf`, too large) is a problem. A date is its text.
    pub(crate) fn json(&self, problems: &mut Problems) -> Option<Json> {
        let json = json(self.value());
        if json.is_none() {
            problems.add(
                self.span.clone(),
                "this cannot be written as JSON",
                "JSON has neither `nan` nor `inf`, nor integers beyond 64 bits",
            );
        }
        json
    }
}

fn json(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Text(text) | Value::Time(text) => Json::String(text.clone()),
        Value::Integer(integer) => Json::Number((*integer)?.into()),
        Value::Float(float) => Json::Number(Number::from_f64(*float)?),
        Value::Flag(flag) => Json::Bool(*flag),
        Value::Array(elements) => {
            let elements = elements.iter().map(|element| json(&element.value));
            Json::Array(elements.collect::<Option<_>>()?)
        }
        Value::Table(entries) => {
            let members = entries
                .iter()
                .map(|(key, entry)| Some((key.clone(), json(&entry.value.value)?)));
            Json::Object(members.collect::<Option<Map<_, _>>>()?)
        }
    })
}
