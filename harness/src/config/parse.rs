//! `leakgate.toml` from text to targets: every field read, every problem found, at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::connection::TABLES;
use super::coverage::{self, Coverage};
use super::model::{Config, Driver, ExecStep, ExecSteps, Process, Profile, Signal, Stop, Target};
use super::prove::{self, Prove};
use super::selftest::{self, SelfTest};
use crate::source::{Document, Node, Problems, SourceErrors, Table, known_placeholders, read_text};
use crate::template;

/// The placeholders that every text of a target may use.
pub(super) const PLACES: [&str; 5] = ["run", "state", "tmp", "root", "port"];
/// How long a start or a stop may take when the file does not say.
pub(super) const WITHIN_DEFAULT: Duration = Duration::from_secs(10);
/// A start or a stop that takes longer has failed.
const WITHIN_MAX: Duration = Duration::from_secs(10 * 60);

/// Why `leakgate.toml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its text is wrong.
    #[error(transparent)]
    Wrong(SourceErrors),
}

impl Config {
    /// Reads `leakgate.toml`.
    ///
    /// # Errors
    /// When the file cannot be read, or anything in it is wrong: all of it at once.
    pub fn load(path: &Path) -> Result<Config, LoadError> {
        let read = |source| LoadError::Read {
            path: path.to_owned(),
            source,
        };
        let text = read_text(path).map_err(read)?;
        let mut config = Config::from_toml(path, &text).map_err(LoadError::Wrong)?;
        // Builds run in the root, and targets in directories of their own: it must mean the same from everywhere.
        config.root = std::path::absolute(config.root.join(".")).map_err(read)?;
        Ok(config)
    }

    /// The targets that `text`, the contents of `path`, describes.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn from_toml(path: &Path, text: &str) -> Result<Config, SourceErrors> {
        let mut problems = Problems::default();
        let document = Document::parse(&path.display().to_string(), text, &mut problems);
        let read = if problems.none() {
            read(&document.root(), &mut problems)
        } else {
            None
        };
        match read {
            Some(read) if problems.none() => Ok(Config {
                root: path.parent().unwrap_or(Path::new("")).to_owned(),
                ..read
            }),
            _ => Err(problems.into_errors(&[document])),
        }
    }
}

/// Everything but where the file lies.
fn read(root: &Table<'_>, problems: &mut Problems) -> Option<Config> {
    const WHAT: &str = "leakgate.toml";
    root.only(&["target", "prove", "coverage"], WHAT, problems);
    let prove = match root.get("prove") {
        Some(node) => prove::read(&node, problems),
        None => Some(Prove::default()),
    };
    let coverage = match root.get("coverage") {
        Some(node) => coverage::read(&node, problems),
        None => Some(Coverage::default()),
    };
    let targets = root
        .require("target", WHAT, problems)?
        .table("targets, written as [target.NAME]", problems)?;
    let mut read = BTreeMap::new();
    for (_, name, node) in targets.entries() {
        let target = node
            .table("a target", problems)
            .and_then(|table| Reader { table, problems }.target(name));
        read.extend(target.map(|target| (name.to_owned(), target)));
    }
    Some(Config {
        root: PathBuf::new(),
        targets: read,
        prove: prove?,
        coverage: coverage?,
        build_env: BTreeMap::new(),
    })
}

/// Reads one target.
pub(super) struct Reader<'t, 'p> {
    pub(super) table: Table<'t>,
    pub(super) problems: &'p mut Problems,
}

impl<'t> Reader<'t, '_> {
    fn target(&mut self, name: &str) -> Option<Target> {
        const KEYS: [&str; 15] = [
            "driver", "build", "command", "env", "ready", "probe", "stop", "requires", "profile",
            "track", "steps", "socket", "stdio", "http", "selftest",
        ];
        self.table.only(&KEYS, "a target", self.problems);
        let table = self.table.clone();
        let process = self.process(&table, "a target");
        let driver = self.driver();
        let ready = self.ready(driver.as_ref());
        let env = self.env();
        let probe = match self.table.get("probe") {
            Some(node) => node.flag(self.problems),
            None => Some(false),
        };
        let stop = match self.table.get("stop") {
            Some(node) => self.stop(&node, driver.as_ref()),
            None => Some(Stop {
                signal: match driver {
                    Some(Driver::Stdio(_)) => None,
                    _ => Some(Signal::Term),
                },
                within: WITHIN_DEFAULT,
            }),
        };
        let requires = match self.table.get("requires") {
            Some(node) => node.strings("a list of programs", self.problems),
            None => Some(Vec::new()),
        };
        let profile = match self.table.get("profile") {
            Some(node) => Some(self.profile(&node, "a profile")?),
            None => None,
        };
        let track = match self.table.get("track") {
            Some(node) => Some(self.profile(&node, "a tracked build")?),
            None => None,
        };
        let selftest = match self.table.get("selftest") {
            Some(node) => selftest::read(&node, self.problems),
            None => Some(SelfTest::default()),
        };
        let target = Target {
            name: name.to_owned(),
            process: process?,
            profile,
            track,
            env: env?,
            driver: driver?,
            ready: ready?,
            probe: probe?,
            stop: stop?,
            requires: requires?,
            selftest: selftest?,
        };
        self.port_is_given(&target).then_some(target)
    }

    /// `build` and `command` of a target or of its variants.
    fn process(&mut self, table: &Table<'t>, what: &str) -> Option<Process> {
        let build = match table.get("build") {
            Some(node) => self.words(&node, &["root"]).map(Some),
            None => Some(None),
        };
        let command = table
            .require("command", what, self.problems)
            .and_then(|node| self.words(&node, &PLACES));
        Some(Process {
            build: build?,
            command: command?,
        })
    }

    fn profile(&mut self, node: &Node<'t>, what: &str) -> Option<Profile> {
        let table = node.table("a table with `build` and `command`", self.problems)?;
        table.only(&["build", "command"], what, self.problems);
        self.process(&table, what)
    }

    fn driver(&mut self) -> Option<Driver> {
        let names = ["sessiond", "exec", "socket", "stdio", "http"];
        let driver = self.require("driver")?.choice(
            "driver",
            &names.map(|name| (name, name)),
            self.problems,
        )?;
        for (table, owner) in TABLES
            .map(|name| (name, name))
            .into_iter()
            .chain([("steps", "exec")])
        {
            if let Some(node) = self.table.get(table).filter(|_| owner != driver) {
                self.problems.add(
                    node.span,
                    format!("only the `{owner}` driver takes `{table}`"),
                    format!("not allowed with `driver = \"{driver}\"`"),
                );
            }
        }
        match driver {
            "sessiond" => Some(Driver::Sessiond),
            "exec" => self
                .require("steps")
                .and_then(|node| self.steps(&node))
                .map(Driver::Exec),
            connected => self.connection(connected),
        }
    }

    fn steps(&mut self, node: &Node<'t>) -> Option<ExecSteps> {
        let table = node.table("a table of commands by step", self.problems)?;
        table.only(
            &ExecStep::ALL.map(ExecStep::name),
            "the `exec` driver",
            self.problems,
        );
        let mut steps = ExecSteps::new();
        for step in ExecStep::ALL {
            let Some(node) = table.get(step.name()) else {
                continue;
            };
            let allowed = [step.placeholders(), &PLACES].concat();
            steps.insert(step, self.words(&node, &allowed)?);
        }
        Some(steps)
    }

    fn stop(&mut self, node: &Node<'t>, driver: Option<&Driver>) -> Option<Stop> {
        let table = node.table("{ signal = \"TERM\", within = \"10s\" }", self.problems)?;
        table.only(&["signal", "within"], "`stop`", self.problems);
        let piped = matches!(driver, Some(Driver::Stdio(_)));
        let signals = [
            ("TERM", Signal::Term),
            ("INT", Signal::Int),
            ("HUP", Signal::Hup),
            ("QUIT", Signal::Quit),
        ];
        let signal = match table.get("signal") {
            Some(node) => node.choice("signal", &signals, self.problems).map(Some),
            None => Some((!piped).then_some(Signal::Term)),
        };
        let within = self.within(&table);
        Some(Stop {
            signal: signal?,
            within: within?,
        })
    }

    pub(super) fn within(&mut self, table: &Table<'t>) -> Option<Duration> {
        match table.get("within") {
            Some(node) => node.duration(WITHIN_MAX, self.problems),
            None => Some(WITHIN_DEFAULT),
        }
    }

    fn env(&mut self) -> Option<BTreeMap<String, String>> {
        let Some(node) = self.table.get("env") else {
            return Some(BTreeMap::new());
        };
        let table = node.table("a table of variables", self.problems)?;
        let mut env = BTreeMap::new();
        for (_, name, node) in table.entries() {
            let value = node.string("a string", self.problems)?;
            self.known(&node, value, &PLACES);
            env.insert(name.to_owned(), value.to_owned());
        }
        Some(env)
    }

    pub(super) fn words(&mut self, node: &Node<'t>, allowed: &[&str]) -> Option<Vec<String>> {
        let words = node.strings("a program and its arguments", self.problems)?;
        for word in &words {
            self.known(node, word, allowed);
        }
        Some(words)
    }

    /// Notes unknown placeholders in `text`.
    pub(super) fn known(&mut self, node: &Node<'t>, text: &str, allowed: &[&str]) {
        known_placeholders(node, &template::placeholders(text), allowed, self.problems);
    }

    pub(super) fn require(&mut self, key: &str) -> Option<Node<'t>> {
        self.table.require(key, "a target", self.problems)
    }
}
