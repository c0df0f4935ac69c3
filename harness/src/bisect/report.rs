//! `bisect.json`, and what a bisection says to people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::history::{Commit, short};
use super::search::Answer;
use crate::judge::{GrowingSite, GrownObject};
use crate::report::ScenarioReport;

/// The version of `bisect.json`.
pub(super) const SCHEMA: u32 = 1;

/// A search for the commit that made a scenario red. Schema 1 changes by addition only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bisection {
    /// The version of this format.
    pub schema: u32,
    /// The scenario.
    pub scenario: String,
    /// The target that it ran against.
    pub target: String,
    /// The commits that were tried, in this order: GOOD and BAD first.
    pub tried: Vec<Tried>,
    /// What it comes to; absent while it is under way, and where it was stopped.
    pub found: Option<Found>,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitInfo {
    /// Its id.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
    /// Who wrote it.
    pub author: String,
    /// The day, `YYYY-MM-DD`.
    pub date: String,
}

/// A commit that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tried {
    /// The commit.
    pub commit: CommitInfo,
    /// What its run says.
    pub answer: TriedAnswer,
    /// What is red, or why there is no answer; empty where it is green.
    pub why: String,
    /// The run's directory; absent where it did not come to a run.
    pub run: Option<String>,
}

/// What a commit's run says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriedAnswer {
    /// The scenario passes.
    Green,
    /// It leaks.
    Red,
    /// It does not build, or gives no verdict.
    Skipped,
}

/// What a bisection comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// The commits of which one made the scenario red; more than one where all but the last give no answer.
    pub commits: Vec<CommitInfo>,
    /// The red metrics of the last of them.
    pub metrics: Vec<String>,
    /// The sites that grow there, where it could be profiled.
    pub sites: Vec<GrowingSite>,
    /// The kernel objects and gauges that grow there.
    pub objects: Vec<GrownObject>,
    /// The run that shows it.
    pub run: Option<String>,
}

impl From<&Commit> for CommitInfo {
    fn from(commit: &Commit) -> Self {
        Self {
            id: commit.id.clone(),
            subject: commit.subject.clone(),
            author: commit.author.clone(),
            date: commit.date.clone(),
        }
    }
}

impl From<Answer> for TriedAnswer {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Green => Self::Green,
            Answer::Red => Self::Red,
            Answer::None => Self::Skipped,
        }
    }
}

impl Tried {
    /// `0123456789ab Subject: red, disk +12`.
    pub(super) fn line(&self) -> String {
        let answer = match self.answer {
            TriedAnswer::Green => "green",
            TriedAnswer::Red => "red, ",
            TriedAnswer::Skipped => "skipped, ",
        };
        // The rest of what a build said is in the file.
        let why = self.why.lines().next().unwrap_or_default();
        let (id, subject) = (short(&self.commit.id), &self.commit.subject);
        format!("{id} {subject}: {answer}{why}")
    }
}

impl Found {
    /// What is red in the run of the last commit.
    pub(super) fn of(
        commits: Vec<CommitInfo>,
        scenario: Option<&ScenarioReport>,
        run: Option<String>,
    ) -> Self {
        let red = scenario.into_iter().flat_map(ScenarioReport::red);
        Self {
            commits,
            metrics: red.map(|gate| gate.metric.clone()).collect(),
            sites: scenario.map(|s| s.sites.clone()).unwrap_or_default(),
            objects: scenario.map(|s| s.objects.clone()).unwrap_or_default(),
            run,
        }
    }

    /// What a person reads at the end.
    pub(super) fn text(&self, scenario: &str) -> String {
        let mut text = match self.commits.len() {
            1 => format!("The first commit on which `{scenario}` is red:\n"),
            _ => format!(
                "One of these commits made `{scenario}` red; all but the last give no answer:\n"
            ),
        };
        for commit in &self.commits {
            let CommitInfo {
                id,
                subject,
                author,
                date,
            } = commit;
            text += &format!("  {id}\n  {date}, {author}: {subject}\n");
        }
        text += &format!("\n  red      {}\n", self.metrics.join(", "));
        for site in self.sites.iter().take(3) {
            text += &format!(
                "  grows    {}:{}, {}\n",
                site.file, site.line, site.function
            );
        }
        for object in self.objects.iter().take(5) {
            text += &format!(
                "  {:<8} {:+} `{}`",
                object.metric, object.count, object.name
            );
            let state = if object.state.is_empty() {
                String::new()
            } else {
                format!(", {}", object.state)
            };
            text += &format!("{state}\n");
        }
        if let Some(run) = &self.run {
            text += &format!("  run      {run}\n");
        }
        text
    }
}
