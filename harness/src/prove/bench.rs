//! A bench: one copy of the source, on which a bug is put in, built, and shown to what must catch it.

use std::path::Path;
use std::time::Instant;

use super::fixture::{Catcher, Fixture};
use super::proof::{Answer, Outcome, Proven, Trial};
use super::tools::Tool;
use super::tree::Tree;
use super::tree_failure;
use super::trial::{Ready, Trials, missing};
use crate::causes::with_causes;
use crate::cli::Failure;
use crate::drive::ProfileMode;
use crate::exit_code;
use crate::units::milliseconds;

/// The name of the directory of the runs on the tree without a bug.
const CLEAN: &str = "clean";

/// A copy of the source, and what all benches have in common.
#[derive(Debug)]
pub(super) struct Bench<'p> {
    pub(super) tree: Tree,
    /// The proof's directory.
    pub(super) directory: &'p Path,
    /// Scenarios that every bug is shown to, beside its own.
    pub(super) others: &'p [String],
    /// The tools that look at each bug too.
    pub(super) tools: &'p [Tool],
    /// How often each bug must be caught; with 0 it is only built.
    pub(super) times: u32,
    /// Whether it is the only bench: then builds and runs show how far they are.
    pub(super) is_alone: bool,
}

/// Something to do on a bench.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work<'f> {
    /// A catcher on the tree without a bug.
    Clean(&'f Catcher),
    /// A bug, put back.
    Bug(&'f Fixture),
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Done {
    Clean(Trial),
    Bug(Proven),
    Interrupted,
}

impl Bench<'_> {
    /// Whether the bench in this place may do that: tests are a second build of everything, and the first bench's alone.
    pub(super) fn takes(place: usize, work: &Work<'_>) -> bool {
        let catcher = match work {
            Work::Clean(catcher) => *catcher,
            Work::Bug(fixture) => &fixture.catcher,
        };
        place == 0 || !matches!(catcher, Catcher::Test { .. })
    }

    /// Does it.
    pub(super) fn make(&self, work: Work<'_>) -> Result<Done, Failure> {
        let done = match work {
            Work::Clean(catcher) => self.clean(catcher),
            Work::Bug(fixture) => self.bug(fixture),
        };
        match done {
            Err(failure) if failure.code == exit_code::INTERRUPTED => Ok(Done::Interrupted),
            done => done,
        }
    }

    const fn trials(&self) -> Trials<'_> {
        Trials {
            tree: &self.tree,
            directory: self.directory,
            is_alone: self.is_alone,
        }
    }

    fn clean(&self, catcher: &Catcher) -> Result<Done, Failure> {
        self.tree.restore().map_err(tree_failure)?;
        let ready = self.trials().ready(catcher)?;
        let Some(mut trial) = self.trials().run(&ready, CLEAN)? else {
            return Ok(Done::Interrupted);
        };
        let Some(tools) = self.trials().under(self.tools, &ready, CLEAN)? else {
            return Ok(Done::Interrupted);
        };
        trial.tools = tools;
        Ok(Done::Clean(trial))
    }

    fn bug(&self, fixture: &Fixture) -> Result<Done, Failure> {
        let mut proven = Proven::of(fixture, self.times);
        self.tree.restore().map_err(tree_failure)?;
        let began = Instant::now();
        if let Err(error) = self.tree.apply(&fixture.path) {
            proven.outcome = Outcome::DoesNotApply;
            proven.detail = with_causes(&error);
            return Ok(Done::Bug(proven));
        }
        let ready = match self.trials().ready(&fixture.catcher) {
            Ok(ready) => ready,
            Err(failure) if failure.code == exit_code::TARGET_FAILED => {
                proven.outcome = Outcome::DoesNotBuild;
                proven.detail = failure.message;
                return Ok(Done::Bug(proven));
            }
            Err(failure) => return Err(failure),
        };
        proven.build_ms = milliseconds(began.elapsed());
        if self.times == 0 {
            return Ok(Done::Bug(proven));
        }
        self.catch(fixture, &ready, proven)
    }

    /// Runs the catcher as often as was asked for, then the other scenarios once.
    fn catch(&self, fixture: &Fixture, ready: &Ready, mut proven: Proven) -> Result<Done, Failure> {
        for _ in 0..proven.times {
            let Some(trial) = self.trials().run(ready, &fixture.name)? else {
                return Ok(Done::Interrupted);
            };
            match otherwise(&fixture.catcher, &trial) {
                None => proven.caught += 1,
                Some(otherwise) => proven.detail = otherwise,
            }
            proven.trials.push(trial);
        }
        proven.outcome = match proven.caught == proven.times {
            true => Outcome::Caught,
            false => Outcome::NotCaught,
        };
        let Some(tools) = self.trials().under(self.tools, ready, &fixture.name)? else {
            return Ok(Done::Interrupted);
        };
        if let Some(first) = proven.trials.first_mut() {
            first.tools = tools;
        }
        for name in self.others.iter().filter(|name| **name != proven.catcher) {
            let ready = self.trials().ready_scenario(name, ProfileMode::Never)?;
            match self.trials().run(&ready, &fixture.name)? {
                Some(trial) => proven.trials.push(trial),
                None => return Ok(Done::Interrupted),
            }
        }
        Ok(Done::Bug(proven))
    }
}

/// What of its header a fixture's own trial does not show.
fn otherwise(catcher: &Catcher, trial: &Trial) -> Option<String> {
    match catcher {
        Catcher::Gates(gates) => missing(gates, trial),
        Catcher::Test { .. } => (trial.answer != Answer::Red).then(|| "the test passes".to_owned()),
    }
}
