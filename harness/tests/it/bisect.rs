//! The commit that brought a leak, found in a history of a few commits.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::bench::{OPEN_CLOSE, Workspace};

/// A target that is built by a script of its own, and whose sessions are closed by another.
const TARGET: &str = r#"
[target.dirs]
driver  = "exec"
build   = ["sh", "build.sh"]
command = ["sh", "-c", "exec sleep 600"]
ready   = { command = ["true"], within = "10s" }
stop    = { signal = "TERM", within = "5s" }
[target.dirs.steps]
open  = ["mkdir", "{tmp}/{session}"]
close = ["sh", "{root}/close.sh", "{tmp}/{session}"]
"#;

/// A workspace under git.
struct Repository(Workspace);

impl Repository {
    fn new() -> Self {
        let workspace = Workspace::new(TARGET, OPEN_CLOSE);
        fs::write(workspace.path().join(".gitignore"), "/reports\n/tmp\n").expect("written");
        let repository = Self(workspace);
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.commit(
            "Begin",
            &[("build.sh", "true\n"), ("close.sh", "rmdir \"$1\"\n")],
        );
        repository
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let settings = [
            "-c",
            "user.name=ada",
            "-c",
            "user.email=ada@example.org",
            "-c",
            "commit.gpgsign=false",
        ];
        let output = Command::new("git")
            .current_dir(self.path())
            .args(settings)
            .args(arguments)
            .output()
            .expect("git runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout)
            .expect("UTF-8")
            .trim_end()
            .to_owned()
    }

    /// Commits these files; the commit's id.
    fn commit(&self, subject: &str, files: &[(&str, &str)]) -> String {
        for (name, text) in files {
            fs::write(self.path().join(name), text).expect("written");
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", subject]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Exit code, standard output, standard error.
    fn bisect(&self, good: &str, bad: &str, scenario: &str) -> (i32, String, String) {
        let output = self.0.leakgate(&["bisect", good, bad, scenario]).output();
        let output = output.expect("leakgate runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        (code, text(&output.stdout), text(&output.stderr))
    }

    /// The directory of the only bisection.
    fn bisection(&self) -> PathBuf {
        let made = fs::read_dir(self.path().join("reports/bisect"));
        let mut made = made.expect("a bisection").flatten();
        made.next().expect("a bisection").path()
    }

    fn assert_nothing_left(&self) {
        assert_eq!(self.git(&["worktree", "list"]).lines().count(), 1);
        assert!(!self.bisection().join("worktree").exists());
        self.0.assert_nothing_left();
    }
}

#[test]
fn the_commit_that_brought_a_leak_is_found_around_one_that_does_not_build() {
    let repository = Repository::new();
    for number in 1..=3 {
        repository.commit(&format!("Note {number}"), &[]);
    }
    // The middle of the history: it is the first to be tried.
    repository.commit(
        "Break the build",
        &[("build.sh", "echo no compiler >&2; exit 1\n")],
    );
    repository.commit("Repair the build", &[("build.sh", "true\n")]);
    let leaks = repository.commit("Close sessions later", &[("close.sh", "true\n")]);
    repository.commit("Note 7", &[]);
    repository.commit("Note 8", &[]);
    let (code, stdout, stderr) = repository.bisect("HEAD~8", "main", "it");
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(
        stdout.contains(&leaks) && stdout.contains("Close sessions later"),
        "{stdout}"
    );
    assert!(stdout.contains("red      disk"), "{stdout}");
    assert!(stderr.contains("Break the build: skipped, "), "{stderr}");
    let json = fs::read(repository.bisection().join("bisect.json")).expect("bisect.json");
    let json: Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(json["found"]["commits"][0]["id"], Value::from(leaks));
    assert_eq!(json["found"]["metrics"][0], "disk");
    let object = json["found"]["objects"][0]["name"].as_str();
    assert!(
        object.is_some_and(|name| name.starts_with("tmp/s-")),
        "{json}"
    );
    let tried = json["tried"].as_array().expect("tried");
    let why = |answer: &str| {
        let one = tried.iter().find(|tried| tried["answer"] == answer);
        one.map(|tried| tried["why"].to_string())
            .unwrap_or_default()
    };
    assert!(why("skipped").contains("no compiler"), "{tried:?}");
    let run = json["found"]["run"].as_str().expect("a run");
    assert!(Path::new(run).join("report.html").is_file(), "{run}");
    repository.assert_nothing_left();
}

#[test]
fn what_cannot_be_bisected_is_said_before_anything_is_built() {
    let repository = Repository::new();
    repository.commit("Stop building", &[("build.sh", "touch built\n")]);
    let refuses = |good: &str, bad: &str, scenario: &str, why: &str| {
        let (code, _, stderr) = repository.bisect(good, bad, scenario);
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(why), "{stderr}");
    };
    refuses("nowhere", "HEAD", "it", "no revision `nowhere`");
    refuses("HEAD", "HEAD~1", "it", "GOOD must be an ancestor of BAD");
    refuses("HEAD", "HEAD", "it", "GOOD must be an ancestor of BAD");
    refuses("HEAD~1", "HEAD", "other", "other");
    assert!(!repository.path().join("reports").exists());
    let workspace = Workspace::new(TARGET, OPEN_CLOSE);
    let output = workspace.leakgate(&["bisect", "a", "b", "it"]).output();
    let output = output.expect("leakgate runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("is in no git repository"), "{stderr}");
}

#[test]
fn ends_that_are_not_what_they_should_be_end_the_search() {
    let repository = Repository::new();
    repository.commit("Note", &[]);
    let (code, _, stderr) = repository.bisect("HEAD~1", "HEAD", "it");
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("is green in `it`"), "{stderr}");
    repository.assert_nothing_left();
    let repository = Repository::new();
    repository.commit("Leak", &[("close.sh", "true\n")]);
    repository.commit("Leak on", &[]);
    let (code, _, stderr) = repository.bisect("HEAD~1", "HEAD", "it");
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("is red in `it` (disk"), "{stderr}");
    repository.assert_nothing_left();
}

#[test]
fn an_interrupt_leaves_no_worktree() {
    let repository = Repository::new();
    let builds = "touch building; sleep 600\n";
    repository.commit("Build for long", &[("build.sh", builds)]);
    repository.commit("Build on", &[]);
    let mut bisection = Command::new(env!("CARGO_BIN_EXE_leakgate"))
        .args(["bisect", "HEAD~1", "HEAD", "it"])
        .current_dir(repository.path())
        .env("TMPDIR", repository.path().join("tmp"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("leakgate runs");
    let building = || {
        let made = fs::read_dir(repository.path().join("reports/bisect"));
        let mut made = made.into_iter().flatten().flatten();
        made.any(|made| made.path().join("worktree/building").exists())
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while !building() && Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert!(building(), "the build is under way");
    let pid = Pid::from_raw(i32::try_from(bisection.id()).expect("a pid")).expect("a pid");
    kill_process(pid, Signal::INT).expect("it is there");
    assert_eq!(bisection.wait().expect("it ends").code(), Some(130));
    repository.assert_nothing_left();
}
