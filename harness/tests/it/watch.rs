//! `leakgate watch` on real processes that leakgate did not start.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::sampling::Daemon;

/// A process that ends with the test, however that ends.
struct Watched(Child);

impl Watched {
    fn sleeping() -> Self {
        Self::start(Command::new("sleep").arg("600"))
    }

    fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("it starts"))
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn leakgate(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leakgate"));
    command.current_dir(directory).args(arguments);
    command
}

/// Exit code, standard output, standard error.
fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().expect("leakgate runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_process_that_does_nothing_passes() {
    let directory = tempfile::tempdir().expect("a directory");
    let idle = Watched::sleeping();
    let pid = idle.pid();
    let watch = ["watch", &pid, "--every", "250ms", "--for", "9s"];
    let (code, stdout, stderr) = run(&mut leakgate(directory.path(), &watch));
    assert_eq!(code, 0, "{stdout}{stderr}");
    let looks = stdout.lines().filter(|line| line.contains("  rss "));
    assert!(looks.count() >= 35, "{stdout}");
}

#[test]
#[ignore = "not a test: the process that leaks, for the one below"]
fn leaker() {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    while kept.len() < 100_000 {
        kept.push(vec![1; 16 * 1024]);
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert_eq!(kept.len(), 100_000);
}

#[test]
fn a_process_that_leaks_is_called_so_and_its_recording_is_judged_alike() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut leaker = Command::new(std::env::current_exe().expect("this test"));
    let leaker = leaker.args(["--exact", "watch::leaker", "--ignored", "--nocapture"]);
    let leaker = Watched::start(leaker);
    let pid = leaker.pid();
    let watch = ["watch", &pid, "--every", "250ms", "--for", "9s"];
    let (code, stdout, stderr) = run(&mut leakgate(directory.path(), &watch));
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert!(stdout.contains("rss.rate: resident memory +"), "{stdout}");
    assert_eq!(stdout.matches("  leak  ").count(), 1, "{stdout}");
    assert!(
        stdout.contains(&format!("again: leakgate watch {pid}")),
        "{stdout}"
    );
    for (again, code) in [("judge", 1), ("report", 0)] {
        let (found, text, _) = run(&mut leakgate(directory.path(), &[again]));
        assert_eq!(found, code, "{again}");
        assert!(text.contains("rss.rate: resident memory +"), "{text}");
    }
}

#[test]
#[ignore = "not a test: the process that keeps descriptors, for the one below"]
fn opener() {
    let mut kept = Vec::new();
    while kept.len() < 200 {
        kept.push(std::fs::File::open("/dev/null").expect("a device"));
        std::thread::park_timeout(Duration::from_millis(100));
    }
    assert_eq!(kept.len(), 200);
}

#[test]
fn what_a_red_count_consists_of_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut opener = Command::new(std::env::current_exe().expect("this test"));
    let opener = opener.args(["--exact", "watch::opener", "--ignored", "--nocapture"]);
    let opener = Watched::start(opener);
    let pid = opener.pid();
    let watch = ["watch", &pid, "--every", "250ms", "--for", "9s"];
    let (code, stdout, stderr) = run(&mut leakgate(directory.path(), &watch));
    assert_eq!(code, 1, "{stdout}{stderr}");
    let named = stdout
        .lines()
        .find(|line| line.contains("`device /dev/null`"));
    assert!(
        named.is_some_and(|line| line.contains("fds: +")),
        "{stdout}"
    );
}

#[test]
fn the_end_of_the_process_ends_the_watching_with_a_note() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut short = Watched::sleeping();
    let pid = short.pid();
    let mut watching = leakgate(directory.path(), &["watch", &pid, "--every", "1h"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("leakgate runs");
    let mut lines = BufReader::new(watching.stdout.take().expect("a pipe"));
    let mut first = String::new();
    lines.read_line(&mut first).expect("the first look");
    // It is noticed at once, not at the next look.
    short.0.kill().expect("it was there");
    short.0.wait().expect("it ends");
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("the report");
    assert_eq!(watching.wait().expect("it ends").code(), Some(4));
    assert!(
        rest.contains(&format!("process {pid} ended by itself")),
        "{rest}"
    );
}

#[test]
fn an_interrupt_ends_and_judges_and_too_little_is_inconclusive() {
    let directory = tempfile::tempdir().expect("a directory");
    let idle = Watched::sleeping();
    let mut watching = leakgate(directory.path(), &["watch", &idle.pid(), "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("leakgate runs");
    let mut lines = BufReader::new(watching.stdout.take().expect("a pipe")).lines();
    let sampled = lines.any(|line| line.expect("a line").contains(r#""event":"sample""#));
    assert!(sampled);
    kill_process(Pid::from_child(&watching), Signal::INT).expect("it is there");
    let last = lines.map_while(Result::ok).last().expect("more events");
    assert!(last.contains(r#""event":"run_finished""#), "{last}");
    assert_eq!(watching.wait().expect("it ends").code(), Some(3));
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly_with_its_verdict() {
    let directory = tempfile::tempdir().expect("a directory");
    let idle = Watched::sleeping();
    let pid = idle.pid();
    let commands: [(&[&str], i32); 2] = [
        (&["watch", &pid, "--every", "250ms"], 3),
        (&["schema", "events"], 0),
    ];
    for (arguments, code) in commands {
        let mut leakgate = leakgate(directory.path(), arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("leakgate runs");
        drop(leakgate.stdout.take());
        let ended = leakgate.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(code), "{stderr}");
        assert!(!stderr.contains("error"), "{stderr}");
    }
}

#[test]
fn a_shell_that_watches_itself_does_not_count_the_watching() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = format!(
        "{} watch $$ --for 300ms --json; exit $?",
        env!("CARGO_BIN_EXE_leakgate")
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(directory.path());
    let (code, stdout, stderr) = run(&mut shell);
    assert_eq!(code, 3, "{stderr}");
    let mut samples = stdout.lines().filter(|line| line.contains("\"sample\""));
    assert!(
        samples
            .next()
            .is_some_and(|first| first.contains(r#""children":0"#)),
        "{stdout}"
    );
}

#[test]
fn a_process_of_another_user_is_refused_and_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let mine = Watched::sleeping();
    let root = rustix::process::geteuid().is_root();
    // Root may read everything: then it is somebody else who asks. Otherwise the first process is root's.
    let pid = if root { mine.pid() } else { "1".to_owned() };
    let mut watch = leakgate(directory.path(), &["watch", &pid]);
    if root {
        watch.uid(65_534).current_dir("/");
    }
    let (code, _, stderr) = run(&mut watch);
    assert_eq!(code, 2, "{stderr}");
    let expected = format!("process {pid} (");
    assert!(
        stderr.contains(&expected) && stderr.contains("another user's"),
        "{stderr}"
    );
}

#[test]
fn intervals_that_would_disturb_and_times_beyond_the_clock_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    for (option, time, expected) in [
        ("--every", "100ms", "at least 250ms"),
        ("--every", "300000000000years", "at most 1year"),
        ("--for", "300000000000years", "at most 1year"),
    ] {
        let watch = ["watch", "1", option, time];
        let (code, _, stderr) = run(&mut leakgate(directory.path(), &watch));
        assert_eq!(code, 2);
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[tokio::test]
async fn a_probe_adds_the_exact_heap_and_must_be_the_processs_own() {
    let directory = tempfile::tempdir().expect("a directory");
    let daemon = Daemon::start().await;
    let socket = daemon.dir.path().join("probe.sock");
    let socket = socket.to_str().expect("a path");
    let pid = daemon.child.id().to_string();
    let watch = ["watch", &pid, "--probe", socket, "--for", "300ms", "--json"];
    let (code, stdout, stderr) = run(&mut leakgate(directory.path(), &watch));
    assert_eq!(code, 3, "{stderr}");
    assert!(stdout.contains(r#""live_bytes":"#), "{stdout}");
    let other = Watched::sleeping();
    let watch = ["watch", &other.pid(), "--probe", socket];
    let (code, _, stderr) = run(&mut leakgate(directory.path(), &watch));
    assert_eq!(code, 2, "{stderr}");
    assert!(
        stderr.contains(&format!("is that of process {pid}")),
        "{stderr}"
    );
}
