//! What one cycle does: steps, and the blocks that hold them, with the cycle's values in every text.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::model::{Action, At};
use crate::record::event::Phase;

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The file, where it is not the scenario's own.
    pub file: Option<Arc<str>>,
    pub(super) document: usize,
    pub(super) span: Range<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "line {} of {file}", self.line),
            None => write!(f, "line {}", self.line),
        }
    }
}

/// What a cycle does, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// One action.
    Step(Step),
    /// The same steps again and again.
    Repeat(Block<Vec<Part>>),
    /// The steps of a group.
    Group(Block<Part>),
    /// Branches at the same time.
    Parallel(Block<Branch>),
}

/// Parts that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Block<T> {
    /// Where it stands.
    pub place: Place,
    /// A group's name; else what it is.
    pub name: String,
    /// How long all of it may take.
    pub within: Option<Duration>,
    /// Rounds, parts or branches.
    pub parts: Vec<T>,
}

/// What runs beside other branches.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Its name, with its number where several have it.
    pub name: String,
    /// What it does, in order.
    pub parts: Vec<Part>,
}

/// One action of a cycle.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Where it stands: errors at run time point there too.
    pub place: Place,
    /// Which cycles run it.
    pub when: When,
    /// What it does.
    pub action: Action,
    /// How long it may take before the target counts as stuck.
    pub within: Duration,
    /// The error that must be the answer; doing it withdraws the verdict then.
    pub expect_error: Option<String>,
    pub(super) spans: Spans,
}

/// Where the parts of a step stand that only the sequence shows to be wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spans {
    pub(super) session: Range<usize>,
    pub(super) client: Range<usize>,
}

/// Which cycles run a step; cycles count from 1 in each phase.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// All of them.
    Always,
    /// Every n-th: n, 2n, 3n, ...
    Every(u32),
    /// All but every n-th.
    ExceptEvery(u32),
    /// These measured cycles, in order, and no warm-up cycle.
    Only(Vec<u32>),
    /// Every cycle but these measured ones, in order.
    Except(Vec<u32>),
}

impl When {
    /// The first measured cycle that runs the step; 1 for one that none runs.
    pub fn first(&self) -> u32 {
        match self {
            When::Always | When::ExceptEvery(_) => 1,
            When::Every(n) => *n,
            When::Only(cycles) => cycles.first().copied().unwrap_or(1),
            When::Except(cycles) => (1..).find(|cycle| !cycles.contains(cycle)).unwrap_or(1),
        }
    }

    /// Whether a cycle runs the step.
    pub fn includes(&self, at: At) -> bool {
        let measured = at.phase == Phase::Measure;
        let listed = |cycles: &[u32]| measured && cycles.binary_search(&at.cycle).is_ok();
        match self {
            When::Always => true,
            When::Every(n) => at.cycle.is_multiple_of(*n),
            When::ExceptEvery(n) => !at.cycle.is_multiple_of(*n),
            When::Only(cycles) => listed(cycles),
            When::Except(cycles) => !listed(cycles),
        }
    }
}
