//! `leakgate prove`: puts known bugs back into a copy of the source and shows that each is caught.
//!
//! A leak is caught only when the scenario in its header is red on every metric in its header, in every repetition, the
//! growing site is where the header says, and the same scenario is quiet on the tree without the bug.

mod fixture;
mod page;
mod proof;
mod table;
mod tree;
mod trial;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::causes::with_causes;
use crate::cli::job::commit;
use crate::cli::output;
use crate::cli::workspace::{self, config, scenario_failure};
use crate::cli::{Failure, ProveArguments};
use crate::config::Config;
use crate::drive::ProfileMode;
use crate::exit_code;
use crate::report::{json, replace};
use crate::scenario::{self, Suite};
use crate::units::milliseconds;
use fixture::{Catcher, Fixture};
pub(crate) use proof::Proof;
use proof::{Answer, Outcome, Proven, SCHEMA, Trial};
use tree::{Tree, TreeError};
use trial::{Ready, Trials, missing};

/// The name of the directory of the runs on the tree without a bug.
const CLEAN: &str = "clean";

/// Proves the named fixtures, or all of them.
pub(crate) fn prove(arguments: &ProveArguments) -> Result<u8, Failure> {
    let began = Instant::now();
    let config = config(arguments.config.as_deref())?;
    let fixtures = fixtures(&arguments.fixtures, &config.root)?;
    let fixtures = match arguments.shard {
        Some(shard) => shard.of(fixtures),
        None => fixtures,
    };
    let reports = arguments.report_dir.clone();
    let reports = reports.unwrap_or_else(|| config.root.join("reports/prove"));
    let made = workspace::run_directory(&reports, &[]);
    let (id, directory) = made.map_err(Failure::internal)?;
    let mut proving = Proving {
        tree: &Tree::beside(&config),
        directory: &directory,
        arguments,
        others: others(arguments, &config)?,
        width: fixtures.iter().map(|f| f.name.len()).max().unwrap_or(0),
        proof: Proof {
            schema: SCHEMA,
            leakgate: env!("CARGO_PKG_VERSION").to_owned(),
            commit: commit(&config.root),
            shard: arguments.shard.map(|shard| shard.to_string()),
            duration_ms: 0,
            interrupted: false,
            clean: Vec::new(),
            fixtures: Vec::new(),
        },
    };
    proving.all(&fixtures)?;
    let mut proof = proving.proof;
    proof.duration_ms = milliseconds(began.elapsed());
    store(&proof, &directory)?;
    workspace::point_latest(&reports, &id).map_err(Failure::internal)?;
    output::text(&table::summary(&proof))?;
    output::note(&format!(
        "report: {}",
        directory.join("proof.html").display()
    ));
    Ok(proof.exit_code())
}

/// A proof under way.
struct Proving<'p> {
    tree: &'p Tree,
    directory: &'p Path,
    arguments: &'p ProveArguments,
    /// Scenarios that every bug is shown to, beside its own.
    others: Vec<String>,
    /// Of the longest name.
    width: usize,
    proof: Proof,
}

impl Proving<'_> {
    fn all(&mut self, fixtures: &[Fixture]) -> Result<(), Failure> {
        if !self.arguments.check {
            self.clean(fixtures)?;
        }
        for (index, fixture) in fixtures.iter().enumerate() {
            if self.proof.interrupted {
                break;
            }
            let place = format!("[{}/{}]", index + 1, fixtures.len());
            output::note(&format!("{place} {}: {}", fixture.name, fixture.title));
            let proven = self.one(fixture)?;
            output::text(&table::line(&proven, self.width))?;
            self.proof.fixtures.push(proven);
        }
        self.tree.restore().map_err(tree_failure)
    }

    const fn trials(&self) -> Trials<'_> {
        Trials {
            tree: self.tree,
            directory: self.directory,
        }
    }

    /// Runs each catcher once on the tree without a bug.
    fn clean(&mut self, fixtures: &[Fixture]) -> Result<(), Failure> {
        self.tree.restore().map_err(tree_failure)?;
        let mut catchers = BTreeMap::new();
        for fixture in fixtures {
            let known = catchers.entry(fixture.catcher.name());
            known.or_insert(&fixture.catcher);
        }
        for (index, (name, catcher)) in catchers.iter().enumerate() {
            output::note(&format!(
                "[{}/{}] without a bug: {name}",
                index + 1,
                catchers.len()
            ));
            let ready = self.trials().ready(catcher)?;
            match self.trials().run(&ready, CLEAN)? {
                Some(trial) => self.proof.clean.push(trial),
                None => {
                    self.proof.interrupted = true;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn one(&mut self, fixture: &Fixture) -> Result<Proven, Failure> {
        let times = if self.arguments.check {
            0
        } else {
            self.arguments.times
        };
        let mut proven = Proven::of(fixture, times);
        self.tree.restore().map_err(tree_failure)?;
        let began = Instant::now();
        if let Err(error) = self.tree.apply(&fixture.path) {
            proven.outcome = Outcome::DoesNotApply;
            proven.detail = with_causes(&error);
            return Ok(proven);
        }
        let ready = match self.trials().ready(&fixture.catcher) {
            Ok(ready) => ready,
            Err(failure) if failure.code == exit_code::TARGET_FAILED => {
                proven.outcome = Outcome::DoesNotBuild;
                proven.detail = failure.message;
                return Ok(proven);
            }
            Err(failure) => return Err(failure),
        };
        proven.build_ms = milliseconds(began.elapsed());
        if !self.arguments.check {
            self.catch(fixture, &ready, &mut proven)?;
        }
        Ok(proven)
    }

    /// Runs the catcher as often as was asked for, then the other scenarios once.
    fn catch(
        &mut self,
        fixture: &Fixture,
        ready: &Ready,
        proven: &mut Proven,
    ) -> Result<(), Failure> {
        for _ in 0..proven.times {
            let Some(trial) = self.trials().run(ready, &fixture.name)? else {
                self.proof.interrupted = true;
                break;
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
        for name in &self.others {
            if self.proof.interrupted || *name == proven.catcher {
                continue;
            }
            let ready = self.trials().ready_scenario(name, ProfileMode::Never)?;
            match self.trials().run(&ready, &fixture.name)? {
                Some(trial) => proven.trials.push(trial),
                None => self.proof.interrupted = true,
            }
        }
        Ok(())
    }
}

/// What of its header a fixture's own trial does not show.
fn otherwise(catcher: &Catcher, trial: &Trial) -> Option<String> {
    match catcher {
        Catcher::Gates(gates) => missing(gates, trial),
        Catcher::Test { .. } => (trial.answer != Answer::Red).then(|| "the test passes".to_owned()),
    }
}

/// Writes `proof.json`, `proof.md` and `proof.html`.
fn store(proof: &Proof, directory: &Path) -> Result<(), Failure> {
    let files = [
        ("proof.json", json(proof).map_err(Failure::internal)?),
        ("proof.md", table::markdown(proof).into_bytes()),
        ("proof.html", page::render(proof).into_bytes()),
    ];
    for (name, contents) in files {
        let stored = replace(directory, name, &contents);
        stored.map_err(|error| Failure::internal(with_causes(&error)))?;
    }
    Ok(())
}

/// The scenarios that every bug is shown to: with `--all-scenarios` those of the suites `gate` and `full`, in this order.
fn others(arguments: &ProveArguments, config: &Config) -> Result<Vec<String>, Failure> {
    if !arguments.all_scenarios {
        return Ok(Vec::new());
    }
    let directory = config.root.join("scenarios");
    let mut names = Vec::new();
    for suite in [Suite::Gate, Suite::Full] {
        let scenarios = scenario::load_suite(&directory, suite).map_err(scenario_failure)?;
        names.extend(scenarios.into_iter().map(|scenario| scenario.name));
    }
    Ok(names)
}

fn tree_failure(error: TreeError) -> Failure {
    Failure::internal(with_causes(&error))
}

/// The fixtures that were asked for: by name, by path, or all of `fixtures/leaks/`.
fn fixtures(wanted: &[String], root: &Path) -> Result<Vec<Fixture>, Failure> {
    let directory = root.join("fixtures/leaks");
    let mut paths: Vec<PathBuf> = match wanted {
        [] => {
            let entries = std::fs::read_dir(&directory).map_err(|error| {
                Failure::usage(format!("cannot list {}: {error}", directory.display()))
            })?;
            let paths = entries.flatten().map(|entry| entry.path());
            paths
                .filter(|path| {
                    path.extension()
                        .is_some_and(|extension| extension == "patch")
                })
                .collect()
        }
        names => names.iter().map(|name| by_name(name, &directory)).collect(),
    };
    paths.sort();
    let fixtures = paths.iter().map(|path| Fixture::read(path));
    fixtures
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::usage(with_causes(&error)))
}

fn by_name(name: &str, directory: &Path) -> PathBuf {
    if name.contains('/') {
        PathBuf::from(name)
    } else {
        directory.join(format!("{name}.patch"))
    }
}
