//! The self-test against sessiond itself: what it sees, and what turns it red.

use std::path::Path;

use serde_json::Value;

use crate::bench::Workspace;
use crate::sessiond_target::targets;

const SCENARIO: &str = r#"
question = "Is what is seeded seen?"
target   = "sessiond"
[cycles]
warmup  = 3
measure = 20
[[step]]
do = "open"
session = "s"
command = ["cat"]
[[step]]
do = "close"
session = "s"
[gates]
heap = { per_cycle = "0B" }
gauges = 0
"#;

/// Exit code, standard output, standard error.
fn selftest(workspace: &Workspace, arguments: &[&str]) -> (i32, String, String) {
    let output = workspace
        .leakgate(&[&["selftest", "it", "--runs", "1"], arguments].concat())
        .output()
        .expect("leakgate runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The directory of the only self-test in the workspace.
fn directory(workspace: &Workspace) -> std::path::PathBuf {
    let tests = std::fs::read_dir(workspace.path().join("reports/selftest"));
    let mut tests = tests.expect("there is one").flatten();
    tests.next().expect("there is one").path()
}

fn summary(directory: &Path) -> Value {
    let text = std::fs::read_to_string(directory.join("selftest.json"));
    serde_json::from_str(&text.expect("it was written")).expect("it is JSON")
}

#[test]
fn a_leak_that_is_watched_is_caught_and_the_test_goes_on_where_it_was() {
    let workspace = Workspace::new(&targets(), SCENARIO);
    let (code, stdout, stderr) = selftest(&workspace, &["--seed", "heap"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("caught 1 of 1"), "{stdout}");
    assert!(stdout.contains("quiet 1 of 1"), "{stdout}");
    let directory = directory(&workspace);
    assert!(directory.join("selftest.md").is_file());
    let resume = ["--resume", directory.to_str().expect("UTF-8")];
    let (code, stdout, stderr) = selftest(
        &workspace,
        &[&["--seed", "heap", "blocks"], &resume[..]].concat(),
    );
    assert_eq!(code, 0, "{stdout}{stderr}");
    // Only the one that was not there yet was run.
    assert!(stderr.contains("[1/1] blocks, "), "{stderr}");
    let summary = summary(&directory);
    assert_eq!(summary["result"], "pass");
    assert_eq!(summary["false_alarms"]["of"], 1);
    assert_eq!(summary["kinds"][1]["right"]["count"], 1);
    workspace.assert_nothing_left();
}

#[test]
fn a_leak_that_no_gate_watches_turns_the_self_test_red() {
    let workspace = Workspace::new(&targets(), SCENARIO);
    let (code, stdout, stderr) = selftest(&workspace, &["--seed", "fd"]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert!(
        stdout.contains("fd, 1 per cycle: caught in 0 of 1 runs"),
        "{stdout}"
    );
    let directory = directory(&workspace);
    let kept = std::fs::read_dir(directory.join("runs")).expect("a directory");
    let kept: Vec<_> = kept.flatten().map(|run| run.path()).collect();
    assert!(
        kept.iter().any(|run| run.join("events.jsonl").is_file()),
        "the recording of what was missed is kept: {kept:?}"
    );
    workspace.assert_nothing_left();
}

#[test]
fn a_figure_that_nobody_can_reach_turns_the_self_test_red() {
    let declared = format!("{}\n[target.sessiond.selftest]\nheap = \"0B\"\n", targets());
    let workspace = Workspace::new(&declared, SCENARIO);
    let (code, stdout, stderr) = selftest(&workspace, &["--seed", "heap"]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert!(
        stdout.contains("1 B is the least that there is"),
        "{stdout}"
    );
}

#[test]
fn a_target_without_a_probe_is_told_so() {
    let workspace = Workspace::new(crate::bench::DIRECTORIES, crate::bench::OPEN_CLOSE);
    let (code, stdout, stderr) = selftest(&workspace, &[]);
    assert_eq!(code, 2, "{stdout}{stderr}");
    assert!(stderr.contains("has no probe"), "{stderr}");
}
