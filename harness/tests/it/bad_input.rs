//! What is wrong ends in a clear message and its own exit code, with nothing left running and nothing left behind.

use crate::bench::{DIRECTORIES, OPEN_CLOSE, Workspace};

/// Runs a scenario that cannot work: its exit code and what it says; nothing may be left of it.
fn fails(targets: &str, scenario: &str) -> (i32, String) {
    let workspace = Workspace::new(targets, scenario);
    let (code, stdout, stderr) = workspace.run(&[]);
    workspace.assert_nothing_left();
    if code == 2 {
        assert!(
            !workspace.path().join("reports").exists(),
            "a run that never began has no directory"
        );
    }
    (code, stdout + &stderr)
}

#[test]
fn an_unknown_key_is_shown_at_its_line_with_what_is_allowed() {
    let (code, text) = fails(
        DIRECTORIES,
        &OPEN_CLOSE.replace("session = \"s\"\ncommand", "sesion = \"s\"\ncommand"),
    );
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains("scenarios/it.toml:9") && text.contains("sesion") && text.contains("session"),
        "{text}"
    );
}

#[test]
fn a_limit_without_a_unit_is_refused() {
    let (code, text) = fails(
        DIRECTORIES,
        &OPEN_CLOSE.replace("[gates]", "[gates]\nrss = { total = \"15\" }"),
    );
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("15") && text.contains("MB"), "{text}");
}

#[test]
fn an_unknown_target_is_named_with_those_that_there_are() {
    let (code, text) = fails(DIRECTORIES, &OPEN_CLOSE.replace("\"dirs\"", "\"durs\""));
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("`durs`") && text.contains("dirs"), "{text}");
}

#[test]
fn an_unknown_scenario_is_named_with_those_that_there_are() {
    let workspace = Workspace::new(DIRECTORIES, OPEN_CLOSE);
    let output = workspace
        .leakgate(&["run", "et"])
        .output()
        .expect("leakgate runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("`et`") && text.contains("it"), "{text}");
}

#[test]
fn a_missing_program_is_named() {
    let missing = DIRECTORIES.replace(
        r#"["sh", "-c", "exec sleep 600"]"#,
        r#"["/no/such/daemon"]"#,
    );
    let (code, text) = fails(&missing, OPEN_CLOSE);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("/no/such/daemon"), "{text}");
}

#[test]
fn a_target_that_never_becomes_ready_is_ended_and_its_last_words_are_shown() {
    let never = DIRECTORIES
        .replace("exec sleep", "echo still warming up; exec sleep")
        .replace("[\"true\"], within", "[\"false\"], within")
        .replace("within = \"10s\"", "within = \"1s\"");
    let (code, text) = fails(&never, OPEN_CLOSE);
    assert_eq!(code, 4, "{text}");
    assert!(
        text.contains("not ready within 1s") && text.contains("still warming up"),
        "{text}"
    );
}

#[test]
fn a_target_that_dies_before_it_is_ready_is_told_from_one_that_is_slow() {
    let dies = DIRECTORIES
        .replace("exec sleep 600", "echo the address is taken; exit 7")
        .replace("[\"true\"], within", "[\"false\"], within");
    let (code, text) = fails(&dies, OPEN_CLOSE);
    assert_eq!(code, 4, "{text}");
    assert!(
        text.contains("exit code 7") && text.contains("the address is taken"),
        "{text}"
    );
}

#[test]
fn a_target_that_dies_in_mid_cycle_fails_the_run() {
    let dies = DIRECTORIES
        .replace(
            "exec sleep 600",
            "while ! test -e {run}/die; do :; done; echo out of luck; exit 9",
        )
        .replace(
            r#"["mkdir", "{tmp}/{session}"]"#,
            r#"["sh", "-c", "mkdir {tmp}/{session}; test {session} != s-4 || touch {run}/die"]"#,
        );
    let (code, text) = fails(&dies, OPEN_CLOSE);
    assert_eq!(code, 4, "{text}");
    assert!(
        text.contains("died (exit code 9)") && text.contains("out of luck"),
        "{text}"
    );
}

#[test]
fn a_load_that_does_not_happen_withdraws_the_verdict() {
    let refuses = DIRECTORIES.replace(
        r#"["mkdir", "{tmp}/{session}"]"#,
        r#"["sh", "-c", "echo no >&2; exit 1"]"#,
    );
    let (code, text) = fails(&refuses, OPEN_CLOSE);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("withdrawn"), "{text}");
}

#[test]
fn a_step_that_hangs_ends_at_its_deadline() {
    let hangs = DIRECTORIES.replace(r#"["rmdir", "{tmp}/{session}"]"#, r#"["sleep", "600"]"#);
    let (code, text) = fails(
        &hangs,
        &OPEN_CLOSE.replace("do = \"close\"", "do = \"close\"\nwithin = \"1s\""),
    );
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("did not answer within 1s"), "{text}");
}

#[test]
fn a_target_that_ignores_the_request_to_stop_is_killed_and_fails_the_run() {
    let deaf = DIRECTORIES
        .replace(
            "exec sleep 600",
            "trap : TERM; while :; do sleep 600 & wait; done",
        )
        .replace("within = \"5s\"", "within = \"1s\"");
    let (code, text) = fails(&deaf, &OPEN_CLOSE.replace("children = 0\n", ""));
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("did not stop in time"), "{text}");
}
