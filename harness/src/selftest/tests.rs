//! What trials come to, and what is worse than declared.

use super::kind::Kind;
use super::ledger::Ledger;
use super::movement::Movement;
use super::summary::{Outcomes, Subject, Summary, summary};
use super::text;
use super::trial::{Outcome, Planned, Programs, Trial};
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
        programs: Programs {
            scenario_sha256: scenario().sha256,
            target_sha256: Some("a".repeat(64)),
            leakgate_sha256: "b".repeat(64),
        },
        outcome,
        red: Vec::new(),
        movement: None,
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
        objects: Vec::new(),
        sites: Vec::new(),
        held: Vec::new(),
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
    let moved = |gained| Some(Movement { sown: 20, gained });
    for (kind, verdict, outcome) in cases {
        assert_eq!(
            Outcome::of(kind, &verdict, moved(20)),
            Some(outcome),
            "{kind}"
        );
    }
    let failed = verdict(Verdict::Error, &[]);
    assert_eq!(Outcome::of(Kind::Fd, &failed, moved(20)), None);
    for gained in [1, 100] {
        let red = Outcome::of(Kind::Fd, &leak(&[Metric::Fds]), moved(gained));
        assert_eq!(red, Some(Outcome::WrongMetric), "{gained} of 20");
    }
}

#[test]
fn a_gauge_of_another_name_does_not_catch_the_seeded_one() {
    let of = |detail: &str| {
        let mut verdict = verdict(Verdict::Leak, &[Metric::Gauges]);
        verdict.gates[0].detail = detail.to_owned();
        let (sown, gained) = (20, 20);
        Outcome::of(Kind::Length, &verdict, Some(Movement { sown, gained }))
    };
    assert_eq!(
        of("gauge `leakgate.seed.length` (seed.rs:1): +20 in 20 cycles"),
        Some(Outcome::Caught)
    );
    assert_eq!(
        of("gauge `sessions` (mod.rs:1): +20 in 20 cycles"),
        Some(Outcome::WrongMetric)
    );
}

#[test]
fn what_is_red_without_a_seed_has_no_rate_and_fails() {
    let mut clean = trial(Kind::Clean, 2, Outcome::FalseAlarm);
    clean.red = vec!["heap.per_cycle".to_owned()];
    let mut trials = vec![
        trial(Kind::Clean, 1, Outcome::Quiet),
        clean,
        trial(Kind::Heap, 1, Outcome::Caught),
        trial(Kind::Fd, 1, Outcome::Caught),
    ];
    let declared = SelfTest {
        false_alarms: 0.9,
        ..SelfTest::default()
    };
    let summary = sum_up(&trials, &declared);
    assert_eq!(summary.result, Outcomes::Fail);
    assert_eq!(
        summary.reasons,
        [
            "heap: heap.per_cycle was red in 1 of 2 runs without a seed, so that red says nothing about one"
        ]
    );
    let rates: Vec<bool> = summary
        .kinds
        .iter()
        .map(|kind| kind.right.is_some())
        .collect();
    assert_eq!(rates, [true, false, true], "clean, heap, fd");
    trials.drain(..2);
    assert_eq!(sum_up(&trials, &declared).result, Outcomes::Inconclusive);
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
    let passed = sum_up(&[trials[0].clone(), trials[2].clone()], &declared);
    assert_eq!((passed.result, passed.reasons.len()), (Outcomes::Pass, 0));
    for outcome in [Outcome::WrongMetric, Outcome::Inconclusive] {
        let trials = [
            trial(Kind::Fd, 1, outcome),
            trial(Kind::Clean, 1, Outcome::Quiet),
        ];
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
        (summary.false_alarms.count, summary.false_alarms.of),
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
    let mut ledger = Ledger::open(directory.path()).unwrap();
    ledger.add(trial(Kind::Fd, 1, Outcome::Caught)).unwrap();
    ledger.add(trial(Kind::Fd, 2, Outcome::Caught)).unwrap();
    drop(ledger);
    let path = directory.path().join("trials.jsonl");
    let text = std::fs::read(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 10]).unwrap();

    let mut ledger = Ledger::open(directory.path()).unwrap();
    let planned = |number| Planned {
        kind: Kind::Fd,
        dose: Kind::Fd.dose(&SelfTest::default()),
        number,
    };
    assert!(ledger.find(&planned(1)).is_some());
    assert!(ledger.find(&planned(2)).is_none());
    ledger.add(trial(Kind::Fd, 2, Outcome::Missed)).unwrap();
    drop(ledger);
    let ledger = Ledger::open(directory.path()).unwrap();
    assert_eq!(ledger.trials().len(), 2);
}

#[test]
fn trials_of_different_programs_are_not_added_up() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(directory.path()).unwrap();
    let first = trial(Kind::Fd, 1, Outcome::Caught);
    ledger.add(first.clone()).unwrap();
    let other = |change: fn(&mut Programs)| {
        let mut other = trial(Kind::Fd, 2, Outcome::Caught);
        change(&mut other.programs);
        other
    };
    for (trial, told) in [
        (
            other(|programs| programs.scenario_sha256.push('c')),
            "another text of the scenario",
        ),
        (
            other(|programs| programs.leakgate_sha256.push('c')),
            "another leakgate",
        ),
        (
            other(|programs| programs.target_sha256 = None),
            "another build of the target",
        ),
    ] {
        let error = ledger.add(trial).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
    drop(ledger);
    let ledger = Ledger::open(directory.path()).unwrap();
    assert_eq!(ledger.trials(), [first]);
}
