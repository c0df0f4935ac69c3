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
    let in_cycle = || {
        let session = workspace
            .left_behind()
            .first()
            .map(|private| private.join("tmp/s-1"));
        session.is_some_and(|session| session.exists())
    };
    assert!(
        within(Duration::from_secs(30), in_cycle),
        "the first cycle begins"
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
        assert!(
            workspace.left_behind().is_empty(),
            "{:?}",
            workspace.left_behind()
        );
        assert!(
            workspace.processes().is_empty(),
            "{:?}",
            workspace.processes()
        );
    }
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
