//! HTTP: a daemon that serves it, and clients that speak it byte by byte.

mod events;
mod garbage;
mod listening;
mod messages;
mod patience;
mod sessions;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::{DEADLINE, Daemon};

/// A daemon that serves HTTP, whose state is its own.
struct Place {
    daemon: Daemon,
    state: TempDir,
    address: String,
    token: String,
}

impl Place {
    /// On a port that was free.
    fn new() -> Self {
        Self::with(&[("SESSIOND_HTTP", "127.0.0.1:0")])
    }

    /// The same, on a Unix socket.
    fn unix() -> Self {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("http/h.sock");
        let address = format!("unix:{}", path.display());
        Self::start(state, &[("SESSIOND_HTTP", &address)])
    }

    /// With these variables.
    fn with(environment: &[(&str, &str)]) -> Self {
        Self::start(tempfile::tempdir().unwrap(), environment)
    }

    fn start(state: TempDir, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(cargo_bin("sessiond"));
        command.env("XDG_STATE_HOME", state.path());
        command.envs(environment.iter().copied());
        let daemon = Daemon::start_by(command);
        let told = daemon.stdout(&["http"]);
        let of = |key: &str| {
            let line = told.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap_or_else(|| panic!("no {key} in {told}"))
                .to_owned()
        };
        let token = std::fs::read_to_string(of("token_file ")).unwrap();
        Self {
            address: of("address "),
            token: token.trim().to_owned(),
            daemon,
            state,
        }
    }

    fn connect(&self) -> Raw {
        let stream: Box<dyn Stream> = match self.address.strip_prefix("unix:") {
            Some(path) => {
                let stream = UnixStream::connect(path).unwrap();
                stream.set_read_timeout(Some(DEADLINE)).unwrap();
                Box::new(stream)
            }
            None => {
                let stream = TcpStream::connect(&self.address).unwrap();
                stream.set_read_timeout(Some(DEADLINE)).unwrap();
                Box::new(stream)
            }
        };
        Raw {
            reader: BufReader::new(stream),
        }
    }

    /// The head of a request with the token.
    fn head(&self, method: &str, path: &str) -> String {
        let token = &self.token;
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n")
    }

    /// One request on a connection of its own.
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.ask_on(&mut self.connect(), method, path, body)
    }

    fn ask_on(&self, raw: &mut Raw, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(Value::to_string).unwrap_or_default();
        let length = body.len();
        let head = self.head(method, path);
        raw.say(&format!("{head}Content-Length: {length}\r\n\r\n{body}"));
        raw.answer().unwrap()
    }

    /// Waits until the daemon has no more descriptors open than it had before.
    fn descriptors_are_back_to(&self, before: usize) {
        until("the descriptors to be closed", || {
            self.daemon.descriptors() <= before
        });
    }
}

trait Stream: Read + Write {}
impl Stream for TcpStream {}
impl Stream for UnixStream {}

/// A connection.
struct Raw {
    reader: BufReader<Box<dyn Stream>>,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// In small letters.
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The status, and the code of the error.
    fn error(&self) -> (u16, String) {
        let json = self.json();
        let code = json["error"]["code"].as_str();
        (
            self.status,
            code.unwrap_or_else(|| panic!("{self:?}")).to_owned(),
        )
    }
}

impl Raw {
    fn say(&mut self, text: &str) {
        self.say_bytes(text.as_bytes()).unwrap();
    }

    fn say_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// The next line without its end; nothing at the end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
        }
    }

    /// Status and headers.
    fn answer_head(&mut self) -> Option<(u16, String)> {
        let status = self.line()?.split(' ').nth(1)?.parse().ok()?;
        let mut head = String::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Some((status, head));
            }
            head += &line.to_ascii_lowercase();
            head.push('\n');
        }
    }

    /// A whole answer; nothing when the connection has ended.
    fn answer(&mut self) -> Option<Answer> {
        let (status, head) = self.answer_head()?;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.reader.read_exact(&mut body).ok()?;
        Some(Answer {
            status,
            head,
            body: String::from_utf8(body).unwrap(),
        })
    }

    /// Whether the daemon closes, without another byte.
    fn is_closed(&mut self) -> bool {
        matches!(self.reader.fill_buf(), Ok([]) | Err(_))
    }
}

/// Asks again and again until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "{what} never came");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
