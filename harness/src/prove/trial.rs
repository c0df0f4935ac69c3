//! One catcher, run once on a tree: a scenario with its gates, or a test of a package.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::fixture::{Catcher, Gates};
use super::proof::{Answer, SeenSite, Trial};
use super::tree::Tree;
use crate::causes::with_causes;
use crate::cli::Failure;
use crate::cli::job::{Job, Shown, build};
use crate::cli::workspace::{config, scenario_failure};
use crate::config::Config;
use crate::drive::{ProfileMode, Profiler};
use crate::judge::{ExitClass, GateVerdict, ScenarioVerdict, Verdict};
use crate::known::Ledger;
use crate::scenario::{self, Scenario};

/// What is run on the trees of a proof.
#[derive(Debug)]
pub(super) struct Trials<'p> {
    pub(super) tree: &'p Tree,
    /// The proof's directory.
    pub(super) directory: &'p Path,
}

impl Trials<'_> {
    /// Builds what a catcher needs.
    pub(super) fn compile(&self, catcher: &Catcher) -> Result<(), Failure> {
        match catcher {
            Catcher::Gates(gates) => self.prepared(&gates.scenario).map(|_| ()),
            Catcher::Test { package, .. } => match self.cargo_test(package, &["--no-run"])? {
                true => Ok(()),
                false => Err(Failure::target(format!(
                    "the tests of {package} do not build"
                ))),
            },
        }
    }

    /// The configuration of the tree and a scenario of it, its target built.
    fn prepared(&self, name: &str) -> Result<(Config, Scenario), Failure> {
        let config = self.config()?;
        let directory = config.root.join("scenarios");
        let scenario = scenario::find(name, &directory).map_err(scenario_failure)?;
        build(&config, std::slice::from_ref(&scenario), None)?;
        Ok((config, scenario))
    }

    fn config(&self) -> Result<Config, Failure> {
        let mut config = config(Some(&self.tree.root().join("leakgate.toml")))?;
        config.build_env = config.prove.env.clone();
        Ok(config)
    }

    /// Runs a catcher once; its run is kept under `subject`. None when it was interrupted.
    ///
    /// A growing site is asked for only where the header names one: that takes a second build and a second run.
    pub(super) fn run(&self, catcher: &Catcher, subject: &str) -> Result<Option<Trial>, Failure> {
        match catcher {
            Catcher::Gates(Gates { scenario, site, .. }) => {
                let profile = match site {
                    Some(_) => ProfileMode::OnLeak,
                    None => ProfileMode::Never,
                };
                self.run_scenario(scenario, profile, subject)
            }
            Catcher::Test { package, test } => {
                let began = Instant::now();
                let passes = self.cargo_test(package, &[test])?;
                Ok(Some(Trial {
                    catcher: catcher.name(),
                    answer: if passes { Answer::Quiet } else { Answer::Red },
                    red: Vec::new(),
                    site: None,
                    detail: String::new(),
                    duration_ms: milliseconds_since(began),
                    evidence: None,
                }))
            }
        }
    }

    /// Runs a scenario once.
    pub(super) fn run_scenario(
        &self,
        name: &str,
        profile: ProfileMode,
        subject: &str,
    ) -> Result<Option<Trial>, Failure> {
        let (config, scenario) = self.prepared(name)?;
        let began = Instant::now();
        let job = Job {
            config,
            scenarios: vec![scenario],
            // A fixture is a leak that must be seen, whoever answers for it.
            known: Ledger::default(),
            reports: self.directory.join(subject),
            profile,
            profiler: Profiler::Dhat,
            quick: false,
            seeding: None,
            shown: Shown::Progress,
            runs: 1,
            seed: None,
            shard: None,
        };
        let done = job.execute()?;
        if done.verdict.exit_class() == ExitClass::Interrupted {
            return Ok(None);
        }
        let run = done.directory.file_name().unwrap_or_default();
        let evidence = format!("{subject}/{}", run.to_string_lossy());
        let scenario = done.verdict.scenarios.first();
        Ok(Some(Trial {
            duration_ms: milliseconds_since(began),
            evidence: Some(evidence),
            ..seen(name, scenario)
        }))
    }

    /// Runs `cargo test` in the copy; whether it succeeded.
    fn cargo_test(&self, package: &str, arguments: &[&str]) -> Result<bool, Failure> {
        /// What cargo exits with when a test failed or did not compile.
        const FAILED: i32 = 101;
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(self.tree.root())
            .envs(self.config()?.build_env)
            .args(["test", "--quiet", "-p", package])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = cargo.status().map_err(|error| {
            Failure::target(format!("cannot run cargo: {}", with_causes(&error)))
        })?;
        match status.code() {
            Some(0) => Ok(true),
            Some(FAILED) => Ok(false),
            _ => Err(Failure::target(format!("cargo test ended with {status}"))),
        }
    }
}

/// What a scenario's verdict says.
fn seen(name: &str, verdict: Option<&ScenarioVerdict>) -> Trial {
    let gates = verdict.map_or(&[][..], |verdict| &verdict.gates);
    let red = gates
        .iter()
        .filter(|gate| gate.verdict == GateVerdict::Leak)
        .map(|gate| gate.metric.name().to_owned());
    let site = verdict.and_then(|verdict| verdict.sites.first());
    Trial {
        catcher: name.to_owned(),
        answer: match verdict.map(|verdict| verdict.verdict) {
            Some(Verdict::Pass) => Answer::Quiet,
            Some(Verdict::Leak) => Answer::Red,
            _ => Answer::None,
        },
        red: red.collect(),
        site: site.map(|site| SeenSite {
            function: site.function.clone(),
            file: site.file.clone(),
            line: site.line,
        }),
        detail: verdict.map_or("no scenario ran".to_owned(), |verdict| {
            verdict.detail.clone()
        }),
        duration_ms: 0,
        evidence: None,
    }
}

/// What of a header a trial does not show.
pub(super) fn missing(gates: &Gates, trial: &Trial) -> Option<String> {
    let is_red = |name: &str| trial.red.iter().any(|red| red == name);
    if let Some(metric) = gates.metrics.iter().find(|metric| !is_red(metric.name())) {
        let red = match trial.red.as_slice() {
            [] => "nothing".to_owned(),
            red => red.join(", "),
        };
        let missing = format!("{} is not red; red: {red}. {}", metric.name(), trial.detail);
        return Some(missing.trim_end().to_owned());
    }
    let site = gates.site.as_ref()?;
    let Some(first) = &trial.site else {
        return Some(format!("no site grows, where {site} should"));
    };
    (!site.is(&first.function, &first.file))
        .then(|| format!("the first site is {first}, not {site}"))
}

pub(super) fn milliseconds_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
