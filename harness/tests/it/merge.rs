//! Several runs as one.

use std::fs;

use crate::bench::{DIRECTORIES, OPEN_CLOSE, Workspace};

/// The directory of the last run.
fn last(workspace: &Workspace) -> String {
    let latest = fs::read_link(workspace.path().join("reports/latest"));
    format!("reports/{}", latest.expect("a run").display())
}

#[test]
fn parts_of_a_suite_become_one_report_with_one_verdict() {
    let leaky = DIRECTORIES.replace(r#"["rmdir", "{tmp}/{session}"]"#, r#"["true"]"#);
    let leaky = leaky.replace("target.dirs", "target.leaky");
    let workspace = Workspace::new(&format!("{DIRECTORIES}{leaky}"), OPEN_CLOSE);
    let leaks = OPEN_CLOSE.replace("\"dirs\"", "\"leaky\"");
    fs::write(workspace.path().join("scenarios/leaks.toml"), leaks).expect("written");
    workspace.leakgate(&["run", "it"]).assert().code(0);
    let first = last(&workspace);
    workspace.leakgate(&["run", "leaks"]).assert().code(1);
    let second = last(&workspace);
    workspace
        .leakgate(&["merge", &first, &second])
        .assert()
        .code(1);
    let whole = workspace.report();
    assert_eq!(whole["verdict"], "leak");
    let scenarios = whole["scenarios"].as_array().expect("scenarios");
    let verdicts: Vec<_> = scenarios
        .iter()
        .map(|s| s["verdict"].as_str().expect("a verdict"))
        .collect();
    assert_eq!(verdicts, ["pass", "leak"]);
    let directory = workspace.path().join("reports/latest");
    assert!(directory.join("report.html").is_file());
    assert!(directory.join("target/leaks.log").is_file());
    // What was merged can be judged again like any run, and not merged with a part of itself.
    workspace
        .leakgate(&["judge", "reports/latest"])
        .assert()
        .code(1);
    let output = workspace
        .leakgate(&["merge", &last(&workspace), &first])
        .output();
    let output = output.expect("leakgate runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("scenario `it` is in "), "{stderr}");
}
