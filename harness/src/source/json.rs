//! Values of a TOML file as JSON, for what a target is sent.

use serde_json::{Map, Number, Value};
use toml::de::DeValue;

use super::{Node, Problems};

impl Node<'_> {
    /// The value as JSON; a number that JSON does not have (`nan`, `inf`, too large) is a problem. A date is its text.
    pub(crate) fn json(&self, problems: &mut Problems) -> Option<Value> {
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

fn json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(integer) => {
            let integer = i64::from_str_radix(integer.as_str(), integer.radix()).ok()?;
            Value::Number(integer.into())
        }
        DeValue::Float(float) => {
            let float: f64 = float.as_str().parse().ok()?;
            Value::Number(Number::from_f64(float)?)
        }
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(date) => Value::String(date.to_string()),
        DeValue::Array(elements) => {
            let elements = elements.iter().map(|element| json(element.get_ref()));
            Value::Array(elements.collect::<Option<_>>()?)
        }
        DeValue::Table(table) => {
            let members = table.iter().map(|(key, value)| {
                let key = key.get_ref().to_string();
                json(value.get_ref()).map(|value| (key, value))
            });
            Value::Object(members.collect::<Option<Map<_, _>>>()?)
        }
    })
}
