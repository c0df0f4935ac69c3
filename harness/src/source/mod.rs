//! A TOML file that a person wrote, and everything that is wrong with it, each at its place.

mod document;
mod json;
mod measures;
mod node;
mod suggest;
mod table;
mod value;

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

pub(crate) use document::{Document, read_text};
pub(crate) use measures::{parse_bytes, parse_size};
pub(crate) use node::{Node, known_placeholders};
pub(crate) use suggest::{closest, listed};
pub(crate) use table::Table;

use crate::style::Colour;

/// A file with more problems than this is not that kind of file: the rest is counted, not shown.
const SHOWN_MAX: usize = 20;
/// Nobody needs to know how many more there are.
const FOUND_MAX: usize = 1_000;

/// All that is wrong with one file and those that it includes; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceErrors {
    files: Vec<SourceFile>,
    problems: Vec<Problem>,
}

/// A file as it was read, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SourceFile {
    path: String,
    text: String,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    /// Which of the files: 0 is the one that was asked for.
    file: usize,
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
        let renderer = match colour {
            Colour::Never => Renderer::plain(),
            Colour::Always => Renderer::styled(),
        };
        let mut shown: Vec<String> = self
            .problems
            .iter()
            .take(SHOWN_MAX)
            .map(|problem| self.render_one(problem, &renderer))
            .collect();
        if self.problems.len() > SHOWN_MAX {
            shown.push(format!("and {} more", self.problems.len() - SHOWN_MAX));
        }
        shown.join("\n\n")
    }

    /// Whether every problem points inside its file.
    #[cfg(test)]
    pub(crate) fn point_inside(&self) -> bool {
        self.problems.iter().all(|problem| {
            let text = &self.files[problem.file].text;
            let Range { start, end } = problem.span;
            start <= end && text.is_char_boundary(start) && text.is_char_boundary(end)
        })
    }

    fn render_one(&self, problem: &Problem, renderer: &Renderer) -> String {
        let SourceFile { path, text } = &self.files[problem.file];
        let place = AnnotationKind::Primary
            .span(problem.span.clone())
            .label(problem.label.as_str());
        let snippet = Snippet::source(text.as_str())
            .path(path.as_str())
            .annotation(place);
        let mut group = Level::ERROR
            .primary_title(problem.message.as_str())
            .element(snippet);
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

impl fmt::Display for SourceErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Colour::Never))
    }
}

impl std::error::Error for SourceErrors {}

/// The problems found so far: reading goes on after one, so that a person sees all of them at once.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    file: usize,
    found: Vec<Problem>,
}

impl Problems {
    /// What is added from now on is in that file; returns the one before.
    pub(crate) fn in_file(&mut self, file: usize) -> usize {
        std::mem::replace(&mut self.file, file)
    }

    /// Adds one: what is wrong, and what belongs in its place.
    pub(crate) fn add(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) {
        self.push(span, message.into(), label.into(), None);
    }

    /// Adds one with a line of advice.
    pub(crate) fn add_with_help(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(span, message.into(), label.into(), Some(help.into()));
    }

    fn push(&mut self, span: Range<usize>, message: String, label: String, help: Option<String>) {
        let problem = Problem {
            file: self.file,
            span,
            message,
            label,
            help,
        };
        // The same step is read in several cycles and rounds: what is wrong with it is told once.
        if self.found.len() < FOUND_MAX && !self.found.contains(&problem) {
            self.found.push(problem);
        }
    }

    /// Adds those that were found elsewhere in the same files.
    pub(crate) fn append(&mut self, others: Problems) {
        for problem in others.found {
            if self.found.len() < FOUND_MAX && !self.found.contains(&problem) {
                self.found.push(problem);
            }
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// Gives every problem after the first `from` that has no advice this one.
    pub(crate) fn explain(&mut self, from: usize, help: impl Fn() -> String) {
        for problem in self.found.iter_mut().skip(from) {
            problem.help.get_or_insert_with(&help);
        }
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn none(&self) -> bool {
        self.found.is_empty()
    }

    /// The errors in these documents, in the order of the files and their lines.
    pub(crate) fn into_errors(self, documents: &[Document]) -> SourceErrors {
        let mut problems = self.found;
        problems.sort_by_key(|problem| (problem.file, problem.span.start));
        let file = |document: &Document| SourceFile {
            path: document.path().to_string(),
            text: document.text().to_owned(),
        };
        SourceErrors {
            files: documents.iter().map(file).collect(),
            problems,
        }
    }
}
