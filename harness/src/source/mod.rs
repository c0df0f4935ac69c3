//! A TOML file that a person wrote, and everything that is wrong with it, each at its place.

mod json;
mod measures;
mod node;
mod suggest;
mod table;

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

pub(crate) use measures::{parse_bytes, parse_size};
pub(crate) use node::{Node, known_placeholders};
pub(crate) use suggest::{closest, listed};
pub(crate) use table::{Table, document};

use crate::style::Colour;

/// A file with more problems than this is not that kind of file: the rest is counted, not shown.
const SHOWN_MAX: usize = 20;

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

    fn render_one(&self, problem: &Problem, renderer: &Renderer) -> String {
        let place = AnnotationKind::Primary
            .span(problem.span.clone())
            .label(problem.label.as_str());
        let snippet = Snippet::source(self.text.as_str())
            .path(self.path.as_str())
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
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
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
        self.0.push(Problem {
            span,
            message,
            label,
            help,
        });
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn none(&self) -> bool {
        self.0.is_empty()
    }

    /// The errors of the file, in the order of its lines.
    pub(crate) fn into_errors(self, path: &str, text: &str) -> SourceErrors {
        let mut problems = self.0;
        problems.sort_by_key(|problem| problem.span.start);
        SourceErrors {
            path: path.to_owned(),
            text: text.to_owned(),
            problems,
        }
    }
}
