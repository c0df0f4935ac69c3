//! `mcp connect`, as an agent runs it, and what becomes of clients that say nothing.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use assert_cmd::cargo::cargo_bin;
use serde_json::{Value, json};

use super::{Raw, info, start_echo, until};
use crate::daemon::Daemon;

/// An agent that has `sessiond mcp connect` as its server.
struct Agent {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Agent {
    fn start(daemon: &Daemon, server: &str) -> Self {
        let mut command = Command::new(cargo_bin("sessiond"));
        command.arg("--socket").arg(&daemon.socket);
        command.args(["mcp", "connect", server]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn say(&mut self, message: &Value) {
        writeln!(self.stdin.as_mut().unwrap(), "{message}").unwrap();
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.say(&json!({"jsonrpc": "2.0", "id": 0, "method": method, "params": params}));
        let answer = self.hear();
        assert_eq!(answer["id"], 0, "{answer}");
        answer["result"].clone()
    }

    fn greet(&mut self) {
        self.call("initialize", json!({"protocolVersion": "2025-11-25"}));
        self.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    }
}

#[test]
fn an_agent_does_not_notice_that_it_was_idle() {
    let daemon = Daemon::start();
    let socket = start_echo(&daemon, "echo", &["--idle", "200ms"]);
    let mut agent = Agent::start(&daemon, "echo");
    agent.greet();
    let mut waits = Raw::connect(&socket);
    waits.say(&json!({"id": 1, "method": "silent"}));
    until("the idle deadline", || info(&daemon)["clients"] == 1);
    // Not the one that waits for an answer.
    assert_eq!(info(&daemon)["pending"], 1);
    assert_eq!(agent.call("echo", json!("still here")), "still here");
    let heard = agent.call("heard", json!({}));
    assert_eq!(
        (&heard["initialize"], &heard["initialized"]),
        (&json!(1), &json!(1))
    );
    // A server that was started anew gets the agent's own handshake again.
    daemon.command(&["mcp", "stop", "echo"]).assert().success();
    start_echo(&daemon, "echo", &[]);
    let heard = agent.call("heard", json!({}));
    assert_eq!(
        (&heard["initialize"], &heard["initialized"]),
        (&json!(1), &json!(1))
    );
    drop(agent.stdin.take());
    assert!(agent.child.wait().unwrap().success());
    daemon.command(&["shutdown"]).assert().success();
    let (success, log) = daemon.finish();
    assert!(
        success && log.contains("an idle client was disconnected server=echo client=1"),
        "{log}"
    );
}

#[test]
fn messages_of_any_size_pass_and_the_last_answers_are_waited_for() {
    let daemon = Daemon::start();
    start_echo(&daemon, "echo", &[]);
    let mut agent = Agent::start(&daemon, "echo");
    agent.greet();
    let text = "x".repeat(512 << 10);
    assert_eq!(agent.call("length", json!({"text": text})), text.len());
    let text = "x".repeat(2 << 20);
    agent.say(&json!({"id": 5, "method": "length", "params": {"text": text}}));
    let refused = agent.hear();
    assert_eq!(
        (&refused["id"], &refused["error"]["code"]),
        (&json!(5), &json!(-32_011))
    );
    agent.say(&json!({"id": 6, "method": "echo", "params": 6}));
    drop(agent.stdin.take());
    assert_eq!(agent.hear()["result"], 6);
    assert!(agent.child.wait().unwrap().success());
}

#[test]
fn without_a_server_an_agent_is_told_and_goes_on() {
    let daemon = Daemon::start();
    let output = daemon
        .command(&["mcp", "connect", "none"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(70));
    assert!(String::from_utf8(output.stderr).unwrap().contains("none"));
    start_echo(&daemon, "echo", &[]);
    let mut agent = Agent::start(&daemon, "echo");
    agent.greet();
    agent.say(&json!({"id": 9, "method": "silent"}));
    until("the request", || info(&daemon)["pending"] == 1);
    daemon.command(&["mcp", "stop", "echo"]).assert().success();
    let answer = agent.hear();
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&json!(9), &json!(-32_000))
    );
    agent.say(&json!({"id": 10, "method": "echo"}));
    assert_eq!(agent.hear()["error"]["code"], -32_000);
    start_echo(&daemon, "echo", &[]);
    assert_eq!(agent.call("echo", json!(1)), 1);
    drop(agent.stdin.take());
    assert!(agent.child.wait().unwrap().success());
}
