//! The committed schemas are current, and an editor that applies them says what the parser says.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::scenario::vocabulary::{
    BRANCH, COMMON, EXPECT_ERROR, Field, Need, Reply, VOCABULARY, Word,
};

/// The nearest directory above that holds `name`: the workspace's root.
fn root(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find(|directory| directory.join(name).exists())
        .expect("the workspace")
        .to_owned()
}

fn from_toml(text: &str) -> Value {
    toml::from_str(text).expect("TOML")
}

fn accepts(schema: &Value, text: &str) -> Result<(), String> {
    let validator = jsonschema::draft202012::new(schema).expect("the schema is a schema");
    let errors: Vec<String> = validator
        .iter_errors(&from_toml(text))
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(errors.join("\n")),
    }
}

/// `UPDATE_SCHEMAS=1 cargo test -p leakgate` writes them anew.
#[test]
fn the_committed_schemas_are_current() {
    let schemas = [
        ("run", run()),
        ("events", events()),
        ("repeat", repeat()),
        ("proof", proof()),
        ("selftest", selftest()),
        ("bisect", bisect()),
        ("compare", compare()),
        ("trend-run", trend_run()),
        ("trend", trend()),
        ("coverage", coverage()),
        ("scenario", scenario()),
        ("config", config()),
    ];
    for (name, schema) in schemas {
        let path = root("docs/schema").join(format!("docs/schema/{name}.schema.json"));
        let text = format!("{schema:#}\n");
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(committed, text, "{name}");
    }
}

/// The vocabulary as a table of Markdown.
fn table_of_steps() -> String {
    let mut lines = vec![
        "| step | field | holds | when absent |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    let row = |field: &Field| {
        let absent = match field.need {
            Need::Required => "required",
            Need::Default(absent) => absent,
        };
        format!("| | `{}` | {} | {absent} |", field.name, field.says)
    };
    for word in VOCABULARY {
        lines.push(format!("| **`{}`** | | {} | |", word.name, word.says));
        lines.extend(word.fields.iter().map(row));
        if word.name == "parallel" {
            lines.push("| its branches | | | |".to_owned());
            lines.extend(BRANCH.iter().map(row));
        }
    }
    let refused = VOCABULARY.iter().filter(|word| word.reply == Reply::Yes);
    let refused: Vec<String> = refused.map(|word| format!("`{}`", word.name)).collect();
    lines.push(format!(
        "| {} | | what can be refused | |",
        refused.join(", ")
    ));
    lines.push(row(&EXPECT_ERROR));
    lines.push("| every step | | | |".to_owned());
    lines.extend(COMMON.iter().map(row));
    lines.join("\n")
}

#[test]
fn the_documented_table_of_steps_is_current() {
    let path = root("docs/schema").join("docs/scenarios.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text
        .split_once("<!-- begin -->\n")
        .expect("where it begins");
    let (_, after) = rest.split_once("<!-- end -->").expect("where it ends");
    let current = format!(
        "{before}<!-- begin -->\n{}\n<!-- end -->{after}",
        table_of_steps()
    );
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &current).unwrap();
    } else {
        assert_eq!(text, current);
    }
}

#[test]
fn the_schemas_name_the_closed_verdicts() {
    let text = run().to_string();
    for verdict in ["withdrawn", "known", "not_judged", "unsupported"] {
        assert!(text.contains(&format!("\"{verdict}\"")), "{verdict}");
    }
    assert!(events().to_string().contains("\"scenario_finished\""));
}

#[test]
fn what_is_committed_is_accepted() {
    let root = root("leakgate.toml");
    let text = std::fs::read_to_string(root.join("leakgate.toml")).unwrap();
    assert_eq!(accepts(&config(), &text), Ok(()), "leakgate.toml");
    let mut scenarios = 0;
    for entry in std::fs::read_dir(root.join("scenarios")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(accepts(&scenario(), &text), Ok(()), "{}", path.display());
            scenarios += 1;
        }
    }
    assert!(scenarios >= 4);
}

#[test]
fn what_the_parser_takes_the_schema_takes() {
    let text = crate::scenario::tests::everything();
    assert_eq!(accepts(&scenario(), &text), Ok(()));
    for word in VOCABULARY {
        let written = format!("do = \"{}\"", word.name);
        assert!(text.contains(&written), "the tests have no step {written}");
    }
}

#[test]
fn what_the_parser_refuses_at_a_glance_the_schema_refuses() {
    let schema = scenario();
    for wrong in crate::scenario::tests::WRONG
        .iter()
        .filter(|wrong| wrong.shape)
    {
        assert!(accepts(&schema, &wrong.text()).is_err(), "{}", wrong.name);
    }
}

#[test]
fn a_step_is_refused_without_what_it_needs_and_with_what_it_has_not() {
    let schema = scenario();
    let all = from_toml(&crate::scenario::tests::everything());
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let steps = all["step"].as_array().unwrap();
    for (index, step) in steps.iter().enumerate() {
        let word = Word::of(step["do"].as_str().unwrap()).unwrap();
        let needed = word
            .fields
            .iter()
            .filter(|field| field.need == Need::Required);
        for field in needed {
            let mut without = all.clone();
            without["step"][index]
                .as_object_mut()
                .unwrap()
                .remove(field.name);
            assert!(
                !validator.is_valid(&without),
                "{} without {}",
                word.name,
                field.name
            );
        }
        let mut with = all.clone();
        with["step"][index]["colour"] = Value::from("red");
        assert!(!validator.is_valid(&with), "{} with a colour", word.name);
    }
}

#[test]
fn wrong_targets_are_refused() {
    let right = "[target.d]\ndriver = \"exec\"\ncommand = [\"d\"]\nready = { command = [\"true\"] }\nsteps = { open = [\"x\"] }\n";
    assert_eq!(accepts(&config(), right), Ok(()));
    let changes = [
        ("\"exec\"", "\"sesiond\""),
        ("\"exec\"", "\"sessiond\""),
        ("command = [\"d\"]", "command = []"),
        ("command = [\"d\"]", "comand = [\"d\"]"),
        ("{ command = [\"true\"] }", "{}"),
        ("{ open = [\"x\"] }", "{ opne = [\"x\"] }"),
        ("steps = { open = [\"x\"] }\n", ""),
        ("[target.d]", "[targets.d]"),
    ];
    for (from, to) in changes {
        assert!(right.contains(from), "{from}");
        assert!(
            accepts(&config(), &right.replacen(from, to, 1)).is_err(),
            "{to}"
        );
    }
}
