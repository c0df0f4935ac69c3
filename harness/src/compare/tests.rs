//! What runs with known figures come to.

use super::*;
use crate::style::Style;

/// A run with these figures.
fn run(number: usize, values: &[(Figure, f64)]) -> RunFigures {
    RunFigures {
        run_id: format!("2026-01-01T00000{number}"),
        verdict: Verdict::Pass,
        detail: String::new(),
        values: values.iter().copied().collect(),
    }
}

/// Six runs: resident memory scatters, blocks are exact.
fn six(rss: f64, blocks: f64) -> Vec<RunFigures> {
    let scatter = [0.0, 7_000.0, -3_000.0, 4_000.0, -8_000.0, 1_000.0];
    let runs = scatter.into_iter().enumerate().map(|(number, off)| {
        run(
            number,
            &[
                (Figure::Resident, rss + off),
                (Figure::AllocatedBlocks, blocks),
                (Figure::HeapKept, 0.0),
            ],
        )
    });
    runs.collect()
}

fn scenario(name: &str) -> ComparedScenario {
    ComparedScenario {
        name: name.to_owned(),
        sha256: String::new(),
        question: "Does a session leave anything behind?".to_owned(),
        target: "sessiond".to_owned(),
        outcome: Outcome::Inconclusive,
        detail: String::new(),
        base: Vec::new(),
        head: Vec::new(),
        figures: Vec::new(),
    }
}

fn side(name: &str) -> Side {
    Side {
        path: format!("/tmp/{name}"),
        sha256: format!("{name:0<64}"),
    }
}

fn comparison(scenarios: Vec<(&str, Runs)>) -> Comparison {
    let count = intervals(1);
    let mut comparison = Comparison::new(side("base"), side("head"), 6, count, 1.0);
    comparison.duration_ms = 95_000;
    for (name, runs) in scenarios {
        comparison.add(scenario(name), &runs);
    }
    comparison
}

fn outcomes(comparison: &Comparison) -> Vec<(&'static str, Outcome)> {
    let figures = comparison.figures();
    figures.map(|f| (f.figure.name(), f.outcome)).collect()
}

#[test]
fn the_same_runs_are_the_same_and_more_blocks_are_worse() {
    let same = Runs {
        base: six(8e6, 120.0),
        head: six(8e6, 120.0),
    };
    let found = comparison(vec![("one", same)]);
    assert_eq!((found.outcome, found.exit_code()), (Outcome::Same, 0));
    let worse = Runs {
        base: six(8e6, 120.0),
        head: six(7e6, 125.0),
    };
    let found = comparison(vec![("one", worse)]);
    assert_eq!((found.outcome, found.exit_code()), (Outcome::Worse, 1));
    assert_eq!(
        outcomes(&found),
        [
            ("heap.kept", Outcome::Same),
            ("alloc.blocks", Outcome::Worse),
            ("rss", Outcome::Better)
        ]
    );
    let blocks = &found.scenarios[0].figures[1];
    assert_eq!(
        (blocks.low, blocks.high, blocks.difference),
        (5.0, 5.0, 5.0)
    );
    assert_eq!(blocks.would_have_seen, 1.2, "the margin alone");
}

#[test]
fn a_difference_within_the_margin_is_none_and_the_rest_of_nothing_is_worse() {
    let within = Runs {
        base: six(8e6, 1_000.0),
        head: six(8e6, 1_009.0),
    };
    assert_eq!(comparison(vec![("one", within)]).outcome, Outcome::Same);
    let mut leaks = six(8e6, 120.0);
    for run in &mut leaks {
        run.values.insert(Figure::HeapKept, 16.0);
        run.verdict = Verdict::Leak;
    }
    let leaks = Runs {
        base: six(8e6, 120.0),
        head: leaks,
    };
    let found = comparison(vec![("one", leaks)]);
    assert_eq!(found.outcome, Outcome::Worse);
    assert_eq!(found.scenarios[0].figures[0].would_have_seen, 0.0);
}

#[test]
fn a_run_that_did_not_do_its_load_leaves_no_answer() {
    let mut runs = Runs {
        base: six(8e6, 120.0),
        head: six(8e6, 120.0),
    };
    runs.head[3].verdict = Verdict::Error;
    runs.head[3].detail = "the target died".to_owned();
    let found = comparison(vec![("one", runs)]);
    assert_eq!(
        (found.outcome, found.exit_code()),
        (Outcome::Inconclusive, 4)
    );
    let detail = &found.scenarios[0].detail;
    assert_eq!(detail, "run 2026-01-01T000003 of head: the target died");
    let few = Runs {
        base: six(8e6, 120.0),
        head: six(9e6, 120.0).split_off(1),
    };
    assert_eq!(
        comparison(vec![("one", few)]).outcome,
        Outcome::Inconclusive
    );
}

#[test]
fn a_figure_that_some_runs_lack_is_not_compared() {
    let mut runs = Runs {
        base: six(8e6, 120.0),
        head: six(8e6, 120.0),
    };
    runs.head[0].values.remove(&Figure::Resident);
    let names: Vec<_> = outcomes(&comparison(vec![("one", runs)]));
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn so_many_runs_are_needed_as_the_figures_share_one_error() {
    let needed = [1, 4, 12].map(|scenarios| runs_needed(intervals(scenarios)));
    assert_eq!(needed, [Some(6), Some(7), Some(8)]);
    // And they suffice: the farthest apart that ranks can say is said.
    for scenarios in [1, 4, 12] {
        let count = intervals(scenarios);
        let runs = runs_needed(count).unwrap() as usize;
        let error = error_of_each(count);
        let certainty = Certainty { error, margin: 0.0 };
        let all = |value: f64| {
            let run = move |number| run(number, &[(Figure::Descriptors, value)]);
            (0..runs).map(run).collect()
        };
        let runs = Runs {
            base: all(20.0),
            head: all(21.0),
        };
        assert_eq!(differences(&runs, certainty)[0].outcome, Outcome::Worse);
    }
}

#[test]
fn a_terminal_and_a_comment_show_what_differs_first() {
    let worse = Runs {
        base: six(8e6, 120.0),
        head: six(8e6, 125.5),
    };
    let mut failed = Runs {
        base: six(8e6, 120.0),
        head: six(8e6, 120.0),
    };
    failed.base[0].verdict = Verdict::Withdrawn;
    failed.base[0].detail = "199 of 200 clients are connected".to_owned();
    let found = comparison(vec![("open-close", worse), ("idle-clients", failed)]);
    let mut out = Vec::new();
    terminal::write(&found, Style::PLAIN, &mut out).unwrap();
    let terminal = String::from_utf8(out).unwrap();
    insta::assert_snapshot!(format!("{terminal}\n---\n{}", markdown(&found)));
}

#[test]
fn compare_json_is_read_back_as_it_was_written() {
    let runs = Runs {
        base: six(8e6, 120.0),
        head: six(9e6, 125.0),
    };
    let comparison = comparison(vec![("one", runs)]);
    let text = serde_json::to_string(&comparison).unwrap();
    assert_eq!(
        serde_json::from_str::<Comparison>(&text).unwrap(),
        comparison
    );
}
