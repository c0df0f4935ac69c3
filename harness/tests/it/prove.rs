//! Known bugs put back: what catches them, and what is said of those that nothing catches.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::bench::{DIRECTORIES, OPEN_CLOSE, Workspace};

/// What `open-close` catches: the target's sessions leave their directories.
const STAYS: &str = r#"# title: A session's directory stays
# origin: this test
# scenario: it
# metric: disk

diff --git a/leakgate.toml b/leakgate.toml
--- a/leakgate.toml
+++ b/leakgate.toml
@@ -7,4 +7,4 @@
 stop    = { signal = "TERM", within = "5s" }
 [target.dirs.steps]
 open  = ["mkdir", "{tmp}/{session}"]
-close = ["rmdir", "{tmp}/{session}"]
+close = ["true"]
"#;

/// A repository with the target of the directories and these fixtures.
fn project(fixtures: &[(&str, &str)]) -> Workspace {
    let workspace = Workspace::new(DIRECTORIES, OPEN_CLOSE);
    let git = |arguments: &[&str]| {
        let status = Command::new("git")
            .current_dir(workspace.path())
            .args(arguments)
            .status();
        assert!(status.expect("git runs").success());
    };
    git(&["init", "-q"]);
    fs::write(
        workspace.path().join(".gitignore"),
        "/target\n/tmp\n/reports\n",
    )
    .expect(".gitignore");
    let directory = workspace.path().join("fixtures/leaks");
    fs::create_dir_all(&directory).expect("fixtures/leaks");
    for (name, patch) in fixtures {
        fs::write(directory.join(format!("{name}.patch")), patch).expect("a fixture");
    }
    workspace
}

fn prove(workspace: &Workspace, arguments: &[&str]) -> (i32, String) {
    let mut command = workspace.leakgate(&[&["prove"], arguments].concat());
    let output = command.output().expect("leakgate runs");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap_or(-1), stdout)
}

fn proof(workspace: &Workspace) -> Value {
    let path = workspace.path().join("reports/prove/latest/proof.json");
    serde_json::from_slice(&fs::read(path).expect("proof.json")).expect("JSON")
}

#[test]
fn other_tools_look_at_the_same_bug() {
    let workspace = project(&[("directory-stays", STAYS)]);
    let (code, stdout) = prove(&workspace, &["--tools", "rss-15mb"]);
    assert_eq!(code, 0, "{stdout}");
    let proof = proof(&workspace);
    let said = &proof["fixtures"][0]["trials"][0]["tools"];
    assert_eq!(said.as_array().map(Vec::len), Some(1), "{proof}");
    assert_eq!(said[0]["tool"], "resident");
    assert_eq!(said[0]["found"], false, "a directory is no memory: {said}");
    assert!(stdout.contains("found: disk  - (0 B)"), "{stdout}");
}

#[test]
fn a_bug_is_caught_where_its_header_says_and_the_clean_tree_is_quiet() {
    let workspace = project(&[("directory-stays", STAYS)]);
    let before = fs::read_to_string(workspace.path().join("leakgate.toml")).expect("leakgate.toml");
    let (code, stdout) = prove(&workspace, &["--times", "2", "--all-scenarios"]);
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.contains("disk on it, 2 of 2"), "{stdout}");
    assert!(stdout.contains("1 of 1 as expected"), "{stdout}");
    let proof = proof(&workspace);
    assert_eq!(proof["clean"][0]["answer"], "quiet");
    let fixture = &proof["fixtures"][0];
    assert_eq!(fixture["outcome"], "caught");
    assert_eq!(fixture["trials"].as_array().map(Vec::len), Some(2));
    assert_eq!(fixture["trials"][0]["red"], serde_json::json!(["disk"]));
    let reports = workspace.path().join("reports/prove/latest");
    let evidence = fixture["trials"][1]["evidence"].as_str().expect("evidence");
    assert!(reports.join(evidence).join("events.jsonl").is_file());
    let page = fs::read_to_string(reports.join("proof.html")).expect("proof.html");
    assert!(page.contains("directory-stays") && page.contains("disk"));
    let table = fs::read_to_string(reports.join("proof.md")).expect("proof.md");
    assert!(
        table.contains("| directory-stays: A session's directory stays | 2 of 2 |"),
        "{table}"
    );
    let after = fs::read_to_string(workspace.path().join("leakgate.toml")).expect("leakgate.toml");
    assert_eq!(before, after, "the source itself is never patched");
    workspace.assert_nothing_left();
}

#[test]
fn what_is_not_caught_or_no_longer_applies_is_said_and_does_not_stop_the_others() {
    let elsewhere = STAYS.replace("# metric: disk", "# metric: threads");
    let stale = STAYS.replace("-close = [\"rmdir\"", "-close = [\"unlink\"");
    let harmless = STAYS.replace(
        "+close = [\"true\"]",
        "+close = [\"rm\", \"-r\", \"{tmp}/{session}\"]",
    );
    let workspace = project(&[
        ("a-wrong-metric", &elsewhere),
        ("b-stale", &stale),
        ("c-harmless", &harmless),
        ("d-right", STAYS),
    ]);
    let (code, stdout) = prove(&workspace, &[]);
    assert_eq!(
        code, 2,
        "a fixture that does not apply is to be repaired: {stdout}"
    );
    assert!(stdout.contains("threads is not red; red: disk"), "{stdout}");
    assert!(
        stdout.contains("git apply --3way fixtures/leaks/b-stale.patch"),
        "{stdout}"
    );
    assert!(stdout.contains("disk is not red; red: nothing"), "{stdout}");
    let proof = proof(&workspace);
    let outcomes = [0, 1, 2, 3].map(|index| proof["fixtures"][index]["outcome"].clone());
    assert_eq!(
        outcomes,
        ["not_caught", "does_not_apply", "not_caught", "caught"]
    );
    let (code, stdout) = prove(&workspace, &["--check", "--shard", "2/2"]);
    assert_eq!(code, 2, "{stdout}");
    assert!(
        stdout.contains("b-stale") && stdout.contains("d-right"),
        "{stdout}"
    );
    assert!(!stdout.contains("a-wrong-metric"), "{stdout}");
    let (code, _) = prove(&workspace, &["--check", "d-right"]);
    assert_eq!(code, 0);
}

#[test]
fn a_catcher_that_is_red_without_the_bug_proves_nothing() {
    let workspace = project(&[("directory-stays", STAYS)]);
    let leaky = DIRECTORIES.replace(
        r#"["rmdir", "{tmp}/{session}"]"#,
        r#"["test", "-d", "{tmp}/{session}"]"#,
    );
    fs::write(workspace.path().join("leakgate.toml"), leaky).expect("leakgate.toml");
    let fixture = workspace
        .path()
        .join("fixtures/leaks/directory-stays.patch");
    let patch = STAYS.replace(
        r#"["rmdir", "{tmp}/{session}"]"#,
        r#"["test", "-d", "{tmp}/{session}"]"#,
    );
    fs::write(fixture, patch).expect("a fixture");
    let (code, stdout) = prove(&workspace, &[]);
    assert_eq!(code, 1, "{stdout}");
    assert!(
        stdout.contains("without a bug, it is not quiet: red: disk"),
        "{stdout}"
    );
}
