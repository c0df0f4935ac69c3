//! The store of runs: added by hand and by `run`, shown, exported.

use serde_json::Value;

use crate::bench::{DIRECTORIES, OPEN_CLOSE, Workspace};

fn said(workspace: &Workspace, arguments: &[&str]) -> (i32, String, String) {
    let output = workspace
        .leakgate(arguments)
        .output()
        .expect("leakgate runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn runs_are_kept_shown_and_exported() {
    let workspace = Workspace::new(DIRECTORIES, OPEN_CLOSE);
    let (code, _, stderr) = said(&workspace, &["trend", "show"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("reports/trend.jsonl"), "{stderr}");
    let (code, _, stderr) = workspace.run(&["--trend"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("added to "), "{stderr}");
    workspace.run(&[]);
    let (code, _, stderr) = said(&workspace, &["trend", "add", "reports/latest"]);
    assert_eq!(code, 0, "{stderr}");
    let (_, _, stderr) = said(&workspace, &["trend", "add", "reports/latest"]);
    assert!(stderr.contains("already"), "{stderr}");

    let show = ["trend", "show", "it", "--page", "trend.html"];
    let (code, stdout, stderr) = said(&workspace, &show);
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stdout.contains("it  2 runs") && stdout.contains("2 runs, 0 steps"),
        "{stdout}"
    );
    let page = std::fs::read_to_string(workspace.path().join("trend.html")).expect("the page");
    assert!(page.starts_with("<!DOCTYPE html>"));
    let (_, stdout, _) = said(&workspace, &["trend", "show", "--json"]);
    let shown: Value = serde_json::from_str(&stdout).expect("JSON");
    let points = shown["scenarios"][0]["points"].as_array().map(Vec::len);
    assert_eq!(points, Some(2), "{shown}");
    let (_, stdout, _) = said(&workspace, &["trend", "export"]);
    let exported: Value = serde_json::from_str(&stdout).expect("JSON");
    assert!(exported["it"]["fds"]["value"].is_number(), "{exported}");
    let (code, _, stderr) = said(&workspace, &["trend", "show", "absent"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("no run of scenario `absent`"), "{stderr}");
}
