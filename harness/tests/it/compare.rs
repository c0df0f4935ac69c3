//! Two binaries by turns: the same one twice is the same, and one that holds more is worse.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::bench::{DIRECTORIES, OPEN_CLOSE, Workspace};

/// Few cycles: twelve runs of them take some seconds.
fn workspace() -> Workspace {
    let scenario = OPEN_CLOSE.replace("warmup  = 2", "warmup = 1");
    Workspace::new(DIRECTORIES, &scenario.replace("measure = 5", "measure = 4"))
}

/// A program that is the shell, with two descriptors more.
fn with_descriptors(workspace: &Workspace) -> String {
    let path = workspace.path().join("head.sh");
    let script = "#!/bin/sh\nexec 8</dev/null 9</dev/null\nexec /bin/sh \"$@\"\n";
    fs::write(&path, script).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    path.display().to_string()
}

/// Exit code, standard output with single blanks, standard error.
fn compare(workspace: &Workspace, arguments: &[&str]) -> (i32, String, String) {
    let mut command = workspace.leakgate(&[&["compare", "it"], arguments].concat());
    let output = command.output().expect("leakgate runs");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    (
        output.status.code().unwrap_or(-1),
        stdout.split_whitespace().collect::<Vec<_>>().join(" "),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn result(workspace: &Workspace) -> Value {
    let path = workspace.path().join("reports/compare/latest/compare.json");
    serde_json::from_slice(&fs::read(path).expect("compare.json")).expect("JSON")
}

fn figure<'r>(result: &'r Value, name: &str) -> &'r Value {
    let figures = result["scenarios"][0]["figures"].as_array();
    let mut figures = figures.expect("figures").iter();
    figures
        .find(|figure| figure["figure"] == name)
        .unwrap_or_else(|| panic!("no figure {name}"))
}

#[test]
fn the_same_binary_twice_shows_no_difference() {
    let workspace = workspace();
    // Resident memory of a shell that becomes `sleep` is a matter of a few pages in a megabyte.
    let same = ["--base", "/bin/sh", "--head", "/bin/sh", "--margin", "20"];
    let (code, stdout, stderr) = compare(&workspace, &same);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("NO DIFFERENCE 1 scenario, "), "{stdout}");
    assert!(
        stdout.contains("base and head are the same file"),
        "{stdout}"
    );
    let result = result(&workspace);
    assert_eq!(result["outcome"], "same");
    assert_eq!(result["runs"], 6);
    assert_eq!(figure(&result, "fds")["difference"], 0.0);
    let runs = ["base", "head"].map(|side| result["scenarios"][0][side].as_array().map(Vec::len));
    assert_eq!(runs, [Some(6), Some(6)]);
    let first = result["scenarios"][0]["base"][0]["run_id"].as_str();
    let directory = workspace.path().join("reports/compare/latest/base");
    assert!(
        directory
            .join(first.expect("a run"))
            .join("run.json")
            .is_file()
    );
    workspace.assert_nothing_left();
}

#[test]
fn a_binary_that_holds_more_is_worse_and_the_other_way_round_better() {
    let workspace = workspace();
    let head = with_descriptors(&workspace);
    let (code, stdout, stderr) = compare(&workspace, &["--base", "/bin/sh", "--head", &head]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert!(stdout.contains("WORSE it"), "{stdout}");
    assert!(stdout.contains("worse fds "), "{stdout}");
    assert!(stderr.contains("it: base 1 of 6"), "{stderr}");
    let worse = result(&workspace);
    let fds = figure(&worse, "fds");
    assert_eq!(fds["outcome"], "worse");
    assert_eq!([&fds["low"], &fds["high"]], [2.0, 2.0]);
    let markdown = workspace.path().join("reports/compare/latest/compare.md");
    let markdown = fs::read_to_string(markdown).expect("compare.md");
    assert!(markdown.contains("| `fds` | **worse** |"), "{markdown}");
    let (_, stdout, _) = compare(&workspace, &["--base", &head, "--head", "/bin/sh"]);
    assert!(stdout.contains("better fds "), "{stdout}");
}

#[test]
fn what_could_not_be_compared_is_refused_before_anything_runs() {
    let workspace = workspace();
    let refused = |arguments: &[&str], why: &str| {
        let (code, _, stderr) = compare(&workspace, arguments);
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(why), "{stderr}");
    };
    let sh = ["--base", "/bin/sh", "--head", "/bin/sh"];
    refused(
        &[&sh[..], &["--runs", "5"]].concat(),
        "--runs 5: with 14 figures no difference",
    );
    refused(
        &["--base", "/bin/sh", "--head", "/etc/passwd"],
        "/etc/passwd is no program",
    );
    refused(
        &["--base", "/nowhere", "--head", "/bin/sh"],
        "/nowhere is no program",
    );
    let other = DIRECTORIES
        .replace("dirs", "other")
        .replace("\"sh\", \"-c\"", "\"bash\", \"-c\"");
    let config = workspace.path().join("leakgate.toml");
    fs::write(config, format!("{DIRECTORIES}{other}")).expect("leakgate.toml");
    let scenario = OPEN_CLOSE.replace("\"dirs\"", "\"other\"");
    fs::write(workspace.path().join("scenarios/two.toml"), scenario).expect("a scenario");
    refused(
        &[&["two"], &sh[..]].concat(),
        "`it` runs `sh` and `two` runs `bash`",
    );
    assert!(!workspace.path().join("reports").exists());
}
