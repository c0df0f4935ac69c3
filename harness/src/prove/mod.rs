//! `leakgate prove`: puts known bugs back into a copy of the source and shows that each is caught.
//!
//! A leak is caught only when the scenario in its header is red on every metric in its header, in
//! every repetition. A patch that does not apply or compile is an error, not a skip.

mod fixture;
mod tree;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::causes::with_causes;
use crate::cli::job::{Job, Shown, build};
use crate::cli::output;
use crate::cli::workspace::{config, scenario_failure};
use crate::cli::{Failure, ProveArguments};
use crate::config::Config;
use crate::drive::ProfileMode;
use crate::exit_code;
use crate::judge::{ExitClass, GateVerdict, RunVerdict};
use crate::known::Ledger;
use crate::scenario::{self, Metric, Scenario};
use fixture::{Catcher, Fixture, Gates};
use tree::Tree;

/// Proves the named fixtures, or all of them.
pub(crate) fn prove(arguments: &ProveArguments) -> Result<u8, Failure> {
    let config = config(arguments.config.as_deref())?;
    let fixtures = fixtures(&arguments.fixtures, &config.root)?;
    let reports = arguments
        .report_dir
        .clone()
        .unwrap_or_else(|| config.root.join("reports/prove"));
    let tree = Tree::beside(&config.root);
    let width = fixtures
        .iter()
        .map(|fixture| fixture.name.len())
        .max()
        .unwrap_or(0);
    let mut blind = 0;
    for (index, fixture) in fixtures.iter().enumerate() {
        output::note(&format!(
            "[{}/{}] {}: {}",
            index + 1,
            fixtures.len(),
            fixture.name,
            fixture.title
        ));
        tree.restore()
            .map_err(|error| Failure::internal(with_causes(&error)))?;
        tree.apply(&fixture.path)
            .map_err(|error| Failure::usage(with_causes(&error)))?;
        let result = if arguments.check {
            compile(fixture, &tree)?;
            "applies and compiles".to_owned()
        } else {
            let caught = catch(fixture, &tree, &reports, arguments.times)?;
            blind += usize::from(!caught.always());
            caught.describe(&fixture.catcher)
        };
        output::text(&format!("{:width$}  {result}", fixture.name))?;
    }
    tree.restore()
        .map_err(|error| Failure::internal(with_causes(&error)))?;
    Ok(if blind == 0 {
        exit_code::PASS
    } else {
        exit_code::LEAK
    })
}

/// How often a fixture was caught, and what was seen when it was not.
struct Caught {
    red: u32,
    times: u32,
    otherwise: Option<String>,
}

impl Caught {
    fn always(&self) -> bool {
        self.red == self.times
    }

    fn describe(&self, catcher: &Catcher) -> String {
        let by = match catcher {
            Catcher::Gates(gates) => {
                let metrics: Vec<_> = gates.metrics.iter().map(|metric| metric.name()).collect();
                format!("{} on {}", metrics.join(", "), gates.scenario)
            }
            Catcher::Test { package, test } => format!("the test {test} of {package}"),
        };
        match &self.otherwise {
            None => format!("caught by {by}, {} of {}", self.red, self.times),
            Some(otherwise) => format!(
                "NOT CAUGHT by {by}, {} of {}: {otherwise}",
                self.red, self.times
            ),
        }
    }
}

/// Builds what the fixture's catcher needs, from the patched copy.
fn compile(fixture: &Fixture, tree: &Tree) -> Result<(), Failure> {
    match &fixture.catcher {
        Catcher::Gates(gates) => prepared(gates, tree).map(|_| ()),
        Catcher::Test { package, .. } => {
            let built = cargo_test(tree, package, &["--no-run"])?;
            if built {
                Ok(())
            } else {
                Err(Failure::target(format!(
                    "{}: the tests do not compile",
                    fixture.name
                )))
            }
        }
    }
}

/// The configuration of the patched copy and the scenario, its target built.
fn prepared(gates: &Gates, tree: &Tree) -> Result<(Config, Scenario), Failure> {
    let config = config(Some(&tree.root().join("leakgate.toml")))?;
    let directory = config.root.join("scenarios");
    let scenario = scenario::find(&gates.scenario, &directory).map_err(scenario_failure)?;
    build(&config, std::slice::from_ref(&scenario), ProfileMode::Never)?;
    Ok((config, scenario))
}

fn catch(fixture: &Fixture, tree: &Tree, reports: &Path, times: u32) -> Result<Caught, Failure> {
    compile(fixture, tree)?;
    let mut caught = Caught {
        red: 0,
        times,
        otherwise: None,
    };
    for _ in 0..times {
        let otherwise = match &fixture.catcher {
            Catcher::Gates(gates) => run_gates(gates, tree, &reports.join(&fixture.name))?,
            Catcher::Test { package, test } => {
                let passed = cargo_test(tree, package, &[test])?;
                passed.then(|| "the test passes".to_owned())
            }
        };
        caught.red += u32::from(otherwise.is_none());
        caught.otherwise = otherwise.or(caught.otherwise);
    }
    Ok(caught)
}

/// Runs the scenario once; what of the header its verdict does not show.
fn run_gates(gates: &Gates, tree: &Tree, reports: &Path) -> Result<Option<String>, Failure> {
    let (config, scenario) = prepared(gates, tree)?;
    let profile = if gates.site.is_some() {
        ProfileMode::OnLeak
    } else {
        ProfileMode::Never
    };
    let job = Job {
        config,
        scenarios: vec![scenario],
        // A fixture is a leak that must be seen, whoever answers for it.
        known: Ledger::default(),
        reports: reports.to_owned(),
        profile,
        quick: false,
        seeding: None,
        shown: Shown::Progress,
        runs: 1,
        seed: None,
    };
    let verdict = job.execute()?.verdict;
    if verdict.exit_class() == ExitClass::Interrupted {
        return Err(Failure {
            code: exit_code::INTERRUPTED,
            message: "interrupted".to_owned(),
        });
    }
    Ok(missing(gates, &verdict))
}

/// What of the header a verdict does not show.
fn missing(gates: &Gates, verdict: &RunVerdict) -> Option<String> {
    let Some(scenario) = verdict.scenarios.first() else {
        return Some("no scenario ran".to_owned());
    };
    let red = |metric: &Metric| {
        scenario
            .gates
            .iter()
            .any(|gate| gate.metric == *metric && gate.verdict == GateVerdict::Leak)
    };
    if let Some(metric) = gates.metrics.iter().find(|metric| !red(metric)) {
        let red: Vec<_> = Metric::ALL
            .iter()
            .filter(|metric| red(metric))
            .map(|metric| metric.name())
            .collect();
        let red = if red.is_empty() {
            "nothing".to_owned()
        } else {
            red.join(", ")
        };
        return Some(
            format!(
                "{} is not red; red: {red}. {}",
                metric.name(),
                scenario.detail
            )
            .trim_end()
            .to_owned(),
        );
    }
    let site = gates.site.as_ref()?;
    let named = scenario.sites.iter().any(|growing| {
        growing
            .stack
            .iter()
            .any(|frame| frame.contains(site.as_str()))
    });
    (!named).then(|| format!("no growing site in {site}"))
}

/// Runs `cargo test` in the copy; whether it succeeded.
fn cargo_test(tree: &Tree, package: &str, arguments: &[&str]) -> Result<bool, Failure> {
    /// What cargo exits with when a test failed or did not compile.
    const FAILED: i32 = 101;
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(tree.root())
        .args(["test", "--quiet", "-p", package])
        .args(arguments);
    cargo
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = cargo
        .status()
        .map_err(|error| Failure::target(format!("cannot run cargo: {error}")))?;
    match status.code() {
        Some(0) => Ok(true),
        Some(FAILED) => Ok(false),
        _ => Err(Failure::target(format!("cargo test ended with {status}"))),
    }
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
