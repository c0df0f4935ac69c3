//! How a target ended, and what it left.

use serde::{Deserialize, Serialize};

use crate::config::{self, Stop};

/// Things that are named of what was left; the others are counted.
const NAMED_MAX: usize = 32;

/// Things that a target left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// The first of them, at most 32.
    pub named: Vec<String>,
    /// How many there are beside those.
    pub more: u64,
}

impl Left {
    /// All of these; only as many are asked for their name as are named.
    pub(super) fn new<T>(left: &[T], name: impl FnMut(&T) -> String) -> Self {
        let named: Vec<_> = left.iter().take(NAMED_MAX).map(name).collect();
        Self {
            more: (left.len() - named.len()) as u64,
            named,
        }
    }
}

/// How a target ended and what it left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Exit code, when it ended by itself.
    pub code: Option<i32>,
    /// Signal, when one ended it.
    pub signal: Option<i32>,
    /// Whether it had to be killed because it did not stop in time.
    pub overdue: bool,
    /// Milliseconds from the request to the end.
    pub took_ms: u64,
    /// Command lines of what it left running.
    pub left_processes: Left,
    /// Paths that it left in its private directories, relative to them.
    pub left_files: Left,
}

impl Exit {
    /// Whether it ended as it was asked to: by itself with code 0, or, where it has no handler, of the very signal.
    pub fn is_clean(&self, stop: Stop) -> bool {
        let asked = stop.signal.map(signal_number);
        let of_the_request = self.signal.is_some() && self.signal == asked;
        !self.overdue && (self.code == Some(0) || of_the_request)
    }

    /// How it ended, in words.
    pub fn how(&self) -> String {
        match (self.code, self.signal) {
            _ if self.overdue => "it did not stop in time and was killed".to_owned(),
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "unknown".to_owned(),
        }
    }
}

/// The number of a signal.
pub(super) fn signal_number(signal: config::Signal) -> i32 {
    use rustix::process::Signal;
    let signal = match signal {
        config::Signal::Term => Signal::TERM,
        config::Signal::Int => Signal::INT,
        config::Signal::Hup => Signal::HUP,
        config::Signal::Quit => Signal::QUIT,
    };
    signal.as_raw()
}
