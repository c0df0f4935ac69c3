//! The schema of a scenario's file, made from the vocabulary that its parser reads.

use serde_json::{Map, Value, json};

use super::pieces::{
    bytes, choice, count, described, document, duration, integer, table, terminal_size, text, words,
};
use crate::scenario::parse::{CYCLES_KEYS, KEYS};
use crate::scenario::vocabulary::{BRANCH, Field, Kind, Need, VOCABULARY, Word};
use crate::scenario::{Metric, MetricUnit, Suite, gates};

/// The schema of a scenario's file.
pub(super) fn schema() -> Value {
    let properties = KEYS.map(|key| (key.to_owned(), property(key)));
    let mut body = table(
        properties.into_iter().collect(),
        &["question", "target", "cycles", "step"],
    );
    if let Some(body) = body.as_object_mut() {
        // The gates may stand in a file that is included.
        let either = json!([{ "required": ["gates"] }, { "required": ["include"] }]);
        body.insert("anyOf".to_owned(), either);
        body.insert(
            "$defs".to_owned(),
            json!({ "step": step(), "steps": steps(), "branch": fields(&BRANCH) }),
        );
    }
    document("a leakgate scenario", body)
}

fn property(key: &str) -> Value {
    let value = json!({ "type": ["string", "integer"] });
    let named = |values: Value| json!({ "type": "object", "additionalProperties": values });
    match key {
        "question" => described(text(), "the one sentence that the verdict answers"),
        "target" => described(text(), "a target of leakgate.toml"),
        "suite" => json!({ "enum": Suite::CHOICES.map(|(name, _)| name) }),
        "deadline" => described(duration(), "the longest that the scenario may take"),
        "include" => described(
            json!({ "type": "array", "items": { "type": "string", "pattern": r"\.toml$" } }),
            "files relative to this one, for their gates, variables and groups",
        ),
        "cycles" => cycles(),
        "vars" => described(named(value), "values that are always the same"),
        "vary" => described(
            named(json!({ "type": "array", "items": value, "minItems": 1, "maxItems": 64 })),
            "values that change from cycle to cycle",
        ),
        "random" => described(named(random()), "values that are drawn in each cycle"),
        "group" => named(json!({
            "type": "object",
            "properties": {
                "takes": { "type": "array", "items": { "type": "string" } },
                "step": { "$ref": "#/$defs/steps" },
            },
            "required": ["step"],
            "additionalProperties": false,
        })),
        "step" => json!({ "$ref": "#/$defs/steps" }),
        "gates" => gates(),
        other => unreachable!("`{other}` is no key of a scenario"),
    }
}

fn cycles() -> Value {
    let cycle_count = || integer(1, 100_000);
    let property = |key: &str| match key {
        "warmup" => json!({ "anyOf": [{ "const": "auto" }, integer(0, 100_000)] }),
        "cycle_within" => duration(),
        _ => cycle_count(),
    };
    let properties = CYCLES_KEYS.map(|key| (key.to_owned(), property(key)));
    table(properties.into_iter().collect(), &["measure"])
}

fn random() -> Value {
    let pair =
        |ends: Value| json!({ "type": "array", "items": ends, "minItems": 2, "maxItems": 2 });
    let one =
        |key: &str, value: Value| table([(key.to_owned(), value)].into_iter().collect(), &[key]);
    let values =
        json!({ "type": "array", "items": { "type": ["string", "integer"] }, "minItems": 1 });
    json!({ "oneOf": [
        one("bytes", pair(bytes())),
        one("integer", pair(integer(0, u32::MAX))),
        one("duration", pair(duration())),
        one("choice", values),
    ]})
}

/// What `[gates]` may hold: a metric by its name, or a table of those that share its first part.
fn gates() -> Value {
    let mut properties: Map<String, Value> = Map::new();
    for metric in Metric::ALL {
        let key = metric.name().split('.').next().unwrap_or_default();
        let members = gates::members(key);
        let limits = members
            .iter()
            .map(|(member, metric)| ((*member).to_owned(), limit(metric.unit())));
        let group = table(limits.collect(), &[]);
        let value = match (Metric::from_name(key), members.len()) {
            (Some(alone), 1) => limit(alone.unit()),
            (Some(alone), _) => json!({ "anyOf": [limit(alone.unit()), group] }),
            (None, _) => group,
        };
        properties.insert(key.to_owned(), value);
    }
    json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "minProperties": 1,
    })
}

fn limit(unit: MetricUnit) -> Value {
    match unit {
        MetricUnit::Bytes | MetricUnit::BytesPerCycle => bytes(),
        MetricUnit::BytesPerSecond => json!({ "type": "string", "pattern": "B/s$" }),
        MetricUnit::Milliseconds => duration(),
        MetricUnit::Percent => json!({ "type": "string", "pattern": "%$" }),
        MetricUnit::Count => integer(0, u32::MAX),
    }
}

fn steps() -> Value {
    json!({ "type": "array", "items": { "$ref": "#/$defs/step" }, "maxItems": 256 })
}

/// A step: its `do` decides what else it takes.
fn step() -> Value {
    let names = VOCABULARY.map(|word| word.name);
    let each: Vec<Value> = VOCABULARY
        .iter()
        .map(|word| {
            json!({
                "if": { "properties": { "do": { "const": word.name } }, "required": ["do"] },
                "then": described(fields_of(word), word.says),
            })
        })
        .collect();
    json!({
        "type": "object",
        "properties": { "do": { "enum": names } },
        "required": ["do"],
        "allOf": each,
    })
}

fn fields_of(word: &Word) -> Value {
    let mut schema = fields(&word.all_fields());
    schema["properties"]["do"] = json!({ "const": word.name });
    schema
}

fn fields(fields: &[Field]) -> Value {
    let properties = fields.iter().map(|field| {
        let says = match field.need {
            Need::Required => field.says.to_owned(),
            Need::Default(absent) => format!("{} (absent: {absent})", field.says),
        };
        (field.name.to_owned(), described(kind(field), &says))
    });
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| field.need == Need::Required)
        .map(|field| field.name)
        .collect();
    table(properties.collect(), &required)
}

fn kind(field: &Field) -> Value {
    let code = || ("error".to_owned(), text());
    match field.kind {
        Kind::Name | Kind::Text => text(),
        Kind::Placeholder | Kind::Group => {
            json!({ "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*$" })
        }
        Kind::Words => words(),
        Kind::TerminalSize => terminal_size(),
        Kind::Bytes(_) => bytes(),
        Kind::Count(from, to) => match field.name {
            "every" | "except_every" => integer(from, to),
            _ => count(from, to),
        },
        Kind::Duration(_) => duration(),
        Kind::Choice(choices) => choice(choices),
        Kind::Scrollback => {
            let properties = [
                ("lines".to_owned(), count(0, u32::MAX)),
                ("bytes".to_owned(), bytes()),
            ];
            table(properties.into_iter().collect(), &["lines", "bytes"])
        }
        Kind::Answer => {
            let then = ("then".to_owned(), json!({ "enum": ["open", "closed"] }));
            let answer = table([code(), then].into_iter().collect(), &["error"]);
            json!({ "anyOf": [{ "const": "silence" }, answer] })
        }
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Code => json!({ "type": "integer" }),
        Kind::Headers => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        Kind::Params => json!({ "type": ["object", "array"] }),
        Kind::Cycles => json!({
            "type": "array",
            "items": { "type": "integer", "minimum": 1, "maximum": 100_000 },
        }),
        Kind::Arguments => json!({
            "type": "object",
            "additionalProperties": { "type": ["string", "integer"] },
        }),
        Kind::Steps => json!({ "$ref": "#/$defs/steps" }),
        Kind::Branches => json!({ "type": "array", "items": { "$ref": "#/$defs/branch" } }),
    }
}
