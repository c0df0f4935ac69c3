//! Servers that crash, do not answer, or are ended.

use std::fs;

use serde_json::json;

use super::{Raw, example, info, start_echo, until};
use crate::daemon::{Daemon, is_alive, wait_for_end};

#[test]
fn a_crash_is_an_error_for_who_waits_and_the_next_process_knows_the_handshake() {
    let daemon = Daemon::start();
    let socket = start_echo(&daemon, "echo", &[]);
    let (mut one, mut other) = (Raw::connect(&socket), Raw::connect(&socket));
    one.greet();
    other.say(&json!({"id": 3, "method": "silent"}));
    until("the request", || info(&daemon)["pending"] == 1);
    one.say(&json!({"id": 4, "method": "crash"}));
    for (client, id) in [(&mut one, 4), (&mut other, 3)] {
        let answer = client.hear();
        assert_eq!(
            (&answer["id"], &answer["error"]["code"]),
            (&json!(id), &json!(-32_000))
        );
    }
    until("the wait", || info(&daemon)["state"] == "waiting");
    assert!(
        info(&daemon)["reason"].as_str().unwrap().contains("7"),
        "{}",
        info(&daemon)
    );
    one.say(&json!({"id": 5, "method": "echo"}));
    let told = one.hear()["error"]["message"].as_str().unwrap().to_owned();
    assert!(told.contains("it starts again in"), "{told}");
    assert_eq!(info(&daemon)["restarts"], 1);
    // By itself, after five seconds.
    until("the restart", || info(&daemon)["state"] == "running");
    let heard = one.call("heard", json!({}));
    assert_eq!(
        (&heard["initialize"], &heard["initialized"]),
        (&json!(1), &json!(1))
    );
    // By hand, at once.
    let pid = info(&daemon)["pid"].clone();
    daemon
        .command(&["mcp", "restart", "echo"])
        .assert()
        .success();
    assert_eq!(other.call("heard", json!({}))["initialize"], 1);
    let server = info(&daemon);
    assert_ne!(server["pid"], pid);
    assert_eq!(
        (&server["restarts"], &server["clients"]),
        (&json!(0), &json!(2))
    );
}

#[test]
fn what_is_not_answered_in_time_is_an_error() {
    let daemon = Daemon::start();
    let socket = start_echo(&daemon, "echo", &["--pending", "200ms"]);
    let mut client = Raw::connect(&socket);
    client.say(&json!({"id": 3, "method": "silent"}));
    let answer = client.hear();
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&json!(3), &json!(-32_001))
    );
    assert_eq!(client.call("heard", json!({}))["cancelled"], 1);
    assert_eq!(info(&daemon)["expired"], 1);
}

#[test]
fn a_stop_ends_the_whole_tree_and_removes_the_socket() {
    let daemon = Daemon::start();
    let socket = start_echo(&daemon, "echo", &[]);
    let mut client = Raw::connect(&socket);
    client.greet();
    let child = u32::try_from(client.call("child", json!({})).as_u64().unwrap()).unwrap();
    let server = info(&daemon);
    let pid = u32::try_from(server["pid"].as_u64().unwrap()).unwrap();
    assert!(is_alive(pid) && is_alive(child));
    client.say(&json!({"id": 1, "method": "silent"}));
    until("the request", || info(&daemon)["pending"] == 1);
    daemon.command(&["mcp", "stop", "echo"]).assert().success();
    assert!(!is_alive(pid) && !is_alive(child));
    assert!(!socket.exists() && !socket.parent().unwrap().exists());
    assert_eq!(client.hear()["error"]["message"], "the server was stopped");
    assert_eq!(client.hear_line(), "");
    assert_eq!(daemon.stdout(&["mcp", "list"]), "no shared servers\n");
    let log = fs::read_to_string(server["log"].as_str().unwrap()).unwrap();
    assert!(log.contains(&format!("started as process {pid}")), "{log}");
    daemon.command(&["mcp", "stop", "echo"]).assert().code(1);
}

#[test]
fn the_daemons_end_is_the_servers_end() {
    let daemon = Daemon::start();
    let socket = start_echo(&daemon, "echo", &[]);
    start_echo(&daemon, "other", &[]);
    let mut client = Raw::connect(&socket);
    let child = u32::try_from(client.call("child", json!({})).as_u64().unwrap()).unwrap();
    daemon.command(&["shutdown"]).assert().success();
    assert_eq!(client.hear_line(), "");
    wait_for_end(child);
    assert!(daemon.finish().0);
}

#[test]
fn what_cannot_be_started_is_refused_and_leaves_nothing() {
    let daemon = Daemon::start();
    let echo = example("mcp-echo");
    let long = "x".repeat(64);
    for (words, said) in [
        (
            &["start", "s", "--", "/no/such/program"][..],
            "cannot be executed",
        ),
        (
            &["start", "s", "--line-bytes", "5", "--", &echo],
            "line_bytes is 5",
        ),
        (
            &["start", "s", "--idle", "1ms", "--", &echo],
            "idle_ms is 1",
        ),
        (&["restart", "s"], "no shared server s"),
    ] {
        let output = daemon
            .command(&[&["mcp"], words].concat())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.contains(said) && output.status.code() == Some(1),
            "{words:?}: {stderr}"
        );
    }
    assert_eq!(daemon.stdout(&["mcp", "list"]), "no shared servers\n");
    start_echo(&daemon, &long, &[]);
    let taken = daemon
        .command(&["mcp", "start", &long, "--", &echo])
        .output()
        .unwrap();
    assert!(
        String::from_utf8(taken.stderr)
            .unwrap()
            .contains("name_taken")
    );
}

#[test]
fn a_log_that_somebody_removes_is_made_again() {
    let daemon = Daemon::start();
    let script = "while read -r line; do echo heard it >&2; done";
    let started = daemon.stdout(&["mcp", "start", "s", "--", "sh", "-c", script]);
    let mut client = Raw::connect(&started.trim_end().into());
    let log = info(&daemon)["log"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        client.say(&json!({"jsonrpc": "2.0", "method": "notifications/said"}));
        until("its log", || {
            fs::read_to_string(&log).is_ok_and(|log| log.contains("heard it"))
        });
        fs::remove_file(&log).unwrap();
    }
}
