//! A target that is not sessiond and has no probe: judged by what the kernel tells.

use crate::bench::{DIRECTORIES, OPEN_CLOSE, Workspace, gate};

#[test]
fn a_target_that_keeps_nothing_passes() {
    let workspace = Workspace::new(DIRECTORIES, OPEN_CLOSE);
    let (code, stdout, stderr) = workspace.run(&[]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert_eq!(workspace.report()["verdict"], "pass");
    workspace.assert_nothing_left();
}

#[test]
fn the_configuration_may_be_named_from_where_one_stands() {
    let workspace = Workspace::new(
        &DIRECTORIES.replace("driver  =", "build = [\"true\"]\ndriver  ="),
        OPEN_CLOSE,
    );
    let (code, stdout, stderr) = workspace.run(&["--config", "leakgate.toml"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
}

#[test]
fn a_target_that_leaves_a_directory_per_cycle_leaks_on_disk() {
    let leaky = DIRECTORIES.replace(r#"["rmdir", "{tmp}/{session}"]"#, r#"["true"]"#);
    let workspace = Workspace::new(&leaky, OPEN_CLOSE);
    let (code, stdout, stderr) = workspace.run(&[]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    let report = workspace.report();
    assert_eq!(report["verdict"], "leak");
    assert_eq!(gate(&report, "disk")["verdict"], "leak");
    assert_eq!(gate(&report, "fds")["verdict"], "pass");
}

#[test]
fn a_recording_is_judged_again_to_the_same_verdict() {
    let leaky = DIRECTORIES.replace(r#"["rmdir", "{tmp}/{session}"]"#, r#"["true"]"#);
    let workspace = Workspace::new(&leaky, OPEN_CLOSE);
    workspace.run(&[]);
    let first = workspace.report();
    workspace
        .leakgate(&["judge", "reports/latest"])
        .assert()
        .code(1);
    assert_eq!(workspace.report(), first);
}

#[test]
fn a_metric_that_a_target_cannot_deliver_is_no_pass() {
    let heap = OPEN_CLOSE.replace("[gates]", "[gates]\nheap = { per_cycle = \"0B\" }");
    let workspace = Workspace::new(DIRECTORIES, &heap);
    let (code, stdout, _) = workspace.run(&[]);
    assert_eq!(code, 3, "{stdout}");
    assert_eq!(
        gate(&workspace.report(), "heap.per_cycle")["verdict"],
        "unsupported"
    );
}

#[test]
fn a_target_that_is_not_installed_is_skipped_with_the_reason() {
    let absent = DIRECTORIES.replace(
        "driver  = \"exec\"",
        "driver = \"exec\"\nrequires = [\"no-such-program\"]",
    );
    let workspace = Workspace::new(&absent, OPEN_CLOSE);
    let (_, stdout, stderr) = workspace.run(&[]);
    assert_eq!(workspace.report()["scenarios"][0]["verdict"], "skipped");
    assert!(
        stdout.contains("`no-such-program` is not installed"),
        "{stdout}{stderr}"
    );
}

#[test]
#[cfg_attr(not(has_tmux), ignore = "tmux is not installed")]
fn tmux_is_driven_through_its_own_command_line() {
    let config = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../leakgate.toml"))
        .expect("leakgate.toml");
    // Asked to end by a signal, tmux 3.3a leaves its socket behind: a finding about tmux, not about leakgate.
    let scenario = OPEN_CLOSE
        .replace("disk = 0\n", "")
        .replace("\"dirs\"", "\"tmux\"")
        .replace("[\"true\"]", "[\"cat\"]");
    let workspace = Workspace::new(&config, &scenario);
    let (code, stdout, stderr) = workspace.run(&[]);
    assert_eq!(code, 0, "{stdout}{stderr}");
}

#[test]
fn leakgate_may_be_removed_while_it_runs() {
    let remove = "[[step]]\ndo = \"run\"\ncommand = [\"rm\", \"-f\", \"{root}/leakgate\"]\n";
    let emit = "[[step]]\ndo = \"run\"\ncommand = [\"{emit}\", \"--bytes\", \"1\"]\n";
    let scenario = OPEN_CLOSE.replace("[gates]", &format!("{remove}{emit}[gates]"));
    let workspace = Workspace::new(DIRECTORIES, &scenario);
    std::fs::write(workspace.path().join("scenarios/next.toml"), &scenario).expect("written");
    let copy = workspace.path().join("leakgate");
    std::fs::copy(env!("CARGO_BIN_EXE_leakgate"), &copy).expect("copied");
    // `it` removes the program; `next` needs a supervisor of its own after that.
    let output = std::process::Command::new(&copy)
        .args(["run", "it", "next"])
        .current_dir(workspace.path())
        .env("TMPDIR", workspace.path().join("tmp"))
        .output()
        .expect("it runs");
    assert!(!copy.exists());
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    workspace.assert_nothing_left();
}
