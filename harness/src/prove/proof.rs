//! `proof.json`: which known bugs were put back, and what caught each. Schema 1 changes by addition only.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fixture::{Catcher, Fixture};
use super::tools::{Said, Tool};
use crate::exit_code;

/// The version of this format.
pub(super) const SCHEMA: u32 = 1;

/// What a proof found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Proof {
    /// The version of this format.
    pub schema: u32,
    /// leakgate's version.
    pub leakgate: String,
    /// Commit of the tree that was copied, when it is a git checkout.
    pub commit: Option<String>,
    /// Which part of the fixtures this is, `K/N`; absent when it is all of them.
    pub shard: Option<String>,
    /// From the first build to the last run, milliseconds.
    pub duration_ms: u64,
    /// Whether it was cut short.
    pub interrupted: bool,
    /// The catchers on the tree without a bug: each must be quiet.
    pub clean: Vec<Trial>,
    /// The bugs, by name.
    pub fixtures: Vec<Proven>,
    /// The tools that looked at them too (`--tools`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// Why others did not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools_missing: Vec<String>,
}

/// A catcher that ran once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Trial {
    /// The scenario, or `test NAME`.
    pub catcher: String,
    /// What it said.
    pub answer: Answer,
    /// The metrics that were red.
    pub red: Vec<String>,
    /// The site that grows most; absent when none does, or nothing was profiled.
    pub site: Option<SeenSite>,
    /// Why, where it was neither quiet nor red; else empty.
    pub detail: String,
    /// How long it took, milliseconds; builds not counted.
    pub duration_ms: u64,
    /// The run's directory, relative to the proof's; absent for a test.
    pub evidence: Option<String>,
    /// What the tools that people use today say of the same load (`--tools`); nothing of a test.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Said>,
}

/// The first line of the project's own that a growing site shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SeenSite {
    /// The function.
    pub function: String,
    /// Its source file.
    pub file: String,
    /// Its line.
    pub line: u32,
}

impl fmt::Display for SeenSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}:{})", self.function, self.file, self.line)
    }
}

/// What a catcher said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// There is nothing.
    Quiet,
    /// There is a leak, or the test fails.
    Red,
    /// It does not know.
    None,
}

/// A bug that was put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Proven {
    /// The fixture's name.
    pub name: String,
    /// What its header says.
    pub title: String,
    /// Where the bug was met first.
    pub origin: String,
    /// What must catch it: the scenario, or `test NAME`.
    pub catcher: String,
    /// The metrics that must be red; empty for a test.
    pub metrics: Vec<String>,
    /// The function and the file that the first growing site must be in.
    pub site: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, for anything but `caught`; else empty.
    pub detail: String,
    /// How often its catcher caught it.
    pub caught: u32,
    /// Of so many times.
    pub times: u32,
    /// From the patch to the build, milliseconds.
    pub build_ms: u64,
    /// Its own catcher's trials, then those of other scenarios (`--all-scenarios`).
    pub trials: Vec<Trial>,
}

/// What came of a bug that was put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// As its header says, each time.
    Caught,
    /// Not, or not by what its header says.
    NotCaught,
    /// The patch no longer applies: it has to be made again.
    DoesNotApply,
    /// The patched source does not build: it has to be made again.
    DoesNotBuild,
    /// It applies and builds; nothing was run (`--check`).
    Builds,
}

impl Outcome {
    /// As words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Outcome::Caught => "caught",
            Outcome::NotCaught => "NOT CAUGHT",
            Outcome::DoesNotApply => "does not apply",
            Outcome::DoesNotBuild => "does not build",
            Outcome::Builds => "applies and builds",
        }
    }

    const fn exit_code(self) -> u8 {
        match self {
            Outcome::Caught | Outcome::Builds => exit_code::PASS,
            Outcome::NotCaught => exit_code::LEAK,
            Outcome::DoesNotApply => exit_code::USAGE,
            Outcome::DoesNotBuild => exit_code::TARGET_FAILED,
        }
    }
}

impl Proven {
    /// A fixture of which nothing is known yet.
    pub(super) fn of(fixture: &Fixture, times: u32) -> Proven {
        let (metrics, site) = match &fixture.catcher {
            Catcher::Gates(gates) => (gates.metrics.as_slice(), gates.site.as_ref()),
            Catcher::Test { .. } => (&[][..], None),
        };
        Proven {
            name: fixture.name.clone(),
            title: fixture.title.clone(),
            origin: fixture.origin.clone(),
            catcher: fixture.catcher.name(),
            metrics: metrics
                .iter()
                .map(|metric| metric.name().to_owned())
                .collect(),
            site: site.map(ToString::to_string),
            outcome: Outcome::Builds,
            detail: String::new(),
            caught: 0,
            times,
            build_ms: 0,
            trials: Vec::new(),
        }
    }

    /// `threads, fds on open-close`.
    pub(super) fn by(&self) -> String {
        match self.metrics.as_slice() {
            [] => self.catcher.clone(),
            metrics => format!("{} on {}", metrics.join(", "), self.catcher),
        }
    }

    /// The first scenario that was red on a metric.
    pub(super) fn first_red_on(&self, metric: &str) -> Option<&str> {
        let red = |trial: &&Trial| trial.red.iter().any(|red| red == metric);
        self.trials
            .iter()
            .find(red)
            .map(|trial| trial.catcher.as_str())
    }

    /// How long its trials took, milliseconds.
    pub(super) fn trials_ms(&self) -> u64 {
        self.trials.iter().map(|trial| trial.duration_ms).sum()
    }
}

impl Proof {
    /// The metrics that any bug turned red, by name.
    pub(super) fn metrics(&self) -> Vec<&str> {
        let trials = self.fixtures.iter().flat_map(|fixture| &fixture.trials);
        let red: BTreeSet<&str> = trials
            .flat_map(|trial| &trial.red)
            .map(String::as_str)
            .collect();
        red.into_iter().collect()
    }

    /// How many bugs came out as they should.
    pub(super) fn as_expected(&self) -> usize {
        let good = |fixture: &&Proven| fixture.outcome.exit_code() == exit_code::PASS;
        self.fixtures.iter().filter(good).count()
    }

    /// The catchers that are not quiet on the tree without a bug.
    pub(super) fn not_clean(&self) -> impl Iterator<Item = &Trial> {
        self.clean
            .iter()
            .filter(|trial| trial.answer != Answer::Quiet)
    }

    /// The worst of what was found, as leakgate's exit code.
    pub(super) fn exit_code(&self) -> u8 {
        if self.interrupted {
            return exit_code::INTERRUPTED;
        }
        let clean = self.not_clean().map(|trial| match trial.answer {
            Answer::Red => exit_code::LEAK,
            Answer::Quiet | Answer::None => exit_code::INCONCLUSIVE,
        });
        let codes: Vec<u8> = clean
            .chain(self.fixtures.iter().map(|f| f.outcome.exit_code()))
            .collect();
        const WORST_FIRST: [u8; 4] = [
            exit_code::USAGE,
            exit_code::LEAK,
            exit_code::TARGET_FAILED,
            exit_code::INCONCLUSIVE,
        ];
        let worst = WORST_FIRST.into_iter().find(|code| codes.contains(code));
        worst.unwrap_or(exit_code::PASS)
    }
}
