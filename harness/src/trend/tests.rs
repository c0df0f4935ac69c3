//! What stores with known runs show.

use std::fs;

use super::*;
use crate::judge::judge;
use crate::judge::tests::recording::ScenarioBuilder;
use crate::style::Style;

/// A run of the scenario `one` with these figures.
fn run(number: usize, values: &[(Figure, f64)]) -> TrendRun {
    TrendRun {
        schema: 1,
        run_id: format!("20260101T{number:06}Z"),
        leakgate: "0.1.0".to_owned(),
        commit: Some(format!("{number:040x}")),
        kernel: "6.18".to_owned(),
        cpus: 2,
        quick: false,
        scenarios: vec![TrendScenario {
            name: "one".to_owned(),
            sha256: "5ca1ab1e".repeat(8),
            target: "sessiond".to_owned(),
            verdict: Verdict::Pass,
            figures: values.iter().copied().collect(),
        }],
    }
}

/// Forty runs: blocks step up in the 31st, resident memory wanders, descriptors never change.
fn forty() -> Vec<TrendRun> {
    (0..40u32)
        .map(|number| {
            let blocks = if number < 30 { 120.0 } else { 150.0 };
            let wanders = f64::from(number * 7_919 % 401) * 4_096.0;
            run(
                number as usize,
                &[
                    (Figure::AllocatedBlocks, blocks),
                    (Figure::Resident, 8e6 + wanders),
                    (Figure::Descriptors, 15.0),
                ],
            )
        })
        .collect()
}

#[test]
fn a_step_is_told_with_the_commits_that_it_lies_between() {
    let trend = trend(&forty(), &[]);
    let [scenario] = trend.scenarios.as_slice() else {
        panic!("{trend:?}");
    };
    let changes: Vec<_> = scenario
        .figures
        .iter()
        .flat_map(|figure| {
            figure
                .changes
                .iter()
                .map(move |change| (figure.figure, change))
        })
        .collect();
    let [(Figure::AllocatedBlocks, change)] = changes.as_slice() else {
        panic!("{changes:?}");
    };
    assert_eq!((change.at, change.from, change.to), (30, 120.0, 150.0));
    assert_eq!(change.run.commit, Some(format!("{:040x}", 30)));
    assert_eq!(change.after.commit, Some(format!("{:040x}", 29)));
}

#[test]
fn runs_that_asked_something_else_are_left_out_and_counted() {
    let mut runs = forty();
    for run in &mut runs[..10] {
        run.scenarios[0].sha256 = "another".to_owned();
    }
    runs[20].quick = true;
    runs[21].scenarios[0].target = "another".to_owned();
    runs[22].scenarios.clear();
    let trend = trend(&runs, &["one".to_owned()]);
    let scenario = &trend.scenarios[0];
    assert_eq!((scenario.points.len(), scenario.left_out), (27, 12));
    assert!(trend_of_nothing(&runs).scenarios.is_empty());
}

fn trend_of_nothing(runs: &[TrendRun]) -> Trend {
    trend(runs, &["absent".to_owned()])
}

#[test]
fn what_some_runs_lack_is_a_gap_and_no_step() {
    let mut runs = forty();
    for run in runs.iter_mut().skip(5).step_by(3) {
        run.scenarios[0].figures.remove(&Figure::AllocatedBlocks);
    }
    let trend = trend(&runs, &[]);
    let figures = &trend.scenarios[0].figures;
    let blocks = &figures[0];
    assert_eq!(blocks.values.len(), 40);
    assert_eq!(blocks.values[5], None);
    let at: Vec<usize> = blocks.changes.iter().map(|change| change.at).collect();
    assert_eq!(at, [30], "the index is that of the point");
}

#[test]
fn a_terminal_shows_pictures_steps_and_what_never_changed() {
    let mut out = Vec::new();
    terminal::write(&trend(&forty(), &[]), Style::PLAIN, &mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn the_page_has_everything_that_it_draws_and_cannot_be_broken_by_names() {
    let mut runs = forty();
    for run in &mut runs {
        run.commit = Some("</script><script>alert(1)</script>".to_owned());
    }
    let page = page(&trend(&runs, &[]));
    assert_eq!(page.matches("<script").count(), 3, "data, plotter, script");
    assert!(!page.contains("alert(1)</script>"));
    assert!(
        !page.contains("http://") || !page.contains("src=\"http"),
        "nothing is loaded"
    );
    assert_eq!(page.matches("<figure").count(), 2, "what changes");
}

#[test]
fn a_recording_becomes_a_line_of_the_store_that_reads_back() {
    let lines = ScenarioBuilder::clean("one", 31).alone();
    let report = report::from(&judge(&lines), &lines);
    let run = TrendRun::of(&report, &lines);
    assert_eq!(run.scenarios[0].name, "one");
    assert_eq!(run.scenarios[0].figures[&Figure::Descriptors], 5.0);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("reports/trend.jsonl");
    assert!(Store::open(&path, Absent::Refused).is_err());
    let mut store = Store::open(&path, Absent::Made).unwrap();
    assert!(store.add(run.clone()).unwrap());
    assert!(!store.add(run.clone()).unwrap(), "a run is in it once");
    drop(store);
    // A writer that died in the middle of a line has added nothing.
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("{\"schema\":1,\"run");
    fs::write(&path, &text).unwrap();
    let store = Store::open(&path, Absent::Refused).unwrap();
    assert_eq!(store.runs(), [run]);
    let newer = text
        .lines()
        .next()
        .unwrap()
        .replace("\"schema\":1", "\"schema\":2");
    fs::write(&path, format!("{newer}\n")).unwrap();
    drop(store);
    let error = Store::open(&path, Absent::Refused).unwrap_err().to_string();
    assert!(
        error.contains("line 1") && error.contains("is of schema 2; allowed: 1"),
        "{error}"
    );
}

#[test]
fn bencher_gets_a_benchmark_per_scenario_and_a_measure_per_figure() {
    let exported = export(&forty()[39]);
    let expected = serde_json::json!({"one": {
        "alloc-blocks": {"value": 150.0}, "rss": {"value": exported["one"]["rss"]["value"]}, "fds": {"value": 15.0},
    }});
    assert_eq!(exported, expected);
}
