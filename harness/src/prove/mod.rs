//! `leakgate prove`: puts known bugs back into a copy of the source and shows that each is caught.
//!
//! A leak is caught only when the scenario in its header is red on every metric in its header, in every repetition, the
//! growing site is where the header says, and the same scenario is quiet on the tree without the bug.

mod bench;
mod cargo;
mod fixture;
mod page;
mod proof;
mod queue;
mod table;
mod tools;
mod tree;
mod trial;
mod versus;

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::causes::with_causes;
use crate::cli::job::commit;
use crate::cli::output;
use crate::cli::workspace::{self, config, scenario_failure};
use crate::cli::{Failure, ProveArguments};
use crate::config::Config;
use crate::report::{json, replace};
use crate::scenario::{self, Suite};
use crate::units::milliseconds;
use bench::{Bench, Done, Work};
use fixture::Fixture;
pub(crate) use proof::Proof;
use proof::SCHEMA;
pub(crate) use tools::Tool;
use tree::{Tree, TreeError};

/// Proves the named fixtures, or all of them.
pub(crate) fn prove(arguments: &ProveArguments) -> Result<u8, Failure> {
    let began = Instant::now();
    let config = config(arguments.config.as_deref())?;
    let fixtures = fixtures(&arguments.fixtures, &config.root)?;
    let fixtures = match arguments.shard {
        Some(shard) => shard.of(fixtures),
        None => fixtures,
    };
    let jobs = workspace::jobs(arguments.jobs)?;
    let reports = arguments.report_dir.clone();
    let reports = reports.unwrap_or_else(|| config.root.join("reports/prove"));
    let made = workspace::run_directory(&reports, &[]);
    let (id, directory) = made.map_err(Failure::internal)?;
    let others = others(arguments, &config)?;
    let (tools, tools_missing) = tools(&arguments.tools);
    let bench = |tree: Tree| Bench {
        tree,
        directory: &directory,
        others: &others,
        tools: &tools,
        times: match arguments.check {
            true => 0,
            false => arguments.times,
        },
        is_alone: jobs == 1,
    };
    let trees = Tree::beside(&config, jobs).map_err(tree_failure)?;
    let benches: Vec<Bench<'_>> = trees.into_iter().map(bench).collect();
    let mut proof = Proof {
        schema: SCHEMA,
        leakgate: env!("CARGO_PKG_VERSION").to_owned(),
        commit: commit(&config.root),
        shard: arguments.shard.map(|shard| shard.to_string()),
        duration_ms: 0,
        interrupted: false,
        clean: Vec::new(),
        fixtures: Vec::new(),
        tools: tools.clone(),
        tools_missing,
    };
    all(&benches, &fixtures, arguments.check, &mut proof)?;
    for bench in &benches {
        bench.tree.restore().map_err(tree_failure)?;
    }
    tools::settle(&mut proof);
    proof.duration_ms = milliseconds(began.elapsed());
    store(&proof, &directory)?;
    workspace::point_latest(&reports, &id).map_err(Failure::internal)?;
    if !proof.tools.is_empty() {
        output::text(&versus::terminal(&proof))?;
    }
    output::text(&table::summary(&proof))?;
    output::note(&format!(
        "report: {}",
        directory.join("proof.html").display()
    ));
    Ok(proof.exit_code())
}

/// Each catcher once on the tree without a bug, then each bug; at as many benches as there are.
fn all(
    benches: &[Bench<'_>],
    fixtures: &[Fixture],
    only_check: bool,
    proof: &mut Proof,
) -> Result<(), Failure> {
    let mut catchers = BTreeMap::new();
    for fixture in fixtures.iter().filter(|_| !only_check) {
        let known = catchers.entry(fixture.catcher.name());
        known.or_insert(&fixture.catcher);
    }
    let clean = catchers.values().map(|catcher| Work::Clean(catcher));
    let work: VecDeque<_> = clean.chain(fixtures.iter().map(Work::Bug)).collect();
    let planned = work.len();
    let width = fixtures.iter().map(|f| f.name.len()).max().unwrap_or(0);
    let mut made = 0;
    let done = |done| {
        made += 1;
        match done {
            Done::Clean(trial) => {
                output::note(&format!("[{made}/{planned}] {}", table::clean_line(&trial)));
                proof.clean.push(trial);
            }
            Done::Bug(proven) => {
                output::note(&format!("[{made}/{planned}] {}", proven.title));
                output::text(&table::line(&proven, width))?;
                proof.fixtures.push(proven);
            }
            Done::Interrupted => proof.interrupted = true,
        }
        Ok(!proof.interrupted)
    };
    queue::share(benches, work, Bench::takes, Bench::make, done)?;
    proof.clean.sort_by(|a, b| a.catcher.cmp(&b.catcher));
    proof.fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(())
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

/// The tools that look at each bug too, and why the others do not.
fn tools(wanted: &[Tool]) -> (Vec<Tool>, Vec<String>) {
    let (mut present, mut missing) = (Vec::new(), Vec::new());
    for tool in wanted.iter().copied() {
        match tool.missing() {
            None => present.push(tool),
            Some(program) => {
                let why = format!("{} skipped: {program} is not installed", tool.name());
                output::note(&why);
                missing.push(why);
            }
        }
    }
    (present, missing)
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
