//! Reports as people read them.

use std::collections::BTreeMap;

use super::*;
use crate::judge::judge;
use crate::judge::tests::recording::{Builder, ScenarioBuilder, add_heap, site};
use crate::record::event::{Event, Gauge, Line, Outcome, SiteSurvivors, SitesCompared};
use crate::style::{Colour, Style};

/// A run of four scenarios: one passes, one leaks, one is withdrawn, one is skipped.
fn mixed() -> Vec<Line> {
    let mut leaks = ScenarioBuilder::clean("open-close", 200).keeps(|cycle, sample| {
        add_heap(sample, 64 * u64::from(cycle));
        sample.threads.insert("reader".to_owned(), cycle);
        let gauges = sample.gauges.as_mut().unwrap();
        gauges.get_mut("sessions").unwrap().value = i64::from(cycle);
    });
    leaks.sites = Some(SitesCompared {
        cycles: [67, 134],
        sites: vec![SiteSurvivors {
            tasks: vec!["session".to_owned()],
            ..site(
                "sessiond::core::Core::opened",
                40,
                [67, 134],
                [4_288, 8_576],
            )
        }],
    });
    let step = |cycle| if cycle >= 7 { 4_096 } else { 0 };
    Builder::new()
        .scenario(ScenarioBuilder::clean("heavy-output", 31).heap(step))
        .scenario(leaks)
        .scenario(ScenarioBuilder::clean("idle-clients", 31).ends(
            Outcome::LoadFailed,
            4,
            "idle-clients line 21, cycle 5: 199 of 200 clients are connected",
        ))
        .scenario(ScenarioBuilder::clean("peers", 31).ends(
            Outcome::Skipped,
            0,
            "`tmux` is not installed",
        ))
        .finish()
}

fn report(lines: &[Line]) -> RunReport {
    from(&judge(lines), lines)
}

fn terminal(report: &RunReport, style: Style) -> String {
    let mut out = Vec::new();
    terminal::write(report, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn markdown(report: &RunReport) -> String {
    let mut out = Vec::new();
    markdown::write(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_terminal_shows_the_failing_gates_first_and_the_verdict_last() {
    insta::assert_snapshot!(terminal(&report(&mixed()), Style::PLAIN));
}

#[test]
fn a_terminal_of_80_columns_is_wide_enough() {
    let text = terminal(&report(&mixed()), Style::PLAIN);
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn colour_is_used_only_when_told_and_changes_no_text() {
    let report = report(&mixed());
    let plain = terminal(&report, Style::PLAIN);
    let coloured = terminal(
        &report,
        Style {
            colour: Colour::Always,
            ..Style::PLAIN
        },
    );
    assert!(!plain.contains('\u{1b}'));
    assert!(coloured.contains("\u{1b}[1;31mLEAK\u{1b}[0m"));
    let stripped = [
        "\u{1b}[0m",
        "\u{1b}[32m",
        "\u{1b}[1;31m",
        "\u{1b}[33m",
        "\u{1b}[2m",
    ]
    .iter()
    .fold(coloured, |text, code| text.replace(code, ""));
    assert_eq!(stripped, plain);
}

#[test]
fn markdown_folds_what_needs_nobody() {
    insta::assert_snapshot!(markdown(&report(&mixed())));
}

#[test]
fn markdown_cannot_be_broken_by_what_a_target_is_called() {
    let mut lines = ScenarioBuilder::clean("one", 31)
        .keeps(|cycle, sample| {
            sample.threads.insert("a|b\n<script>".to_owned(), cycle);
        })
        .alone();
    for line in &mut lines {
        if let Event::ScenarioStarted(started) = &mut line.event {
            started.question = "<img> | what\n?".to_owned();
        }
    }
    let text = markdown(&report(&lines));
    assert!(
        !text.contains("<script>") && !text.contains("<img>"),
        "{text}"
    );
    let row = text
        .lines()
        .find(|line| line.contains("`threads` | leak"))
        .unwrap();
    assert!(
        row.ends_with(" |") && row.contains("a\\|b &lt;script>"),
        "{row}"
    );
}

#[test]
fn run_json_is_read_back_as_it_was_written() {
    let report = report(&mixed());
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<RunReport>(&text).unwrap(), report);
}

#[test]
fn a_verdict_that_is_not_known_is_refused() {
    let text = serde_json::to_string(&report(&mixed())).unwrap();
    let unknown = text.replacen("\"verdict\":\"leak\"", "\"verdict\":\"maybe\"", 1);
    assert!(serde_json::from_str::<RunReport>(&unknown).is_err());
}

#[test]
fn a_growth_is_bytes_over_cycles_and_a_size_is_an_integer() {
    let report = report(&mixed());
    let gate = |metric: &str| {
        let gates = &report.scenarios[1].gates;
        let gate = gates.iter().find(|gate| gate.metric == metric).unwrap();
        serde_json::to_value(gate.observed).unwrap()
    };
    assert_eq!(
        gate("heap.per_cycle"),
        serde_json::json!({"amount": 2_560, "cycles": 40})
    );
    assert_eq!(gate("peak.heap"), serde_json::json!(100_064));
    assert_eq!(
        gate("churn.idle"),
        serde_json::json!({"amount": 0, "milliseconds": 2_000})
    );
}

#[test]
fn the_dhat_build_is_in_no_series() {
    let report = report(&mixed());
    let live = &report.scenarios[1].series[0];
    assert_eq!((live.name.as_str(), live.baseline), ("heap.live", 200_000));
    assert_eq!((live.max, live.last), (212_800, 212_800));
    assert_eq!(report.scenarios[1].profiles.len(), 2);
}

#[test]
fn a_stored_report_replaces_the_one_before_and_leaves_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let lines = mixed();
    let report = report(&lines);
    std::fs::write(directory.path().join("run.json"), "old").unwrap();
    store(&report, &curves(&lines), directory.path()).unwrap();
    let mut names: Vec<String> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "junit.xml",
            "profiles",
            "report.html",
            "report.md",
            "results.sarif",
            "run.json"
        ]
    );
    let text = std::fs::read_to_string(directory.path().join("run.json")).unwrap();
    assert_eq!(serde_json::from_str::<RunReport>(&text).unwrap(), report);
}

#[test]
fn a_report_that_cannot_be_stored_names_the_file() {
    let report = report(&mixed());
    let error = store(&report, &[], std::path::Path::new("/nowhere")).unwrap_err();
    assert_eq!(error.to_string(), "cannot write /nowhere/run.json");
}

#[test]
fn junit_has_a_suite_per_scenario_and_reads_back() {
    let xml = junit::render(&report(&mixed())).unwrap();
    let read = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    assert_eq!(read.test_suites.len(), 4);
    let counted = (read.tests, read.failures, read.errors);
    insta::assert_snapshot!(format!("{counted:?}\n{xml}"));
}

#[test]
fn sarif_points_at_the_line_that_keeps_the_memory() {
    let sarif = sarif::render(&report(&mixed()));
    insta::assert_snapshot!(format!("{sarif:#}"));
}

/// The types are generated from the published schema.
#[test]
fn sarif_is_what_its_published_schema_takes() {
    for lines in [mixed(), Builder::new().finish()] {
        let ours = sarif::render(&report(&lines));
        let read: serde_sarif::sarif::Sarif = serde_json::from_value(ours.clone()).unwrap();
        assert_eq!(
            serde_json::to_value(read).unwrap(),
            ours,
            "nothing was dropped"
        );
    }
}

#[test]
fn github_is_told_of_the_line_and_of_scenarios_without_one() {
    let mut out = Vec::new();
    annotations::write(&report(&mixed()), &mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn no_format_can_be_broken_by_what_a_target_is_called() {
    let hostile = "a|b\n</script><script>alert(1)</script>\u{1b}[31m\u{0}]]>&::error::,%";
    let mut lines = ScenarioBuilder::clean("one", 31)
        .keeps(|cycle, sample| {
            sample.threads.insert(
                "a|b\n</script><script>alert(1)</script>\u{1b}[31m\u{0}]]>&::error::,%".to_owned(),
                cycle,
            );
        })
        .alone();
    for line in &mut lines {
        match &mut line.event {
            Event::ScenarioStarted(started) => hostile.clone_into(&mut started.question),
            Event::ScenarioFinished(finished) => {
                finished.outcome = Outcome::LoadFailed;
                hostile.clone_into(&mut finished.detail);
            }
            _ => {}
        }
    }
    let report = report(&lines);
    let page = page::render(&report, &curves(&lines), &[]);
    assert_eq!(page.matches("<script").count(), 3, "data, plotter, script");
    assert!(!page.contains("alert(1)</script>"));
    let xml = junit::render(&report).unwrap();
    quick_junit::Report::deserialize_from_str(&xml).unwrap();
    let mut out = Vec::new();
    annotations::write(&report, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap().lines().count(), 1);
}

/// 20 scenarios, 30 readings and more, 200 cycles in which all of them change.
#[test]
fn a_page_of_many_scenarios_stays_small() {
    let mut builder = Builder::new();
    for _ in 0..20 {
        builder = builder.scenario(ScenarioBuilder::clean("many", 200).keeps(|cycle, sample| {
            let wander = u64::from(cycle) * 7_919 % 4_096;
            add_heap(sample, wander * 16);
            sample.memory.tree_rss.0 += wander * 4_096;
            sample.memory.pss.0 += wander * 1_024;
            sample.memory.private_dirty.0 += wander * 2_048;
            sample.memory.mappings += wander;
            sample.fds.insert("pipe".to_owned(), cycle % 7);
            sample.threads.insert("worker".to_owned(), cycle % 5);
            let gauges = sample.gauges.as_mut().unwrap();
            let like = gauges["sessions"].clone();
            for number in 0..24 {
                let value = i64::from(cycle * (number + 1) % 97);
                gauges.insert(
                    format!("gauge-{number}"),
                    Gauge {
                        value,
                        ..like.clone()
                    },
                );
            }
        }));
    }
    let lines = builder.finish();
    let curves = curves(&lines);
    let moving = |curves: &Curves| {
        let changes = |curve: &&Curve| curve.constant().is_none();
        curves.curves.iter().filter(changes).count()
    };
    assert!(curves.iter().all(|curves| moving(curves) >= 30));
    let page = page::render(&report(&lines), &curves, &[]);
    assert!(page.len() < 2 << 20, "{} bytes", page.len());
}

#[test]
fn a_curve_of_thousands_of_cycles_is_drawn_in_strides_and_keeps_its_ends() {
    let lines = ScenarioBuilder::clean("long", 5_000)
        .heap(u64::from)
        .alone();
    let curves = curves(&lines);
    let Curves {
        cycles,
        stride,
        curves,
    } = &curves[0];
    assert!(cycles.len() <= 402 && *stride > 1, "{}", cycles.len());
    assert_eq!((cycles.first(), cycles.last()), (Some(&-2), Some(&5_000)));
    let live = curves
        .iter()
        .find(|curve| curve.name == "heap.live")
        .unwrap();
    assert_eq!(live.values.len(), cycles.len());
    assert_eq!(live.values.last(), Some(&Some(205_000)));
}

fn triage<'r>(
    report: &'r RunReport,
    curves: &'r [Curves],
    green: &'r BTreeMap<String, triage::Green>,
) -> triage::Triage<'r> {
    triage::Triage {
        report,
        curves,
        green,
        directory: "reports/latest",
    }
}

#[test]
fn triage_names_the_line_its_callers_and_what_changed() {
    let lines = mixed();
    let (report, curves) = (report(&lines), curves(&lines));
    let green = BTreeMap::from([(
        "open-close".to_owned(),
        triage::Green {
            run_id: "2025-12-31T000000".to_owned(),
            held: Vec::new(),
        },
    )]);
    let triage = triage(&report, &curves, &green);
    let mut out = Vec::new();
    triage.write(Style::PLAIN, &mut out).unwrap();
    triage.explain(&mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn triage_of_a_run_without_a_leak_says_so() {
    let lines = ScenarioBuilder::clean("one", 31).alone();
    let (report, curves, green) = (report(&lines), curves(&lines), BTreeMap::new());
    let mut out = Vec::new();
    triage(&report, &curves, &green)
        .write(Style::PLAIN, &mut out)
        .unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "Nothing leaks in run 2026-01-01T000000.\n"
    );
}

#[test]
fn what_grew_is_drawn_as_wide_as_its_bytes() {
    let report = report(&mixed());
    let graph = flame::render(&report.scenarios[1]).unwrap();
    assert!(graph.contains("sessiond::core::Core::opened"));
    assert!(graph.contains("4,288 bytes"), "{graph}");
    assert_eq!(flame::render(&report.scenarios[0]), None);
}
