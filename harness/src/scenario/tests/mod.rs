//! Scenarios as people write them, right and wrong.

mod include;
mod language;
mod mutation;
mod wrong;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::units::Bytes;

pub(crate) use language::everything;
pub(crate) use wrong::WRONG;

const SMALL: &str = r#"
question = "Does it leak?"
target = "sessiond"
[cycles]
measure = 31
[[step]]
do = "open"
session = "s"
command = ["{emit}"]
[[step]]
do = "close"
session = "s"
[gates]
fds = 0
"#;

fn read(text: &str) -> Result<Scenario, String> {
    Scenario::from_toml("small", Path::new("scenarios/small.toml"), text)
        .map_err(|errors| errors.to_string())
}

/// `SMALL` with `from` replaced by `to`.
fn changed(from: &str, to: &str) -> Result<Scenario, String> {
    assert!(SMALL.contains(from), "{from}");
    read(&SMALL.replace(from, to))
}

/// The step of `SMALL` that closes, preceded by `steps`.
fn with_steps(steps: &str) -> Result<Scenario, String> {
    changed(
        "[[step]]\ndo = \"close\"",
        &format!("{steps}\n[[step]]\ndo = \"close\""),
    )
}

fn repository() -> PathBuf {
    // The nearest directory above with scenarios: the workspace's root.
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|directory| directory.join("scenarios"))
        .find(|directory| directory.is_dir())
        .expect("the workspace has scenarios")
}

#[test]
fn what_is_not_written_has_its_default() {
    let scenario = read(SMALL).unwrap();
    assert_eq!(scenario.suite, Suite::Gate);
    assert_eq!(scenario.deadline, Duration::from_secs(300));
    assert_eq!(
        scenario.cycles,
        Cycles {
            warmup: Warmup::Auto,
            measure: 31,
            max: 31,
            quick: 7,
            profile: scenario.cycles.profile,
            within: None
        }
    );
    assert_eq!(scenario.sha256.len(), 64);
    assert_eq!(scenario.steps[0].place.line, 6);
    assert_eq!(scenario.steps[0].within, Duration::from_secs(30));
    assert_eq!(scenario.steps[0].when, When::Always);
    assert_eq!(
        scenario.steps[0].action,
        Action::Open {
            session: "s".to_owned(),
            command: vec!["leakgate".to_owned(), "emit".to_owned()],
            size: (24, 80),
            scrollback: None
        }
    );
}

#[test]
fn the_scenarios_of_this_repository_are_right() {
    let scenarios =
        load_suite(&repository(), Suite::Gate).unwrap_or_else(|error| panic!("{error}"));
    let names: Vec<&str> = scenarios.iter().map(|s| s.name.as_str()).collect();
    assert!(names.is_sorted());
    for wanted in [
        "heavy-output",
        "idle-clients",
        "open-close",
        "oversized-messages",
    ] {
        let scenario = scenarios.iter().find(|s| s.name == wanted).expect(wanted);
        let gated: Vec<Metric> = scenario.gates.iter().map(|gate| gate.metric).collect();
        // A slope of resident memory wants more cycles than a gate has time for, and a duration a quieter machine; that
        // a step is not met withdraws these.
        let elsewhere = [
            Metric::RssPerCycle,
            Metric::RssRate,
            Metric::PeakRss,
            Metric::PeakSettle,
            Metric::Ledger,
            Metric::Stop,
            Metric::Unmet,
        ];
        let everything: Vec<Metric> = Metric::ALL
            .into_iter()
            .filter(|metric| !elsewhere.contains(metric))
            .collect();
        assert_eq!(gated, everything, "{wanted} gates everything");
    }
}

#[test]
fn gates_are_read_in_either_form_with_their_units() {
    let scenario = changed(
        "fds = 0",
        r#"
rss.total = "15MB"
heap = { per_cycle = "0B", total = "2MiB" }
churn = { idle = "10B/s" }
sites = 0"#,
    )
    .unwrap();
    let gates: Vec<(Metric, u64)> = scenario
        .gates
        .iter()
        .map(|gate| (gate.metric, gate.limit))
        .collect();
    assert_eq!(
        gates,
        [
            (Metric::HeapPerCycle, 0),
            (Metric::HeapTotal, 2 << 20),
            (Metric::RssTotal, 15_000_000),
            (Metric::ChurnIdle, 10),
            (Metric::Sites, 0),
        ]
    );
}

/// Every step but `open` and `close`, in a cycle with those.
const ALL_STEPS: &str = r#"
[[step]]
do = "write"
session = "s"
text = "a{cycle}\n"
every = 2
[[step]]
do = "resize"
session = "s"
size = "50x200"
except_every = 3
[[step]]
do = "screen"
session = "s"
contains = "a"
only = [1, 2]
[[step]]
do = "wait_output"
session = "s"
at_least = "20MiB"
except = [3]
within = "1min"
[[step]]
do = "connect"
client = "c"
count = 200
[[step]]
do = "attach"
client = "c"
session = "s"
[[step]]
do = "detach"
client = "c"
session = "s"
[[step]]
do = "send_raw"
client = "c"
declare = "2MiB"
send = "2MiB"
expect = { error = "too_large", then = "closed" }
[[step]]
do = "send_raw"
client = "c"
declare = "2B"
send = "1B"
expect = "silence"
[[step]]
do = "disconnect"
client = "c"
how = "drop"
[[step]]
do = "idle"
for = "200ms"
[[step]]
do = "wait_exit"
session = "s"
code = 3
"#;

#[test]
fn every_step_of_the_grammar_is_read() {
    let scenario = with_steps(ALL_STEPS).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(scenario.steps.len(), 14);
    assert_eq!(scenario.steps[2].when, When::ExceptEvery(3));
    assert_eq!(
        scenario.steps[8].action,
        Action::SendRaw {
            client: "c".to_owned(),
            message: RawMessage {
                declare: Bytes(2 << 20),
                send: Bytes(2 << 20)
            },
            expect: RawAnswer::ErrorThenClosed("too_large".to_owned())
        }
    );
}

#[test]
fn errors_point_at_the_line_and_say_what_is_allowed() {
    let text = r#"question = "Does it leak?"
traget = "sessiond"

[cycles]
measure = 3
warmup = "atuo"

[vary]
content = []

[[step]]
do = "opne"
session = "s"

[[step]]
do = "open"
session = "s"
command = ["{emti}", "--content", "{content}"]
size = "80"
timeout = "3s"

[[step]]
do = "idle"
for = 15

[[step]]
do = "wait_exit"
session = "s"
code = "0"
every = 2
only = [1]

[gates]
rss = { total = "15" }
threads = "15MB"
heap = { percycle = "0B" }
churn = { idle = "0B" }
peak = 8
"#;
    insta::assert_snapshot!(read(text).unwrap_err());
}

#[test]
fn a_syntax_error_is_shown_alone() {
    insta::assert_snapshot!(read("question = \"Does it\ntarget = sessiond\n").unwrap_err());
}

#[test]
fn a_cycle_ends_where_it_began() {
    let errors = changed(
        "session = \"s\"\n[gates]",
        "session = \"s\"\nevery = 2\n[gates]",
    );
    insta::assert_snapshot!(errors.unwrap_err());
}

#[test]
fn a_session_whose_child_ended_need_not_be_closed() {
    changed("do = \"close\"", "do = \"wait_exit\"").unwrap();
    let both = with_steps("[[step]]\ndo = \"wait_exit\"\nsession = \"s\"\nevery = 2");
    both.expect("nor must it be left open");
}

#[test]
fn what_is_not_there_cannot_be_used() {
    let steps = r#"
[[step]]
do = "attach"
client = "nobody"
session = "s"
[[step]]
do = "connect"
client = "stays"
[[step]]
do = "open"
session = "s"
command = ["cat"]
[[step]]
do = "write"
session = "other"
text = ""
[[step]]
do = "idle"
for = "1s"
only = [32]
"#;
    insta::assert_snapshot!(with_steps(steps).unwrap_err());
}

#[test]
fn a_limit_on_the_command_line_has_three_parts_and_the_metric_s_unit() {
    assert_eq!(
        GateOverride::parse("heavy-output.rss.total=2MiB").unwrap(),
        GateOverride {
            scenario: "heavy-output".to_owned(),
            metric: Metric::RssTotal,
            limit: 2 << 20
        }
    );
    let errors: Vec<String> = [
        "heavy-output",
        "heavy-output.rs.total=1MB",
        "heavy-output.rss.total=1",
        "open-close.fds=1MB",
        "open-close.churn.idle=1B",
    ]
    .map(|text| GateOverride::parse(text).unwrap_err().to_string())
    .into();
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn an_overridden_gate_says_so() {
    let mut scenario = read(SMALL).unwrap();
    scenario.override_gate(Metric::Fds, 2);
    scenario.override_gate(Metric::HeapTotal, 5);
    let gates: Vec<(Metric, u64, bool)> = scenario
        .gates
        .iter()
        .map(|gate| (gate.metric, gate.limit, gate.overridden))
        .collect();
    assert_eq!(
        gates,
        [(Metric::HeapTotal, 5, true), (Metric::Fds, 2, true)]
    );
}

#[test]
fn a_scenario_is_found_by_name_and_by_path_and_a_slip_is_recognised() {
    let directory = repository();
    assert_eq!(find("open-close", &directory).unwrap().name, "open-close");
    let path = directory.join("open-close.toml");
    let by_path = find(&path.display().to_string(), Path::new("nowhere")).unwrap();
    assert_eq!(by_path.name, "open-close");
    let error = find("opne-close", &directory).unwrap_err().to_string();
    assert!(error.ends_with("did you mean `open-close`?"), "{error}");
}

#[test]
fn when_counts_cycles_of_a_phase_from_one() {
    let measured = |when: When| -> Vec<u32> {
        (1..=6)
            .filter(|&c| when.includes(At::measured(c)))
            .collect()
    };
    assert_eq!(measured(When::Every(2)), [2, 4, 6]);
    assert_eq!(measured(When::ExceptEvery(2)), [1, 3, 5]);
    assert_eq!(measured(When::Only(vec![3])), [3]);
    assert_eq!(measured(When::Except(vec![3])), [1, 2, 4, 5, 6]);
    assert!(!When::Only(vec![3]).includes(At::warmup(3)));
    assert!(When::Except(vec![3]).includes(At::warmup(3)));
}

#[test]
fn errors_in_exchanges_say_what_is_allowed() {
    let text = r#"
question = "q"
target = "t"
[cycles]
warmup = 1
measure = 5
[[step]]
do = "send"
client = "absent"
text = "x"
[[step]]
do = "send"
text = "x"
bytes = "1MiB"
[[step]]
do = "send"
raw = true
[[step]]
do = "send"
hex = "0x41"
[[step]]
do = "expect"
contains = "{nothing}"
[[step]]
do = "expect"
silence = false
[[step]]
do = "call"
method = "m"
params = "text"
[[step]]
do = "call"
method = "m"
params = { a = [{ b = "{nothing}" }], n = nan }
[[step]]
do = "call"
method = "m"
contains = "x"
expect_error = 1
[[step]]
do = "request"
path = "status"
status = 99
[[step]]
do = "request"
path = "/"
body = "x"
bytes = "1B"
headers = { a = 1 }
[gates]
fds = 0
"#;
    insta::assert_snapshot!(read(text).unwrap_err());
}
