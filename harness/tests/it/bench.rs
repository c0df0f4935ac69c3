//! A workspace of its own for each test: a `leakgate.toml`, scenarios, and a directory for temporary files to watch.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use assert_cmd::Command;
use serde_json::Value;

/// A target without a probe: a process that only sleeps, and "sessions" that are directories.
pub(crate) const DIRECTORIES: &str = r#"
[target.dirs]
driver  = "exec"
command = ["sh", "-c", "exec sleep 600"]
ready   = { command = ["true"], within = "10s" }
stop    = { signal = "TERM", within = "5s" }
[target.dirs.steps]
open  = ["mkdir", "{tmp}/{session}"]
close = ["rmdir", "{tmp}/{session}"]
"#;

/// Opens and closes one session per cycle.
pub(crate) const OPEN_CLOSE: &str = r#"
question = "Does a session leave anything behind?"
target   = "dirs"
[cycles]
warmup  = 2
measure = 5
[[step]]
do = "open"
session = "s"
command = ["true"]
[[step]]
do = "close"
session = "s"
[gates]
fds = 0
threads = 0
children = 0
zombies = 0
disk = 0
"#;

/// A workspace in a temporary directory.
pub(crate) struct Workspace {
    root: tempfile::TempDir,
}

impl Workspace {
    /// With these targets and one scenario, `it`.
    pub(crate) fn new(targets: &str, scenario: &str) -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(root.path().join("scenarios")).expect("scenarios/");
        fs::create_dir(root.path().join("tmp")).expect("tmp/");
        fs::write(root.path().join("leakgate.toml"), targets).expect("leakgate.toml");
        fs::write(root.path().join("scenarios/it.toml"), scenario).expect("scenarios/it.toml");
        Self { root }
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    /// `leakgate` in this workspace, with its temporary files in `tmp/`.
    pub(crate) fn leakgate(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leakgate"));
        command.current_dir(self.path()).args(arguments);
        command
            .env("TMPDIR", self.path().join("tmp"))
            .env("NO_COLOR", "1");
        command.timeout(std::time::Duration::from_secs(120));
        command
    }

    /// Runs the scenario `it`; exit code, standard output on one line, standard error.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self
            .leakgate(&[&["run", "it"], arguments].concat())
            .output()
            .expect("leakgate runs");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (
            output.status.code().unwrap_or(-1),
            text(output.stdout)
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            text(output.stderr),
        )
    }

    /// The report of the latest run.
    pub(crate) fn report(&self) -> Value {
        let text =
            fs::read_to_string(self.path().join("reports/latest/run.json")).expect("run.json");
        serde_json::from_str(&text).expect("run.json is JSON")
    }

    /// What lies in `tmp/`: nothing, once a run is over.
    pub(crate) fn left_behind(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path().join("tmp")).expect("tmp/");
        entries.flatten().map(|entry| entry.path()).collect()
    }

    /// Nothing runs and nothing lies about any more.
    pub(crate) fn assert_nothing_left(&self) {
        assert_eq!(self.left_behind(), Vec::<PathBuf>::new(), "left behind");
        assert_eq!(self.processes(), Vec::<String>::new(), "left running");
    }

    /// Processes that have this workspace's path in their command line or environment.
    pub(crate) fn processes(&self) -> Vec<String> {
        let needle = self.path().display().to_string();
        let entries = fs::read_dir("/proc").expect("/proc").flatten();
        let read = |entry: &fs::DirEntry, file: &str| {
            let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).replace('\0', " ")
        };
        let own = std::process::id().to_string();
        entries
            .filter(|entry| entry.file_name().to_string_lossy() != own)
            .filter(|entry| {
                read(entry, "environ").contains(&needle) || read(entry, "cmdline").contains(&needle)
            })
            .map(|entry| read(&entry, "cmdline"))
            .filter(|line| !line.is_empty())
            .collect()
    }
}

/// The programs of the workspace that tests drive.
pub(crate) struct Programs {
    /// The daemon.
    pub(crate) sessiond: PathBuf,
    /// `examples/wire-target`.
    pub(crate) wire_target: PathBuf,
}

/// Those programs, built once, with the features that `cargo test --workspace` gives them: after it nothing is left to
/// build.
pub(crate) fn programs() -> &'static Programs {
    static BUILT: OnceLock<Programs> = OnceLock::new();
    BUILT.get_or_init(|| {
        let arguments = [
            "--workspace",
            "--bin",
            "sessiond",
            "--example",
            "wire-target",
        ];
        let built = std::process::Command::new(env!("CARGO"))
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .args(["build", "--quiet"])
            .args(arguments)
            .status();
        assert!(built.expect("cargo runs").success(), "the programs build");
        let leakgate = Path::new(env!("CARGO_BIN_EXE_leakgate"));
        Programs {
            sessiond: leakgate.with_file_name("sessiond"),
            wire_target: leakgate.with_file_name("examples").join("wire-target"),
        }
    })
}

/// The gate of this metric in the first scenario of a report.
pub(crate) fn gate<'r>(report: &'r Value, metric: &str) -> &'r Value {
    let gates = report["scenarios"][0]["gates"].as_array().expect("gates");
    gates
        .iter()
        .find(|gate| gate["metric"] == metric)
        .unwrap_or_else(|| panic!("no gate {metric}"))
}
