//! `leakgate bisect`: finds the commit that introduced a leak, by verdict.
//!
//! Commits are checked out in a worktree of their own, and built and started as their own `leakgate.toml` says; today's
//! leakgate drives them with today's scenario. What does not build or gives no verdict is gone around.

mod history;
mod report;
mod search;
mod worktree;

use std::path::PathBuf;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::causes::with_causes;
use crate::cli::job::{Done, Job, Shown, runtime};
use crate::cli::workspace::{self, scenario_failure};
use crate::cli::{BisectArguments, Failure, output};
use crate::config::Config;
use crate::drive::{ProfileMode, Profiler};
use crate::exit_code;
use crate::judge::{ExitClass, Verdict};
use crate::known::Ledger;
use crate::report::{ScenarioReport, headline_of, json, replace};
use crate::scenario::{self, Scenario};
use crate::target::{self, Messages};
use history::{Commit, History, short};
use search::{Answer, Next, Search};
use worktree::Worktree;

/// What is written beside the runs.
const FILE: &str = "bisect.json";

pub use report::{Bisection, CommitInfo, Found, Tried, TriedAnswer};

/// Finds the first commit after GOOD, up to BAD, on which the scenario is red.
pub(crate) fn bisect(arguments: &BisectArguments) -> Result<u8, Failure> {
    let config = workspace::config(arguments.config.as_deref())?;
    let scenario = scenario::find(&arguments.scenario, &config.root.join("scenarios"));
    let scenario = scenario.map_err(scenario_failure)?;
    let history = History::of(&config.root).map_err(usage)?;
    let good = history.commit(&arguments.good).map_err(usage)?;
    let bad = history.commit(&arguments.bad).map_err(usage)?;
    let ends = [
        (arguments.good.as_str(), &good),
        (arguments.bad.as_str(), &bad),
    ];
    history.comes_after(ends[0], ends[1]).map_err(usage)?;
    let reports = arguments.report_dir.clone();
    let reports = reports.unwrap_or_else(|| config.root.join("reports/bisect"));
    let made = workspace::run_directory(&reports, &["runs"]).map_err(Failure::internal)?;
    let directory = made.1.canonicalize().map_err(Failure::internal)?;
    let mut bench = Bench::new(&config, scenario, &history, directory, &good)?;
    bench.expect(&good, Answer::Green)?;
    bench.expect(&bad, Answer::Red)?;
    let next = bench.search(good.id, bad.id)?;
    bench.finish(next)
}

/// What is wrong with what was asked for.
fn usage(error: impl std::error::Error) -> Failure {
    Failure::usage(with_causes(&error))
}

/// Where commits are tried.
struct Bench<'b> {
    config: &'b Config,
    scenario: Scenario,
    history: &'b History,
    directory: PathBuf,
    worktree: Worktree,
    runtime: Runtime,
    /// From the beginning on, an interrupt ends what is under way and nothing else: the worktree must be removed.
    interrupts: [Signal; 2],
    record: Bisection,
}

/// A commit that was tried, with its run where it came to one.
struct Trial {
    answer: Answer,
    why: String,
    done: Option<Done>,
}

impl<'b> Bench<'b> {
    fn new(
        config: &'b Config,
        scenario: Scenario,
        history: &'b History,
        directory: PathBuf,
        first: &Commit,
    ) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let entered = runtime.enter();
        let interrupts = [
            signal(SignalKind::interrupt()).map_err(Failure::internal)?,
            signal(SignalKind::terminate()).map_err(Failure::internal)?,
        ];
        drop(entered);
        let worktree = Worktree::add(&history.git, &directory.join("worktree"), &first.id);
        let record = Bisection {
            schema: report::SCHEMA,
            scenario: scenario.name.clone(),
            target: scenario.target.clone(),
            tried: Vec::new(),
            found: None,
        };
        Ok(Self {
            config,
            scenario,
            history,
            worktree: worktree.map_err(|error| Failure::internal(with_causes(&error)))?,
            directory,
            runtime,
            interrupts,
            record,
        })
    }

    /// Tries an end of the search, which is what it must be, or there is nothing to search.
    fn expect(&mut self, commit: &Commit, expected: Answer) -> Result<(), Failure> {
        let end = if expected == Answer::Green {
            "GOOD"
        } else {
            "BAD"
        };
        output::note(&format!("{end}: {} {}", short(&commit.id), commit.subject));
        let trial = self.tried(commit, ProfileMode::Never)?;
        let (id, name) = (short(&commit.id), &self.scenario.name);
        match (trial.answer, expected) {
            (answer, expected) if answer == expected => Ok(()),
            (Answer::Green, _) => Err(Failure::usage(format!(
                "BAD ({id}) is green in `{name}`: there is no leak whose beginning could be found"
            ))),
            (Answer::Red, _) => Err(Failure::usage(format!(
                "GOOD ({id}) is red in `{name}` ({}): choose an earlier commit",
                trial.why
            ))),
            (Answer::None, _) => Err(Failure {
                code: exit_code::INCONCLUSIVE,
                message: format!("{end} ({id}) gives no verdict in `{name}`: {}", trial.why),
            }),
        }
    }

    fn search(&mut self, good: String, bad: String) -> Result<Next, Failure> {
        let mut search = Search::new(good, bad);
        loop {
            let candidates = self.history.between(search.good(), search.bad());
            let candidates = candidates.map_err(|error| Failure::internal(with_causes(&error)))?;
            match search.next(&candidates) {
                Next::Try { commit, left } => {
                    let commit = self.commit(&commit)?;
                    let (id, subject) = (short(&commit.id), &commit.subject);
                    let among = candidates.len();
                    output::note(&format!(
                        "{among} commits, about {left} steps after this one: {id} {subject}"
                    ));
                    let trial = self.tried(&commit, ProfileMode::Never)?;
                    search.answered(commit.id, trial.answer);
                }
                found => return Ok(found),
            }
        }
    }

    /// Runs the commit that was found once more, with a profile where there is one, and tells.
    fn finish(mut self, found: Next) -> Result<u8, Failure> {
        let ids = match found {
            Next::Found(id) => vec![id],
            Next::Among(ids) => ids,
            Next::Try { .. } => Vec::new(),
        };
        let commits = ids.iter().map(|id| self.commit(id));
        let commits: Vec<Commit> = commits.collect::<Result<_, _>>()?;
        let last = commits.last().cloned();
        let trial = match &last {
            Some(last) => {
                output::note(&format!("once more, for the line: {}", short(&last.id)));
                Some(self.trial(last, ProfileMode::OnLeak)?)
            }
            None => None,
        };
        let done = trial.as_ref().and_then(|trial| trial.done.as_ref());
        let infos = commits.iter().map(CommitInfo::from).collect();
        let run = done.map(|done| done.directory.display().to_string());
        let found = Found::of(
            infos,
            done.and_then(|done| done.report.scenarios.first()),
            run,
        );
        output::text(&found.text(&self.scenario.name))?;
        let one = found.commits.len() == 1;
        self.record.found = Some(found);
        self.store()?;
        output::note(&format!("written: {}", self.path().display()));
        Ok(if one {
            exit_code::PASS
        } else {
            exit_code::INCONCLUSIVE
        })
    }

    fn commit(&self, id: &str) -> Result<Commit, Failure> {
        let commit = self.history.commit(id);
        commit.map_err(|error| Failure::internal(with_causes(&error)))
    }

    /// Tries a commit, writes down what came of it and tells.
    fn tried(&mut self, commit: &Commit, profile: ProfileMode) -> Result<Trial, Failure> {
        let trial = self.trial(commit, profile)?;
        let run = trial
            .done
            .as_ref()
            .map(|done| done.directory.display().to_string());
        let tried = Tried {
            commit: CommitInfo::from(commit),
            answer: trial.answer.into(),
            why: trial.why.clone(),
            run,
        };
        output::note(&tried.line());
        self.record.tried.push(tried);
        self.store()?;
        Ok(trial)
    }

    fn trial(&mut self, commit: &Commit, profile: ProfileMode) -> Result<Trial, Failure> {
        let none = |why: String| Trial {
            answer: Answer::None,
            why,
            done: None,
        };
        let checked_out = self.worktree.check_out(&commit.id);
        self.unless_interrupted()?;
        if let Err(error) = checked_out {
            return Ok(none(with_causes(&error)));
        }
        let config = match self.config_of_commit() {
            Ok(config) => config,
            Err(failure) => return Ok(none(failure.message)),
        };
        let Some(target) = config.targets.get(&self.scenario.target) else {
            let name = &self.scenario.target;
            return Ok(none(format!("its leakgate.toml has no target `{name}`")));
        };
        if let Some(build) = &target.process.build
            && let Err(why) = self.build(build, &config)?
        {
            return Ok(none(why));
        }
        let done = self.job(config, profile).execute()?;
        if done.verdict.exit_class() == ExitClass::Interrupted {
            return Err(Failure::interrupted());
        }
        let (answer, why) = answer(done.report.scenarios.first());
        Ok(Trial {
            answer,
            why,
            done: Some(done),
        })
    }

    /// The configuration of the commit that is checked out; today's where it has none.
    fn config_of_commit(&self) -> Result<Config, Failure> {
        let root = self.worktree.path().join(&self.history.workspace);
        let path = root.join(workspace::CONFIG);
        match path.is_file() {
            true => workspace::config(Some(&path)),
            false => Ok(Config {
                root,
                ..self.config.clone()
            }),
        }
    }

    /// Builds the target; why it does not build, where it does not.
    fn build(&mut self, build: &[String], config: &Config) -> Result<Result<(), String>, Failure> {
        let [interrupt, terminate] = &mut self.interrupts;
        let built = self.runtime.block_on(async {
            tokio::select! {
                built = target::build(build, &config.root, &config.build_env, Messages::Kept) => Some(built),
                _ = interrupt.recv() => None,
                _ = terminate.recv() => None,
            }
        });
        let built = built.ok_or_else(Failure::interrupted)?;
        Ok(built.map_err(|error| with_causes(&error)))
    }

    fn job(&self, config: Config, profile: ProfileMode) -> Job {
        Job {
            config,
            scenarios: vec![self.scenario.clone()],
            // A leak that somebody answers for began somewhere too.
            known: Ledger::default(),
            reports: self.directory.join("runs"),
            profile,
            profiler: Profiler::Dhat,
            quick: false,
            runs: 1,
            shard: None,
            seeding: None,
            shown: Shown::Progress,
            seed: None,
        }
    }

    /// An interrupt that came while git ran.
    fn unless_interrupted(&mut self) -> Result<(), Failure> {
        let [interrupt, terminate] = &mut self.interrupts;
        let came = self.runtime.block_on(async {
            tokio::select! {
                biased;
                _ = interrupt.recv() => true,
                _ = terminate.recv() => true,
                () = tokio::task::yield_now() => false,
            }
        });
        if came {
            Err(Failure::interrupted())
        } else {
            Ok(())
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    fn store(&self) -> Result<(), Failure> {
        let json = json(&self.record).map_err(Failure::internal)?;
        let stored = replace(&self.directory, FILE, &json);
        stored.map_err(|error| Failure::internal(with_causes(&error)))
    }
}

/// What a run says of its commit, and why.
fn answer(scenario: Option<&ScenarioReport>) -> (Answer, String) {
    let Some(scenario) = scenario else {
        return (Answer::None, "no scenario ran".to_owned());
    };
    match scenario.verdict {
        Verdict::Pass => (Answer::Green, String::new()),
        Verdict::Leak => (Answer::Red, headline_of(scenario)),
        Verdict::Inconclusive
        | Verdict::Withdrawn
        | Verdict::Known
        | Verdict::Skipped
        | Verdict::Error
        | Verdict::Timeout => (Answer::None, headline_of(scenario)),
    }
}
