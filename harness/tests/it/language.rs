//! The scenario language where it meets real processes: branches, expectations, deadlines, seeds.

use serde_json::Value;

use crate::bench::{DIRECTORIES, OPEN_CLOSE, Workspace};
use crate::sessiond_target::targets;

/// `OPEN_CLOSE` with these steps, against this target.
fn scenario(target: &str, steps: &str) -> String {
    let (head, rest) = OPEN_CLOSE.split_once("[[step]]").expect("steps");
    let (_, gates) = rest.split_once("[gates]").expect("gates");
    let head = head.replace("\"dirs\"", &format!("\"{target}\""));
    format!("{head}{steps}\n[gates]{gates}")
}

/// Two sessions, each of which can only be opened once the other is being opened.
const RENDEZVOUS: &str = r#"
[[step]]
do = "parallel"
[[step.branch]]
count = 2
[[step.branch.step]]
do = "open"
session = "p{i}"
command = ["true"]
within = "10s"
[[step.branch.step]]
do = "close"
session = "p{i}"
"#;

#[test]
fn branches_of_an_exec_target_are_under_way_together() {
    let meets = DIRECTORIES.replace(
        r#"["mkdir", "{tmp}/{session}"]"#,
        r#"["sh", "-c", "mkdir {tmp}/{session}; touch {state}/{session}; until test $(ls {state} | grep -c .) -ge 2; do sleep 0.01; done"]"#,
    ).replace(
        r#"["rmdir", "{tmp}/{session}"]"#,
        r#"["sh", "-c", "rmdir {tmp}/{session}"]"#,
    );
    // Each cycle's first two sessions wait for each other; later cycles find the marks of the first.
    let workspace = Workspace::new(
        &meets,
        &scenario("dirs", RENDEZVOUS).replace("disk = 0\n", ""),
    );
    let (code, stdout, stderr) = workspace.run(&[]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    workspace.assert_nothing_left();
}

#[test]
fn the_first_branch_that_fails_ends_the_others_and_is_told() {
    let steps = r#"
[[step]]
do = "parallel"
[[step.branch]]
[[step.branch.step]]
do = "idle"
for = "10min"
within = "10min"
[[step.branch]]
[[step.branch.step]]
do = "run"
command = ["sh", "-c", "echo no such luck >&2; exit 3"]
"#;
    let workspace = Workspace::new(DIRECTORIES, &scenario("dirs", steps));
    let (code, stdout, stderr) = workspace.run(&[]);
    assert_eq!(code, 3, "{stdout}{stderr}");
    assert!(
        stdout.contains("line 16") && stdout.contains("no such luck"),
        "{stdout}"
    );
    workspace.assert_nothing_left();
}

#[test]
fn a_block_that_takes_too_long_tells_what_was_under_way() {
    let steps = r#"
[[step]]
do = "repeat"
times = 2
within = "300ms"
[[step.step]]
do = "idle"
for = "5min"
within = "6min"
"#;
    let workspace = Workspace::new(DIRECTORIES, &scenario("dirs", steps));
    let (code, stdout, stderr) = workspace.run(&[]);
    assert_eq!(code, 5, "{stdout}{stderr}");
    assert!(
        stdout.contains("`repeat` did not end within 300ms; under way: `idle` (line 12)"),
        "{stdout}"
    );
    let whole = scenario("dirs", &steps.replace("within = \"300ms\"\n", ""))
        .replace("measure = 5", "measure = 5\ncycle_within = \"300ms\"");
    let workspace = Workspace::new(DIRECTORIES, &whole);
    let (code, stdout, stderr) = workspace.run(&[]);
    assert_eq!(code, 5, "{stdout}{stderr}");
    assert!(
        stdout.contains("the cycle did not end within 300ms"),
        "{stdout}"
    );
}

/// What the load of each cycle did, as the latest run recorded it.
fn opened(workspace: &Workspace) -> Vec<u64> {
    let path = workspace.path().join("reports/latest/events.jsonl");
    let text = std::fs::read_to_string(path).expect("the recording");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let cycles = lines.filter(|line| line["event"] == "cycle_finished");
    cycles
        .map(|line| line["load"]["opened"].as_u64().expect("a count"))
        .collect()
}

#[test]
fn a_run_with_the_same_seed_has_the_same_load_in_every_cycle() {
    let steps = "[[step]]\ndo = \"repeat\"\ntimes = \"{n}\"\n[[step.step]]\ndo = \"open\"\nsession = \"s\"\ncommand = [\"true\"]\n\
                 [[step.step]]\ndo = \"close\"\nsession = \"s\"\n[random]\nn = { integer = [0, 9] }";
    let workspace = Workspace::new(DIRECTORIES, &scenario("dirs", steps));
    let mut loads = Vec::new();
    for seed in ["7", "7", "8"] {
        let (code, stdout, stderr) = workspace.run(&["--seed", seed]);
        assert_eq!(code, 0, "{stdout}{stderr}");
        assert_eq!(workspace.report()["seed"].to_string(), seed);
        loads.push(opened(&workspace));
    }
    assert_eq!(loads[0], loads[1]);
    assert_ne!(loads[0], loads[2]);
    assert_eq!(loads[0].len(), 7);
}

#[test]
fn the_plan_shows_what_a_run_with_its_seed_does() {
    let steps = "[[step]]\ndo = \"repeat\"\ntimes = \"{n}\"\n[[step.step]]\ndo = \"open\"\nsession = \"s\"\ncommand = [\"true\", \"{emit}\", \"{tmp}\"]\n\
                 [[step.step]]\ndo = \"close\"\nsession = \"s\"\n[random]\nn = { integer = [1, 9] }";
    let workspace = Workspace::new(DIRECTORIES, &scenario("dirs", steps));
    let (code, ..) = workspace.run(&["--seed", "7"]);
    assert_eq!(code, 0);
    let output = workspace
        .leakgate(&["plan", "it", "--seed", "7", "--cycle", "1", "--json"])
        .output()
        .expect("leakgate runs");
    let plan: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let steps = plan["cycles"][0]["steps"].as_array().expect("steps");
    let opens = steps.iter().filter(|step| {
        let does = step["does"].as_str().unwrap_or_default();
        does == "open s: true '{emit}' '{tmp}' (24x80)"
    });
    assert_eq!(opens.count() as u64, opened(&workspace)[2], "{plan:#}");
    let text = workspace
        .leakgate(&["plan", "it"])
        .output()
        .expect("leakgate runs");
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    for part in [
        "question   Does a session",
        "warm-up    2 cycles",
        "cycle 1  {n} = ",
        "cycle 2",
        "  line 7   repeat, ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

const SESSIOND: &str = r#"
[[step]]
do = "open"
session = "reads"
command = ["sh", "-c", "read line"]
[[step]]
do = "parallel"
within = "20s"
[[step.branch]]
[[step.branch.step]]
do = "wait_exit"
session = "reads"
[[step.branch]]
[[step.branch.step]]
do = "write"
session = "reads"
text = "go\n"
[[step]]
do = "close"
session = "reads"
[[step]]
do = "resize"
session = "reads"
size = "10x10"
expect_error = "not_found"
[[step]]
do = "open"
session = "killed"
command = ["sleep", "600"]
[[step]]
do = "kill"
session = "killed"
signal = "KILL"
[[step]]
do = "wait_exit"
session = "killed"
signal = "KILL"
[[step]]
do = "close"
session = "killed"
[[step]]
do = "open"
session = "prints"
command = ["{emit}", "--bytes", "1234B", "--content", "no-newline"]
[[step]]
do = "wait_output"
session = "prints"
exactly = "1234B"
[[step]]
do = "screen"
session = "prints"
contains = "0123456789abcdef"
absent = "fox"
[[step]]
do = "close"
session = "prints"
[[step]]
do = "run"
command = ["test", "-S", "{run}/sessiond.sock"]
"#;

#[test]
fn sessiond_answers_branches_at_the_same_time_and_errors_as_expected() {
    let workspace = Workspace::new(&targets(), &scenario("sessiond", SESSIOND));
    let (code, stdout, stderr) = workspace.run(&[]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    workspace.assert_nothing_left();
}

#[test]
fn an_expectation_that_fails_withdraws_the_verdict_and_says_what_came_instead() {
    let changes = [
        (
            "\"not_found\"",
            "\"limit\"",
            "expected the error `limit`, got: not_found",
        ),
        (
            "signal = \"KILL\"\n[[step]]\ndo = \"close\"",
            "signal = \"TERM\"\n[[step]]\ndo = \"close\"",
            "ended with signal 9, not with signal 15",
        ),
        (
            "exactly = \"1234B\"",
            "exactly = \"2KiB\"",
            "has put out 1234 bytes, not 2048",
        ),
        (
            "absent = \"fox\"",
            "absent = \"789\"",
            "`789` is on the screen",
        ),
        ("sessiond.sock\"]", "other.sock\"]", "not with exit code 0"),
        (
            "do = \"close\"\nsession = \"prints\"",
            "do = \"close\"\nsession = \"prints\"\nexpect_error = \"limit\"\n[[step]]\ndo = \"close\"\nsession = \"prints\"",
            "but it was done",
        ),
    ];
    let targets = targets();
    for (from, to, said) in changes {
        assert!(SESSIOND.contains(from), "{from}");
        let workspace = Workspace::new(
            &targets,
            &scenario("sessiond", &SESSIOND.replacen(from, to, 1)),
        );
        let (code, stdout, stderr) = workspace.run(&[]);
        assert_eq!(code, 3, "{said}: {stdout}{stderr}");
        assert!(stdout.contains(said), "{said}: {stdout}");
    }
}
