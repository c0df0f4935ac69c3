//! Leaks that are listed as known, and the same run again and again.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::bench::{DIRECTORIES, OPEN_CLOSE, Workspace, gate};

/// A target that leaves a directory per cycle.
fn leaky() -> Workspace {
    let leaky = DIRECTORIES.replace(r#"["rmdir", "{tmp}/{session}"]"#, r#"["true"]"#);
    Workspace::new(&leaky, OPEN_CLOSE)
}

fn list(workspace: &Workspace, budget: u32, expires: &str) {
    let ledger = format!(
        "[[known]]\nscenario = \"it\"\nmetric = \"disk\"\nbudget = \"{budget}\"\nowner = \"ada\"\n\
         expires = \"{expires}\"\nreason = \"directories stay\"\n"
    );
    fs::write(workspace.path().join("known-leaks.toml"), ledger).expect("known-leaks.toml");
}

#[test]
fn a_known_leak_passes_until_it_is_worse_or_its_day_has_passed() {
    let workspace = leaky();
    list(&workspace, 100, "2999-12-31");
    let (code, stdout, stderr) = workspace.run(&[]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert_eq!(workspace.report()["verdict"], "known");
    assert_eq!(gate(&workspace.report(), "disk")["owner"], "ada");
    list(&workspace, 1, "2999-12-31");
    let (code, stdout, _) = workspace.run(&[]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("worse than the known leak"), "{stdout}");
    list(&workspace, 100, "2020-01-01");
    let (code, stdout, _) = workspace.run(&[]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("expired on 2020-01-01"), "{stdout}");
}

#[test]
fn what_is_wrong_in_the_ledger_is_shown_at_its_line() {
    let workspace = leaky();
    list(&workspace, 1, "2027-02-30");
    let (code, _, stderr) = workspace.run(&[]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("known-leaks.toml:6"), "{stderr}");
    assert!(stderr.contains("YYYY-MM-DD"), "{stderr}");
    let ledger = fs::read_to_string(workspace.path().join("known-leaks.toml")).expect("ledger");
    let elsewhere = ledger
        .replace("\"it\"", "\"that\"")
        .replace("02-30", "02-28");
    fs::write(workspace.path().join("known-leaks.toml"), elsewhere).expect("ledger");
    let (code, _, stderr) = workspace.run(&[]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("that"), "{stderr}");
}

/// The directory of the only repeated runs.
fn repeated(workspace: &Workspace) -> PathBuf {
    let entries = fs::read_dir(workspace.path().join("reports")).expect("reports/");
    let found = entries.flatten().map(|entry| entry.path());
    let mut found = found.filter(|path| path.join("plan.json").is_file());
    found.next().expect("repeated runs")
}

fn resume(workspace: &Workspace) -> (i32, String) {
    let directory = repeated(workspace).display().to_string();
    let mut command = workspace.leakgate(&["run", "--resume", &directory]);
    let output = command.output().expect("leakgate runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), stderr)
}

#[test]
fn repeated_runs_are_counted_and_go_on_where_they_stopped() {
    let workspace = Workspace::new(DIRECTORIES, OPEN_CLOSE);
    let (code, stdout, stderr) = workspace.run(&["--repeat", "3"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("0 of 3 (0.0 to 70.8 %)"), "{stdout}");
    // The last run as if it had been cut off while it was written down.
    let log = repeated(&workspace).join("repeat.jsonl");
    let lines = fs::read_to_string(&log).expect("repeat.jsonl");
    fs::write(&log, &lines[..lines.len() - 10]).expect("repeat.jsonl");
    let (code, stderr) = resume(&workspace);
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains("run 3 of 3") && !stderr.contains("run 2 of 3"),
        "{stderr}"
    );
    let report = fs::read(repeated(&workspace).join("repeat.json")).expect("repeat.json");
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    assert_eq!(report["leak"]["of"], 3);
    assert_eq!(report["verdict"], "pass");
}

#[test]
fn evidence_about_one_scenario_is_not_added_to_that_about_another() {
    let workspace = Workspace::new(DIRECTORIES, OPEN_CLOSE);
    workspace.run(&["--repeat", "1"]);
    let changed = OPEN_CLOSE.replace("measure = 5", "measure = 6");
    fs::write(workspace.path().join("scenarios/it.toml"), changed).expect("it.toml");
    let (code, stderr) = resume(&workspace);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("changed since they began: it"), "{stderr}");
}
