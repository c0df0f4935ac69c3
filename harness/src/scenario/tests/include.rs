//! Files that include others.

use std::fs;

use super::*;

/// A directory with these files; the scenario is `it.toml`.
fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("its directory");
        fs::write(path, text).expect("a file");
    }
    root
}

fn read_in(root: &tempfile::TempDir) -> Result<Scenario, String> {
    let path = root.path().join("it.toml");
    find(&path.display().to_string(), Path::new("nowhere")).map_err(|error| {
        let text = error.to_string();
        text.replace(&root.path().display().to_string(), "ROOT")
    })
}

const INCLUDES: &str = r#"
question = "Does it leak?"
target = "sessiond"
include = ["common/all.toml"]
[cycles]
measure = 31
[vars]
own = "mine"
[[step]]
do = "use"
group = "visit"
with = { session = "s" }
[gates]
fds = 1
"#;
const ALL: &str = r#"
include = ["more.toml"]
[vars]
own = "theirs"
[group.visit]
takes = ["session"]
[[group.visit.step]]
do = "open"
session = "{session}"
command = ["{own}", "{more}"]
[[group.visit.step]]
do = "close"
session = "{session}"
[gates]
fds = 0
threads = 0
"#;

#[test]
fn gates_variables_and_groups_are_merged_and_the_file_itself_goes_first() {
    let more = "[vars]\nmore = \"again\"\n";
    let files = [
        ("it.toml", INCLUDES),
        ("common/all.toml", ALL),
        ("common/more.toml", more),
    ];
    let root = directory(&files);
    let scenario = read_in(&root).unwrap_or_else(|errors| panic!("{errors}"));
    let gates: Vec<(Metric, u64)> = scenario
        .gates
        .iter()
        .map(|gate| (gate.metric, gate.limit))
        .collect();
    assert_eq!(gates, [(Metric::Fds, 1), (Metric::Threads, 0)]);
    assert_eq!(
        scenario.steps[0].action.to_string(),
        "open s: mine again (24x80)"
    );
    let place = scenario.steps[0].place.to_string();
    assert!(
        place.starts_with("line 7 of ") && place.ends_with("common/all.toml"),
        "{place}"
    );
    // What is included is part of the question.
    fs::write(
        root.path().join("common/more.toml"),
        "[vars]\nmore = \"other\"\n",
    )
    .unwrap();
    assert_ne!(read_in(&root).unwrap().sha256, scenario.sha256);
}

#[test]
fn mistakes_in_an_included_file_are_shown_there() {
    let all = "[group.visit]\ntakes = [\"session\"]\n[[group.visit.step]]\ndo = \"opne\"\nsession = \"{session}\"\n[cycles]\nmeasure = 3\n";
    let root = directory(&[("it.toml", INCLUDES), ("common/all.toml", all)]);
    insta::assert_snapshot!(read_in(&root).unwrap_err());
}

#[test]
fn files_that_include_each_other_are_named() {
    let files = [
        ("it.toml", INCLUDES),
        ("common/all.toml", "include = [\"more.toml\"]\n"),
        ("common/more.toml", "include = [\"../common/all.toml\"]\n"),
    ];
    insta::assert_snapshot!(read_in(&directory(&files)).unwrap_err());
}

#[test]
fn a_file_that_is_not_there_and_one_that_may_not_be_are_named() {
    let wanted = INCLUDES.replace(
        "[\"common/all.toml\"]",
        "[\"absent.toml\", \"/etc/passwd\"]",
    );
    let root = directory(&[("it.toml", &wanted)]);
    insta::assert_snapshot!(read_in(&root).unwrap_err());
}

#[test]
fn a_file_that_is_too_large_is_refused_unread() {
    let root = directory(&[("it.toml", &"#".repeat((1 << 20) + 1))]);
    let error = find(
        &root.path().join("it.toml").display().to_string(),
        Path::new("nowhere"),
    );
    let LoadError::Read { source, .. } = error.unwrap_err() else {
        panic!("it was read");
    };
    assert_eq!(source.to_string(), "the file has more than 1048576 bytes");
}
