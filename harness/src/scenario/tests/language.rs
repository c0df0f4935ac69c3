//! What a cycle does: blocks opened, values filled in, branches kept apart.

use super::*;
use crate::template::Values;

/// A scenario with every step of the vocabulary.
pub(crate) fn everything() -> String {
    let blocks = r#"
[[step]]
do = "kill"
session = "s"
signal = "STOP"
[[step]]
do = "run"
command = ["true"]
[[step]]
do = "sample"
[[step]]
do = "repeat"
times = 2
[[step.step]]
do = "idle"
for = "1ms"
[[step]]
do = "parallel"
[[step.branch]]
[[step.branch.step]]
do = "idle"
for = "1ms"
[[step]]
do = "use"
group = "nothing"
[[step]]
do = "send"
text = "{cycle}"
raw = true
[[step]]
do = "expect"
silence = true
[[step]]
do = "call"
method = "add"
params = { list = [1, "{cycle}"] }
expect_error = -32601
[[step]]
do = "notify"
method = "done"
[[step]]
do = "request"
path = "/{cycle}"
headers = { accept = "*/*" }
status = 404
"#;
    let steps = format!("{blocks}{ALL_STEPS}");
    SMALL
        .replace("[cycles]", "[group.nothing]\nstep = []\n[cycles]")
        .replace(
            "[[step]]\ndo = \"close\"",
            &format!("{steps}\n[[step]]\ndo = \"close\""),
        )
}

/// The actions of a cycle as `plan` names them, branches in their order.
fn actions(scenario: &Scenario, at: At, seed: u64) -> Vec<String> {
    fn add(parts: &[Part], actions: &mut Vec<String>) {
        for part in parts {
            match part {
                Part::Step(step) => actions.push(step.action.to_string()),
                Part::Repeat(block) => block.parts.iter().for_each(|round| add(round, actions)),
                Part::Group(block) => add(&block.parts, actions),
                Part::Parallel(block) => {
                    for branch in &block.parts {
                        actions.push(format!("{}:", branch.name));
                        add(&branch.parts, actions);
                    }
                }
            }
        }
    }
    let parts = scenario
        .cycle(at, seed, &Values::new())
        .unwrap_or_else(|errors| panic!("{errors}"));
    let mut found = Vec::new();
    add(&parts, &mut found);
    found
}

#[test]
fn everything_that_there_is_can_be_written() {
    let scenario = read(&everything()).unwrap_or_else(|errors| panic!("{errors}"));
    let used: std::collections::BTreeSet<&str> = scenario
        .steps
        .iter()
        .map(|step| step.action.name())
        .collect();
    let blocks = ["repeat", "parallel", "use"];
    for word in vocabulary::VOCABULARY {
        assert!(
            blocks.contains(&word.name) || used.contains(word.name),
            "{}",
            word.name
        );
    }
}

#[test]
fn blocks_are_unrolled_with_their_numbers_and_arguments() {
    let scenario = read(super::wrong::RIGHT).unwrap_or_else(|errors| panic!("{errors}"));
    let actions = actions(&scenario, At::measured(2), 7);
    assert!(
        actions[0].starts_with("open s: leakgate emit --bytes "),
        "{}",
        actions[0]
    );
    assert!(
        actions[0].ends_with("--content sgr (24x80)"),
        "{}",
        actions[0]
    );
    assert_eq!(
        actions[1..9],
        [
            "write s: \"round 1\\n\"",
            "write s: \"round 2\\n\"",
            "write s: \"round 3\\n\"",
            "watcher 1:",
            "connect c1: 1",
            "disconnect c1: drop",
            "watcher 2:",
            "connect c2: 1",
        ]
    );
    let placed: Vec<usize> = scenario.steps.iter().map(|step| step.place.line).collect();
    assert_eq!(placed[..3], [25, 20, 47], "{placed:?}");
}

#[test]
fn a_cycle_has_the_same_random_values_whenever_it_is_asked_for() {
    let scenario = read(super::wrong::RIGHT).unwrap();
    let of = |at, seed| actions(&scenario, at, seed).remove(0);
    let cycles: Vec<String> = (1..=20).map(|cycle| of(At::measured(cycle), 7)).collect();
    let again: Vec<String> = (1..=20)
        .rev()
        .map(|cycle| of(At::measured(cycle), 7))
        .collect();
    assert!(cycles.iter().eq(again.iter().rev()));
    let different: std::collections::BTreeSet<&String> = cycles.iter().collect();
    assert!(different.len() > 15, "{different:?}");
    assert_ne!(of(At::measured(1), 7), of(At::measured(1), 8));
    assert_ne!(of(At::measured(1), 7), of(At::warmup(1), 7));
}

#[test]
fn a_step_that_expects_an_error_may_be_about_what_is_gone() {
    let gone = "[[step]]\ndo = \"close\"\nsession = \"s\"\n[[step]]\ndo = \"resize\"\nsession = \"s\"\nsize = \"2x2\"\nexpect_error = \"not_found\"";
    let text = SMALL.replace("[[step]]\ndo = \"close\"\nsession = \"s\"", gone);
    let scenario = read(&text).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(scenario.steps[2].expect_error.as_deref(), Some("not_found"));
    let never = text.replace(
        "do = \"resize\"\nsession = \"s\"",
        "do = \"resize\"\nsession = \"t\"",
    );
    assert!(
        read(&never)
            .unwrap_err()
            .contains("`t` was never opened here")
    );
}

#[test]
fn what_branches_do_is_there_after_them() {
    let opens = |second: &str| {
        let steps = format!(
            "[[step]]\ndo = \"parallel\"\n[[step.branch]]\ncount = 2\n[[step.branch.step]]\ndo = \"open\"\nsession = \"p{{i}}\"\ncommand = [\"cat\"]\n\
             [[step]]\ndo = \"close\"\nsession = \"p1\"\n[[step]]\ndo = \"close\"\nsession = \"{second}\""
        );
        with_steps(&steps)
    };
    opens("p2").unwrap_or_else(|errors| panic!("{errors}"));
    let errors = opens("p3").unwrap_err();
    assert!(errors.contains("session `p2` is still open"), "{errors}");
    assert!(errors.contains("session `p3` is not open here"), "{errors}");
}

#[test]
fn one_branch_may_wait_for_what_another_writes() {
    let steps = "[[step]]\ndo = \"parallel\"\n[[step.branch]]\n[[step.branch.step]]\ndo = \"wait_exit\"\nsession = \"s\"\n\
                 [[step.branch]]\n[[step.branch.step]]\ndo = \"write\"\nsession = \"s\"\ntext = \"exit\"";
    with_steps(steps).unwrap_or_else(|errors| panic!("{errors}"));
    let closes = steps.replace("do = \"wait_exit\"", "do = \"close\"");
    let errors = with_steps(&closes).unwrap_err();
    assert!(errors.contains("another branch does `close`"), "{errors}");
}

#[test]
fn every_value_is_tried_when_the_scenario_is_read() {
    let random = "[random]\nn = { choice = [\"1s\", \"2s\", \"soon\"] }\n[gates]";
    let idle = "[[step]]\ndo = \"idle\"\nfor = \"{n}\"";
    let text = SMALL.replace("[gates]", random).replace(
        "[[step]]\ndo = \"close\"",
        &format!("{idle}\n[[step]]\ndo = \"close\""),
    );
    let errors = read(&text).unwrap_err();
    assert!(errors.contains("\"soon\" is not a duration"), "{errors}");
    assert!(errors.contains("here {n} is \"soon\""), "{errors}");
    assert!(errors.contains("small.toml:12:7"), "{errors}");
}

#[test]
fn a_cycle_has_a_bounded_number_of_steps() {
    let nested = "[[step]]\ndo = \"repeat\"\ntimes = 400\n[[step.step]]\ndo = \"repeat\"\ntimes = 400\nas = \"j\"\n[[step.step.step]]\ndo = \"idle\"\nfor = \"1ms\"";
    let errors = with_steps(nested).unwrap_err();
    assert!(errors.contains("more than 100000 steps"), "{errors}");
    let few = nested.replace("400", "40");
    with_steps(&few).unwrap_or_else(|errors| panic!("{errors}"));
}
