//! A daemon and its sessions from the command line, from the first to the last.

use std::time::Instant;

use assert_cmd::cargo::cargo_bin;
use rustix::process::Signal;

use crate::daemon::{DEADLINE, Daemon, block_on, is_alive, shell};
use sessiond_client::Client;
use sessiond_protocol::ErrorCode;

#[test]
fn a_session_is_opened_listed_read_waited_for_and_closed() {
    let daemon = Daemon::start();
    let id = daemon.stdout(&[
        "new",
        "-d",
        "--name",
        "greeter",
        "--",
        "sh",
        "-c",
        "echo hello; read line; exit 7",
    ]);
    assert_eq!(id, "1\n");
    assert!(daemon.stdout(&["list"]).contains("greeter"));
    daemon.stdout(&["wait", "greeter", "--text", "hello"]);
    daemon
        .command(&["write", "greeter", "go\n"])
        .assert()
        .success();
    daemon.command(&["wait", "greeter"]).assert().code(7);
    assert_eq!(daemon.stdout(&["screen", "greeter"]), "hello\ngo\n");
    assert!(daemon.stdout(&["list", "--json"]).contains(r#""code": 7"#));
    daemon.command(&["close", "greeter"]).assert().success();
    assert_eq!(daemon.stdout(&["list"]), "no sessions\n");
    daemon.command(&["screen", "greeter"]).assert().code(1);
}

#[test]
fn a_missing_program_is_named_and_leaves_nothing() {
    let daemon = Daemon::start();
    let refused = daemon
        .command(&["new", "--", "no-such-program"])
        .assert()
        .code(1);
    let message = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(
        message.contains("spawn_failed") && message.contains("no-such-program"),
        "{message}"
    );
    assert_eq!(daemon.stdout(&["list"]), "no sessions\n");
}

#[test]
fn a_taken_socket_is_a_clear_error_with_its_own_code() {
    let daemon = Daemon::start();
    let refused = daemon.command(&["serve"]).assert().code(3);
    assert!(
        String::from_utf8_lossy(&refused.get_output().stderr).contains("another daemon listens on")
    );
    daemon.stdout(&["list"]);
}

#[test]
fn without_a_daemon_there_is_nothing_to_list_and_nothing_to_attach_to() {
    let directory = tempfile::tempdir().unwrap();
    let command = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::new(cargo_bin("sessiond"));
        command
            .arg("--socket")
            .arg(directory.path().join("s.sock"))
            .args(arguments)
            .timeout(DEADLINE);
        command.assert()
    };
    command(&["list"]).success().stdout("no sessions\n");
    command(&["shutdown"]).success().stdout("no daemon runs\n");
    command(&["attach", "1"]).code(4);
    command(&["resize", "1", "0x80"]).code(2);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn commands_at_one_time_start_one_daemon() {
    let directory = tempfile::tempdir().unwrap();
    let command = |arguments: &[&str]| {
        let mut command = std::process::Command::new(cargo_bin("sessiond"));
        command
            .arg("--socket")
            .arg(directory.path().join("run/s.sock"))
            .args(arguments);
        command
            .env("XDG_STATE_HOME", directory.path())
            .stdout(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let children: Vec<_> = (0..4)
        .map(|_| command(&["new", "-d", "--", "sleep", "100"]))
        .collect();
    let mut ids: Vec<String> = children
        .into_iter()
        .map(|child| String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap())
        .collect();
    ids.sort();
    assert_eq!(ids, ["1\n", "2\n", "3\n", "4\n"]);
    let ended = command(&["shutdown"]).wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8(ended.stdout).unwrap(),
        "daemon ended, 4 session(s) closed\n"
    );
    assert!(!directory.path().join("run/s.sock").exists());
}

#[test]
fn sigterm_ends_children_that_ignore_it_and_says_so() {
    let daemon = Daemon::start();
    let pids: Vec<u32> = block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let mut pids = Vec::new();
        for _ in 0..3 {
            let session = shell(
                &client,
                "trap '' HUP TERM INT; echo ready; while :; do read line; done",
            )
            .await;
            let mut attachment = client.attach(session.id, None).await.unwrap();
            crate::daemon::read_until(&mut attachment, "ready").await;
            pids.push(session.pid.unwrap());
        }
        pids
    });
    let begun = Instant::now();
    daemon.signal(Signal::TERM);
    let (success, log) = daemon.finish();
    assert!(success, "{log}");
    assert!(begun.elapsed().as_secs() < 10);
    assert!(log.contains("shutting down 3 active session(s)"), "{log}");
    assert!(log.trim_end().ends_with("shutdown complete"), "{log}");
    assert!(!pids.into_iter().any(is_alive));
}

#[test]
fn a_name_belongs_to_one_session_until_that_has_ended() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let mut params = crate::daemon::command(&["cat"]);
        params.name = Some("one".parse().unwrap());
        let first = client.create(params.clone()).await.unwrap();
        let refused = client.create(params.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Some(ErrorCode::NameTaken));
        client.write(first.id, b"\x04").await.unwrap();
        client.wait(first.id, None).await.unwrap();
        let second = client.create(params).await.unwrap();
        assert!(second.id > first.id);
        assert_eq!(
            client.get(first.id).await.unwrap_err().code(),
            Some(ErrorCode::NotFound)
        );
    });
}

#[test]
fn a_wait_that_is_over_says_so() {
    let daemon = Daemon::start();
    daemon.stdout(&["new", "-d", "--", "cat"]);
    daemon
        .command(&["wait", "1", "--timeout", "20ms"])
        .assert()
        .code(5);
}
