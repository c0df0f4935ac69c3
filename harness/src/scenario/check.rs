//! What shows only when a scenario's steps are followed, cycle by cycle: that every value that they can have fits, and
//! that a cycle ends where it began.

use std::collections::BTreeSet;
use std::ops::Range;

use super::follow;
use super::model::{At, Cycles, Warmup};
use super::part::{Part, Place, Step, When};
use super::program::Program;
use super::unroll::{Unroll, Which, unknown_yet};
use super::variables::Variables;
use crate::source::Problems;
use crate::template::Values;

/// Choices of cycles that differ; with more, nobody could say what a cycle does.
const WHENS_MAX: usize = 64;
/// Draws of the random variables that are tried together; beyond, one variable at a time goes through its extremes.
const DRAWS_MAX: usize = 64;
/// Steps that are followed when a scenario is read: about a second's work.
const FOLLOWED_MAX: usize = 1_000_000;

/// Every step that a scenario has.
pub(super) struct Steps {
    /// Each action once.
    pub(super) steps: Vec<Step>,
    /// Which cycles they choose, and where that is written.
    whens: Vec<(When, Place)>,
}

/// Reads every step once, whatever its cycles, and notes what is wrong with it.
pub(super) fn every_step_once(
    program: &Program,
    variables: &Variables,
    problems: &mut Problems,
) -> Steps {
    let globals = variables.values(At::measured(1), |_, random| first(random.extremes()));
    let mut unroll = Unroll::new(program, Which::EachOnce, unknown_yet().and(&globals));
    let parts = unroll.cycle();
    let mut steps = Vec::new();
    flatten(parts, &mut steps);
    let whens = std::mem::take(&mut unroll.whens);
    problems.append(unroll.problems);
    Steps { steps, whens }
}

fn first(texts: Vec<String>) -> String {
    texts.into_iter().next().unwrap_or_default()
}

fn flatten(parts: Vec<Part>, steps: &mut Vec<Step>) {
    for part in parts {
        match part {
            Part::Step(step) => steps.push(step),
            Part::Repeat(block) => block
                .parts
                .into_iter()
                .for_each(|round| flatten(round, steps)),
            Part::Group(block) => flatten(block.parts, steps),
            Part::Parallel(block) => {
                let branches = block.parts.into_iter();
                branches.for_each(|branch| flatten(branch.parts, steps));
            }
        }
    }
}

/// Tries every kind of cycle that can run, with every value that its variables can have, and notes what is wrong with
/// it once, with the first cycle that has it.
pub(super) fn every_cycle(
    program: &Program,
    variables: &Variables,
    cycles: Cycles,
    steps: &Steps,
    problems: &mut Problems,
) {
    let Some(whens) = listed_cycles_run(&steps.whens, cycles, problems) else {
        return;
    };
    let draws = draws(variables);
    let mut noted: BTreeSet<(usize, usize, String)> = BTreeSet::new();
    let mut followed = 0;
    for at in kinds_of_cycles(variables, cycles, &whens) {
        for draw in &draws {
            let globals = variables.values(at, |_, _| String::new()).and(draw);
            let mut unroll = Unroll::new(program, Which::Of(at), unknown_yet().and(&globals));
            let parts = unroll.cycle();
            followed += unroll.unrolled;
            if !unroll.problems.none() {
                problems.append(unroll.problems);
                return; // other values would only say it again
            }
            for wrong in follow::follow(&parts) {
                let (document, Range { start, .. }) = (wrong.document, wrong.span.clone());
                if noted.insert((document, start, wrong.message.clone())) {
                    let before = problems.in_file(document);
                    problems.add(wrong.span, wrong.message, format!("in {at}"));
                    problems.in_file(before);
                }
            }
            if followed > FOLLOWED_MAX {
                problems.add_with_help(
                    0..0,
                    "this scenario has too many different cycles to try them all",
                    format!("more than {FOLLOWED_MAX} steps in all"),
                    "use fewer values, fewer choices of cycles, or fewer rounds",
                );
                return;
            }
        }
    }
}

/// `only` and `except` name measured cycles that can run; the different choices, if they are few enough.
fn listed_cycles_run(
    whens: &[(When, Place)],
    cycles: Cycles,
    problems: &mut Problems,
) -> Option<Vec<When>> {
    let mut different: BTreeSet<&When> = BTreeSet::new();
    for (when, place) in whens {
        let before = problems.in_file(place.document);
        different.insert(when);
        if different.len() > WHENS_MAX {
            let message = format!("there are more than {WHENS_MAX} different choices of cycles");
            problems.add(place.span.clone(), message, "the first beyond it");
            return None;
        }
        if let When::Only(listed) | When::Except(listed) = when
            && let Some(beyond) = listed.iter().find(|&&cycle| cycle > cycles.max)
        {
            problems.add(
                place.span.clone(),
                format!("there is no measured cycle {beyond}"),
                format!("there are {}", cycles.max),
            );
        }
        problems.in_file(before);
    }
    Some(different.into_iter().cloned().collect())
}

/// The first cycle of each kind: cycles are of one kind when they run the same steps with the same listed values.
fn kinds_of_cycles(variables: &Variables, cycles: Cycles, whens: &[When]) -> Vec<At> {
    let warmup = match cycles.warmup {
        Warmup::Auto => Warmup::AUTO_MAX,
        Warmup::Fixed(cycles) => cycles,
    };
    let mut seen: BTreeSet<(Vec<bool>, Vec<usize>)> = BTreeSet::new();
    let warmup = (1..=warmup).map(At::warmup);
    let all = warmup.chain((1..=cycles.max).map(At::measured));
    all.filter(|&at| {
        let runs = whens.iter().map(|when| when.includes(at)).collect();
        seen.insert((runs, variables.position(at)))
    })
    .collect()
}

/// The draws to try: every combination of the random variables' extremes where they are few.
fn draws(variables: &Variables) -> Vec<Values> {
    let extremes: Vec<(&str, Vec<String>)> = variables
        .random()
        .map(|(name, random)| (name, random.extremes()))
        .collect();
    let combinations = extremes.iter().try_fold(1_usize, |product, (_, values)| {
        product.checked_mul(values.len())
    });
    let with = |values: &Values, name: &str, value: &str| values.clone().text(name, value);
    if combinations.is_some_and(|combinations| combinations <= DRAWS_MAX) {
        return extremes
            .iter()
            .fold(vec![Values::new()], |draws, (name, values)| {
                let each = draws
                    .iter()
                    .flat_map(|draw| values.iter().map(|value| with(draw, name, value)));
                each.collect()
            });
    }
    let firsts = extremes.iter().fold(Values::new(), |draw, (name, values)| {
        with(&draw, name, &values[0])
    });
    let one_at_a_time = extremes
        .iter()
        .flat_map(|(name, values)| values.iter().map(|value| with(&firsts, name, value)));
    one_at_a_time.collect()
}
