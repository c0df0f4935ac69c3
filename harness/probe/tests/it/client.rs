//! Owns the test's side of the socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// Longer than the longest wait that a test asks for; what does not answer by then hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A connected client.
pub(crate) struct Client(BufReader<UnixStream>);

impl Client {
    pub(crate) fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("the probe listens");
        stream
            .set_read_timeout(Some(ANSWER_WITHIN))
            .expect("not zero");
        Self(BufReader::new(stream))
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).expect("the probe reads");
    }

    /// The next answer.
    pub(crate) fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.0
            .read_line(&mut line)
            .expect("the probe answers in time");
        assert!(line.ends_with('\n'), "an answer is a whole line: {line:?}");
        serde_json::from_str(&line).expect("an answer is JSON")
    }

    /// Whether the probe has closed the connection.
    pub(crate) fn at_end(&mut self) -> bool {
        self.0.fill_buf().is_ok_and(<[u8]>::is_empty)
    }

    /// One request and its answer.
    pub(crate) fn ask(&mut self, request: &str) -> Value {
        self.send(format!("{request}\n").as_bytes());
        self.answer()
    }

    #[cfg(not(feature = "dhat-heap"))]
    pub(crate) fn into_stream(self) -> UnixStream {
        self.0.into_inner()
    }
}
