//! One catcher, run once on a tree: a scenario with its gates, or a test of a package.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::fixture::{Catcher, Gates, test_name};
use super::proof::{Answer, SeenSite, Trial};
use super::tools::{Said, Tool};
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
use crate::target::Messages;
use crate::units::milliseconds;

/// What is run on the trees of a proof.
#[derive(Debug)]
pub(super) struct Trials<'p> {
    pub(super) tree: &'p Tree,
    /// The proof's directory.
    pub(super) directory: &'p Path,
    /// Whether nothing else runs beside them.
    pub(super) is_alone: bool,
}

/// A catcher whose programs are built.
#[derive(Debug)]
pub(super) enum Ready {
    Scenario {
        config: Box<Config>,
        scenario: Box<Scenario>,
        profile: ProfileMode,
    },
    Test {
        package: String,
        test: String,
    },
}

impl Trials<'_> {
    /// Builds what a catcher needs.
    ///
    /// A growing site is asked for only where the header names one: that takes a second build and a second run.
    pub(super) fn ready(&self, catcher: &Catcher) -> Result<Ready, Failure> {
        match catcher {
            Catcher::Gates(Gates { scenario, site, .. }) => {
                let profile = match site {
                    Some(_) => ProfileMode::OnLeak,
                    None => ProfileMode::Never,
                };
                self.ready_scenario(scenario, profile)
            }
            Catcher::Test { package, test } => match self.cargo_test(package, &["--no-run"])? {
                true => Ok(Ready::Test {
                    package: package.clone(),
                    test: test.clone(),
                }),
                false => Err(Failure::target(format!(
                    "the tests of {package} do not build"
                ))),
            },
        }
    }

    /// Builds the target of a scenario.
    pub(super) fn ready_scenario(
        &self,
        name: &str,
        profile: ProfileMode,
    ) -> Result<Ready, Failure> {
        let config = self.config()?;
        let directory = config.root.join("scenarios");
        let scenario = scenario::find(name, &directory).map_err(scenario_failure)?;
        let messages = match self.is_alone {
            true => Messages::Shown,
            false => Messages::Kept,
        };
        build(&config, std::slice::from_ref(&scenario), None, messages)?;
        Ok(Ready::Scenario {
            config: Box::new(config),
            scenario: Box::new(scenario),
            profile,
        })
    }

    fn config(&self) -> Result<Config, Failure> {
        let mut config = config(Some(&self.tree.root().join("leakgate.toml")))?;
        config.build_env = config.prove.env.clone();
        Ok(config)
    }

    /// Runs a catcher once; its run is kept under `subject`. None when it was interrupted.
    pub(super) fn run(&self, ready: &Ready, subject: &str) -> Result<Option<Trial>, Failure> {
        let began = Instant::now();
        let trial = match ready {
            Ready::Scenario {
                config,
                scenario,
                profile,
            } => self.run_scenario(config, scenario, *profile, subject)?,
            Ready::Test { package, test } => Some(Trial {
                catcher: test_name(test),
                answer: match self.cargo_test(package, &[test])? {
                    true => Answer::Quiet,
                    false => Answer::Red,
                },
                red: Vec::new(),
                site: None,
                detail: String::new(),
                duration_ms: 0,
                evidence: None,
                tools: Vec::new(),
            }),
        };
        Ok(trial.map(|trial| Trial {
            duration_ms: milliseconds(began.elapsed()),
            ..trial
        }))
    }

    fn run_scenario(
        &self,
        config: &Config,
        scenario: &Scenario,
        profile: ProfileMode,
        subject: &str,
    ) -> Result<Option<Trial>, Failure> {
        let done = self.job(config, scenario, profile, subject).execute()?;
        if done.verdict.exit_class() == ExitClass::Interrupted {
            return Ok(None);
        }
        let run = done.directory.file_name().unwrap_or_default();
        let evidence = format!("{subject}/{}", run.to_string_lossy());
        Ok(Some(Trial {
            evidence: Some(evidence),
            ..seen(&scenario.name, done.verdict.scenarios.first())
        }))
    }

    /// What each of the tools says of a catcher's load; nothing of a test. None when it was interrupted.
    pub(super) fn under(
        &self,
        tools: &[Tool],
        ready: &Ready,
        subject: &str,
    ) -> Result<Option<Vec<Said>>, Failure> {
        let mut all = Vec::new();
        if let Ready::Scenario {
            config, scenario, ..
        } = ready
        {
            for tool in tools {
                let subject = format!("{subject}/{}.{}", scenario.name, tool.name());
                let job = self.job(config, scenario, ProfileMode::Never, &subject);
                match tool.look(job)? {
                    Some(said) => all.push(said),
                    None => return Ok(None),
                }
            }
        }
        Ok(Some(all))
    }

    fn job(
        &self,
        config: &Config,
        scenario: &Scenario,
        profile: ProfileMode,
        subject: &str,
    ) -> Job {
        Job {
            config: config.clone(),
            scenarios: vec![scenario.clone()],
            // A fixture is a leak that must be seen, whoever answers for it.
            known: Ledger::default(),
            reports: self.directory.join(subject),
            profile,
            profiler: Profiler::Dhat,
            // A bug that was put back is no borderline case: it shows in few cycles, or the run goes on to more.
            quick: true,
            seeding: None,
            shown: match self.is_alone {
                true => Shown::Progress,
                false => Shown::Nothing,
            },
            runs: 1,
            seed: None,
            shard: None,
        }
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
        tools: Vec::new(),
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
