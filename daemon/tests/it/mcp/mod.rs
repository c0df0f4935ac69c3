//! Shared MCP servers: a server that does as it is told, and clients that speak lines.

mod bridge;
mod peers;
mod sharing;
mod sizes;
mod trouble;

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use serde_json::{Value, json};

use crate::daemon::{DEADLINE, Daemon};

/// An example program of this package, which is built with its tests.
fn example(name: &str) -> String {
    let path = cargo_bin("sessiond").with_file_name("examples").join(name);
    path.to_str().unwrap().to_owned()
}

/// Starts the server that does as it is told, under this name and with these options; returns its socket.
fn start_echo(daemon: &Daemon, name: &str, options: &[&str]) -> PathBuf {
    let echo = example("mcp-echo");
    let words = [&["mcp", "start", name], options, &["--", &echo]].concat();
    daemon.stdout(&words).trim_end().into()
}

/// What the daemon tells about its only shared server.
fn info(daemon: &Daemon) -> Value {
    let list = daemon.stdout(&["mcp", "list", "--json"]);
    let servers: Value = serde_json::from_str(&list).unwrap();
    servers[0].clone()
}

/// Asks again and again until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "{what} never came");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A client that speaks lines.
struct Raw {
    stream: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Raw {
    fn connect(socket: &PathBuf) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Self { stream, reader }
    }

    fn say(&mut self, message: &Value) {
        self.say_line(&message.to_string());
    }

    fn say_line(&mut self, line: &str) {
        self.stream.write_all(line.as_bytes()).unwrap();
        self.stream.write_all(b"\n").unwrap();
    }

    /// The next line; empty at the end.
    fn hear_line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line
    }

    fn hear(&mut self) -> Value {
        let line = self.hear_line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// The result of a request, when nothing else comes before it.
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.say(&json!({"jsonrpc": "2.0", "id": "call", "method": method, "params": params}));
        let answer = self.hear();
        assert_eq!(answer["id"], "call", "{answer}");
        answer["result"].clone()
    }

    /// Makes the handshake of the older protocol.
    fn greet(&mut self) -> Value {
        let result = self.call("initialize", json!({"protocolVersion": "2025-11-25"}));
        self.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        result
    }

    fn leave(self) {
        self.stream.shutdown(Shutdown::Both).unwrap();
    }
}
