//! sessiond beside its peers: one command, one table.
//!
//! Each figure is taken by turns (a bare PTY reader, sessiond, tmux, and again) on real terminals and real processes;
//! medians are printed side by side, with sessiond's goal and whether it is met. `cargo bench -p sessiond --bench peers`;
//! words after `--` choose questions (`throughput`, `memory`, `rates`, `echo`, `scale`), `--quick` takes a short look,
//! `--json` prints one object per line instead. A peer that is not installed is left out, and that is said.

#![expect(clippy::print_stdout, reason = "a bench is its own reporter")]

mod content;
mod echo;
mod memory;
mod proc;
mod rates;
mod scale;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod throughput;
mod tmux;

use std::process::ExitCode;
use std::time::Duration;

use support::Failure;
use table::{Row, Style};
use tmux::Tmux;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    Quick,
    Full,
}

impl Effort {
    /// One of two numbers.
    pub(crate) const fn pick(self, quick: usize, full: usize) -> usize {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }

    /// Turns that each figure is the median of.
    pub(crate) const fn rounds(self) -> usize {
        self.pick(3, 5)
    }
}

/// Measures, and hands each row over as soon as it is known.
type Question = fn(Effort, Option<&Tmux>, Rows<'_>) -> Result<(), Failure>;

/// Where rows go.
pub(crate) type Rows<'a> = &'a mut dyn FnMut(Row);

const QUESTIONS: [(&str, Question); 5] = [
    ("throughput", throughput::measure),
    ("memory", memory::measure),
    ("rates", rates::measure),
    ("echo", echo::measure),
    ("scale", scale::measure),
];

fn main() -> Result<ExitCode, Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    if !has("--bench") {
        // A test run of all targets wants to know that it builds.
        return Ok(ExitCode::SUCCESS);
    }
    let effort = if has("--quick") {
        Effort::Quick
    } else {
        Effort::Full
    };
    let style = if has("--json") {
        Style::Json
    } else {
        Style::Table
    };
    let tmux = Tmux::find();
    if tmux.is_none() && style == Style::Table {
        println!("tmux is not installed (Debian: apt-get install tmux): left out");
    }
    let chosen = QUESTIONS.iter().any(|(name, _)| has(name));
    table::head(style);
    for (name, measure) in QUESTIONS {
        if !chosen || has(name) {
            measure(effort, tmux.as_ref(), &mut |row| row.print(name, style))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The middle one; times and figures alike.
pub(crate) fn median<T: PartialOrd + Copy>(values: &[T]) -> T {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    sorted[sorted.len() / 2]
}

/// The value that 99 of 100 do not exceed.
pub(crate) fn p99(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[(values.len() * 99).div_ceil(100).saturating_sub(1)]
}

/// Milliseconds, with fractions.
pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A runtime for the client's side.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}
