//! However leakgate ends, what it started is ended too.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{DIRECTORIES, OPEN_CLOSE, Workspace};

/// A run that stands in the middle of a cycle.
fn run_under_way(workspace: &Workspace) -> std::process::Child {
    let child = Command::new(env!("CARGO_BIN_EXE_leakgate"))
        .args(["run", "it"])
        .current_dir(workspace.path())
        .env("TMPDIR", workspace.path().join("tmp"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("leakgate runs");
    assert!(
        within(Duration::from_secs(30), || !workspace
            .left_behind()
            .is_empty()),
        "the target is being started"
    );
    child
}

fn within(bound: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + bound;
    while Instant::now() < deadline {
        if holds() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

fn signal(child: &std::process::Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
    kill_process(pid, signal).expect("the run is there");
}

/// Stands still inside a cycle until it is ended from outside.
fn standing() -> Workspace {
    let idle = OPEN_CLOSE.replace(
        "[[step]]\ndo = \"close\"",
        "[[step]]\ndo = \"idle\"\nfor = \"60s\"\nwithin = \"90s\"\n[[step]]\ndo = \"close\"",
    );
    Workspace::new(DIRECTORIES, &idle)
}

#[test]
fn an_interrupt_ends_everything_and_the_exit_code_says_so() {
    for request in [Signal::INT, Signal::TERM] {
        let workspace = standing();
        let mut run = run_under_way(&workspace);
        signal(&run, request);
        assert_eq!(run.wait().expect("it ends").code(), Some(130));
        workspace.assert_nothing_left();
    }
}

#[test]
fn an_interrupt_ends_a_build() {
    let builds = DIRECTORIES.replacen("command", "build = [\"sleep\", \"79\"]\ncommand", 1);
    let workspace = Workspace::new(&builds, OPEN_CLOSE);
    let mut run = Command::new(env!("CARGO_BIN_EXE_leakgate"))
        .args(["run", "it"])
        .current_dir(workspace.path())
        .env("TMPDIR", workspace.path().join("tmp"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("leakgate runs");
    let is_building = || {
        let processes = workspace.processes();
        processes.iter().any(|line| line.starts_with("sleep 79"))
    };
    assert!(within(Duration::from_secs(20), is_building));
    signal(&run, Signal::TERM);
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    assert!(within(Duration::from_secs(5), || !is_building()));
}

#[test]
fn an_interrupt_while_a_deaf_target_is_asked_to_stop_does_not_wait_for_it() {
    let deaf = DIRECTORIES
        .replace(
            "exec sleep 600",
            "trap : TERM; while :; do sleep 600 & wait; done",
        )
        .replace("within = \"5s\"", "within = \"60s\"");
    let workspace = Workspace::new(&deaf, &OPEN_CLOSE.replace("children = 0\n", ""));
    let mut run = run_under_way(&workspace);
    let measured = || {
        let runs = std::fs::read_dir(workspace.path().join("reports"));
        runs.into_iter().flatten().flatten().any(|run| {
            let events = std::fs::read_to_string(run.path().join("events.jsonl"));
            events.is_ok_and(|events| {
                events.contains(r#""event":"sample","phase":"measure","cycle":5"#)
            })
        })
    };
    assert!(
        within(Duration::from_secs(30), measured),
        "the last cycle is measured"
    );
    signal(&run, Signal::INT);
    let began = Instant::now();
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "it did not wait for the 60 s that the target has"
    );
    workspace.assert_nothing_left();
}

#[test]
fn when_leakgate_is_killed_its_supervisor_ends_the_rest() {
    let workspace = standing();
    let mut run = run_under_way(&workspace);
    signal(&run, Signal::KILL);
    run.wait().expect("it ends");
    let gone = || workspace.processes().is_empty() && workspace.left_behind().is_empty();
    assert!(
        within(Duration::from_secs(20), gone),
        "{:?} {:?}",
        workspace.processes(),
        workspace.left_behind()
    );
}

/// A step that starts something and waits for it, under a deadline of its own.
fn closing_for_ever(within: &str) -> Workspace {
    let targets = DIRECTORIES.replace(
        r#"["rmdir", "{tmp}/{session}"]"#,
        r#"["sh", "-c", "sleep 77; true"]"#,
    );
    let scenario = OPEN_CLOSE.replace(
        "do = \"close\"",
        &format!("do = \"close\"\nwithin = \"{within}\""),
    );
    Workspace::new(&targets, &scenario)
}

#[test]
fn what_a_late_step_has_started_ends_with_it() {
    let workspace = closing_for_ever("1s");
    let (code, stdout, stderr) = workspace.run(&[]);
    assert_eq!(code, 5, "{stdout}{stderr}");
    let gone = || workspace.processes().is_empty();
    assert!(
        within(Duration::from_secs(5), gone),
        "{:?}",
        workspace.processes()
    );
}

#[test]
fn what_a_step_has_started_ends_when_the_run_is_interrupted() {
    let workspace = closing_for_ever("60s");
    let mut run = run_under_way(&workspace);
    let closing = || {
        workspace
            .processes()
            .iter()
            .any(|line| line.starts_with("sleep 77"))
    };
    assert!(within(Duration::from_secs(20), closing));
    signal(&run, Signal::TERM);
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    let gone = || workspace.processes().is_empty();
    assert!(
        within(Duration::from_secs(5), gone),
        "{:?}",
        workspace.processes()
    );
}
