//! What trials come to, and what is worse than declared.

use super::kind::Kind;
use super::ledger::Ledger;
use super::summary::{Outcomes, Subject, Summary, summary};
use super::text;
use super::trial::{Outcome, Planned, Trial};
use crate::config::SelfTest;
use crate::judge::{Amount, GateVerdict, JudgedGate, ScenarioVerdict, Unit, Verdict};
use crate::scenario::{Metric, Scenario};

fn scenario() -> Scenario {
    let text = r#"
question = "Does it?"
target = "daemon"
[cycles]
warmup = 3
measure = 20
[[step]]
do = "idle"
for = "1s"
[gates]
fds = 0
"#;
    Scenario::from_toml("selftest", std::path::Path::new("selftest.toml"), text)
        .unwrap_or_else(|errors| panic!("{errors}"))
}

fn trial(kind: Kind, number: u32, outcome: Outcome) -> Trial {
    Trial {
        kind,
        dose: kind.dose(&SelfTest::default()),
        number,
        scenario_sha256: scenario().sha256,
        outcome,
        red: Vec::new(),
        detail: String::new(),
        duration_ms: 1500,
        recording: None,
    }
}

fn sum_up(trials: &[Trial], declared: &SelfTest) -> Summary {
    let mut kinds: Vec<Kind> = Kind::ALL.to_vec();
    kinds.retain(|kind| trials.iter().any(|trial| trial.kind == *kind));
    let subject = Subject {
        target: "daemon",
        scenario: &scenario(),
        declared,
        minima: Vec::new(),
    };
    summary(&kinds, trials, subject)
}

fn verdict(verdict: Verdict, red: &[Metric]) -> ScenarioVerdict {
    let gate = |metric: &Metric| JudgedGate {
        metric: *metric,
        kind: crate::judge::Kind::Total,
        unit: Unit::Count,
        limit: 0,
        overridden: false,
        file_limit: None,
        loosened: false,
        per_day: None,
        more: false,
        owner: None,
        observed: Some(Amount::Plain(1)),
        sensitivity: None,
        verdict: GateVerdict::Leak,
        detail: String::new(),
    };
    ScenarioVerdict {
        name: "selftest".to_owned(),
        verdict,
        failure: None,
        detail: String::new(),
        cycles: 20,
        duration_ms: 1500,
        gates: red.iter().map(gate).collect(),
        sites: Vec::new(),
        attributions: Vec::new(),
    }
}

#[test]
fn only_the_gate_that_watches_for_a_seed_catches_it() {
    let leak = |red: &[Metric]| verdict(Verdict::Leak, red);
    let cases = [
        (Kind::Fd, leak(&[Metric::Fds]), Outcome::Caught),
        (
            Kind::Fd,
            leak(&[Metric::Threads, Metric::Fds]),
            Outcome::Caught,
        ),
        (Kind::Fd, leak(&[Metric::Threads]), Outcome::WrongMetric),
        (Kind::Heap, leak(&[Metric::HeapTotal]), Outcome::WrongMetric),
        (Kind::Resident, leak(&[Metric::RssTotal]), Outcome::Caught),
        (Kind::Fd, verdict(Verdict::Pass, &[]), Outcome::Missed),
        (
            Kind::Fd,
            verdict(Verdict::Inconclusive, &[]),
            Outcome::Inconclusive,
        ),
        (Kind::Clean, leak(&[Metric::Fds]), Outcome::FalseAlarm),
        (
            Kind::Cache,
            leak(&[Metric::HeapPerCycle]),
            Outcome::FalseAlarm,
        ),
        (Kind::Step, verdict(Verdict::Pass, &[]), Outcome::Quiet),
        (
            Kind::Clean,
            verdict(Verdict::Withdrawn, &[]),
            Outcome::Inconclusive,
        ),
    ];
    for (kind, verdict, outcome) in cases {
        assert_eq!(Outcome::of(kind, &verdict), Some(outcome), "{kind}");
    }
    assert_eq!(Outcome::of(Kind::Fd, &verdict(Verdict::Error, &[])), None);
}

#[test]
fn one_miss_fails_the_self_test() {
    let trials = [
        trial(Kind::Fd, 1, Outcome::Caught),
        trial(Kind::Fd, 2, Outcome::Missed),
        trial(Kind::Clean, 1, Outcome::Quiet),
    ];
    let declared = SelfTest::default();
    let failed = sum_up(&trials, &declared);
    assert_eq!(failed.result, Outcomes::Fail);
    assert_eq!(failed.reasons, ["fd, 1 per cycle: caught in 1 of 2 runs"]);
    let passed = sum_up(&trials[..1], &declared);
    assert_eq!((passed.result, passed.reasons.len()), (Outcomes::Pass, 0));
    for outcome in [Outcome::WrongMetric, Outcome::Inconclusive] {
        let trials = [trial(Kind::Fd, 1, outcome)];
        assert_eq!(sum_up(&trials, &declared).result, Outcomes::Fail);
    }
}

#[test]
fn a_declared_figure_that_cannot_be_reached_fails() {
    let mut declared = SelfTest::default();
    declared.heap.0 = 0;
    let mut caught = trial(Kind::Heap, 1, Outcome::Caught);
    caught.dose = Kind::Heap.dose(&declared);
    let summary = sum_up(&[caught], &declared);
    assert_eq!(summary.result, Outcomes::Fail);
    assert_eq!(
        summary.reasons,
        ["heap: 0 B per cycle is declared, and 1 B is the least that there is"]
    );
}

#[test]
fn false_alarms_are_counted_over_all_runs_without_a_leak() {
    let trials: Vec<Trial> = (1..=10)
        .map(|number| trial(Kind::Clean, number, Outcome::Quiet))
        .chain([trial(Kind::Cache, 1, Outcome::FalseAlarm)])
        .chain([trial(Kind::Fd, 1, Outcome::Caught)])
        .collect();
    let mut declared = SelfTest {
        false_alarms: 0.05,
        ..SelfTest::default()
    };
    let summary = sum_up(&trials, &declared);
    assert_eq!(
        (summary.false_alarms.hits, summary.false_alarms.of),
        (1, 11)
    );
    assert_eq!(summary.result, Outcomes::Fail);
    declared.false_alarms = 0.1;
    assert_eq!(sum_up(&trials, &declared).result, Outcomes::Pass);
}

#[test]
fn a_clean_run_that_does_not_say_is_no_pass() {
    let trials = [trial(Kind::Clean, 1, Outcome::Inconclusive)];
    let summary = sum_up(&trials, &SelfTest::default());
    assert_eq!(summary.result, Outcomes::Inconclusive);
}

#[test]
fn a_summary_reads_as_a_table() {
    let mut trials: Vec<Trial> = (1..=20)
        .map(|number| trial(Kind::Heap, number, Outcome::Caught))
        .collect();
    trials.extend((1..=20).map(|number| trial(Kind::Clean, number, Outcome::Quiet)));
    trials.push(trial(Kind::Fd, 1, Outcome::Missed));
    trials.push(trial(Kind::Step, 1, Outcome::FalseAlarm));
    let summary = sum_up(&trials, &SelfTest::default());
    insta::assert_snapshot!("terminal", text::terminal(&summary));
    insta::assert_snapshot!("markdown", text::markdown(&summary));
}

#[test]
fn a_ledger_goes_on_where_it_was_cut_short() {
    let directory = tempfile::tempdir().unwrap();
    let sha = scenario().sha256;
    let mut ledger = Ledger::open(directory.path(), &sha).unwrap();
    ledger.add(trial(Kind::Fd, 1, Outcome::Caught)).unwrap();
    ledger.add(trial(Kind::Fd, 2, Outcome::Caught)).unwrap();
    drop(ledger);
    let path = directory.path().join("trials.jsonl");
    let text = std::fs::read(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 10]).unwrap();

    let mut ledger = Ledger::open(directory.path(), &sha).unwrap();
    let planned = |number| Planned {
        kind: Kind::Fd,
        dose: Kind::Fd.dose(&SelfTest::default()),
        number,
    };
    assert!(ledger.find(&planned(1)).is_some());
    assert!(ledger.find(&planned(2)).is_none());
    ledger.add(trial(Kind::Fd, 2, Outcome::Missed)).unwrap();
    drop(ledger);
    let ledger = Ledger::open(directory.path(), &sha).unwrap();
    assert_eq!(ledger.trials().len(), 2);

    let error = Ledger::open(directory.path(), "of another one").unwrap_err();
    assert!(error.to_string().contains("another text"), "{error}");
}
