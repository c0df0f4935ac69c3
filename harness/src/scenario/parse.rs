//! A scenario from its TOML text: every field read, every problem found, at once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::model::{Cycles, Gate, Scenario, Suite, Warmup};
use super::program::Program;
use super::vocabulary::BLOCK_WITHIN_MAX;
use super::{check, gates};
use crate::source::{Problems, SourceErrors, Table};

/// A scenario that takes longer than this when its file names no deadline is stuck: suite `gate` has 3 minutes.
const DEADLINE_DEFAULT: Duration = Duration::from_secs(5 * 60);
/// A soak runs overnight at most.
const DEADLINE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Five windows need a few cycles; below this no growth could be told from a step.
const MEASURE_MIN: u32 = 4;
/// A recording holds one sample per cycle, a few KiB each: this keeps it below a gigabyte.
const CYCLES_MAX: u32 = 100_000;
/// Cycles of `--quick` where the scenario names none.
const QUICK_DEFAULT: u32 = 7;
/// Cycles of the shorter profiled window where the scenario names none: a prime.
const PROFILE_DEFAULT: u32 = 7;
/// dhat's tables grow with what it sees; a window need not be longer than any cache it must fill.
const PROFILE_MAX: u32 = 10_000;

/// What a scenario's file may hold.
pub(crate) const KEYS: [&str; 12] = [
    "question", "target", "suite", "deadline", "include", "cycles", "vars", "vary", "random",
    "group", "step", "gates",
];
/// What `[cycles]` may hold.
pub(crate) const CYCLES_KEYS: [&str; 6] = [
    "warmup",
    "measure",
    "max",
    "quick",
    "profile",
    "cycle_within",
];

impl Scenario {
    /// The scenario that `text`, the contents of `path`, describes, with the files that it includes; `name` is the
    /// file's stem.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn from_toml(name: &str, path: &Path, text: &str) -> Result<Scenario, SourceErrors> {
        let mut problems = Problems::default();
        let program = Program::read(path, text, &mut problems);
        if problems.none() {
            read(name, program, problems)
        } else {
            Err(problems.into_errors(program.documents()))
        }
    }
}

fn read(
    name: &str,
    mut program: Program,
    mut problems: Problems,
) -> Result<Scenario, SourceErrors> {
    let variables = program.variables(&mut problems);
    program.find_groups(&variables, &mut problems);
    let head = read_head(&program.root(), &mut problems);
    let gates = read_gates(&program, &mut problems);
    let steps = check::every_step_once(&program, &variables, &mut problems);
    if let (Some(head), true) = (&head, problems.none()) {
        check::every_cycle(&program, &variables, head.cycles, &steps, &mut problems);
    }
    match head {
        Some(head) if problems.none() => Ok(Scenario {
            name: name.to_owned(),
            sha256: program.sha256(),
            question: head.question,
            target: head.target,
            suite: head.suite,
            cycles: head.cycles,
            deadline: head.deadline,
            variables,
            steps: steps.steps,
            gates,
            program: Arc::new(program),
        }),
        _ => Err(problems.into_errors(program.documents())),
    }
}

/// What a scenario says of itself, beside its steps and gates.
struct Head {
    question: String,
    target: String,
    suite: Suite,
    deadline: Duration,
    cycles: Cycles,
}

fn read_head(root: &Table<'_>, problems: &mut Problems) -> Option<Head> {
    const WHAT: &str = "a scenario";
    root.only(&KEYS, WHAT, problems);
    let question = root
        .require("question", WHAT, problems)
        .and_then(|node| node.string("the question that the verdict answers", problems));
    let target = root
        .require("target", WHAT, problems)
        .and_then(|node| node.string("a target's name", problems));
    let suite = match root.get("suite") {
        Some(node) => node.choice("suite", &Suite::CHOICES, problems),
        None => Some(Suite::Gate),
    };
    let deadline = match root.get("deadline") {
        Some(node) => node.duration(DEADLINE_MAX, problems),
        None => Some(DEADLINE_DEFAULT),
    };
    let cycles = root
        .require("cycles", WHAT, problems)
        .and_then(|node| node.table("a table of cycles", problems))
        .and_then(|table| read_cycles(&table, problems));
    Some(Head {
        question: question?.to_owned(),
        target: target?.to_owned(),
        suite: suite?,
        deadline: deadline?,
        cycles: cycles?,
    })
}

/// The gates of all files: what a file says goes before what it includes.
fn read_gates(program: &Program, problems: &mut Problems) -> Vec<Gate> {
    let mut all: Vec<Gate> = Vec::new();
    let mut given = false;
    for (number, document) in program.documents().iter().enumerate() {
        let before = problems.in_file(number);
        if let Some(node) = document.root().get("gates") {
            given = true;
            let read = node
                .table("a table of gates", problems)
                .and_then(|table| gates::read(&table, problems));
            for gate in read.unwrap_or_default() {
                if all.iter().all(|other| other.metric != gate.metric) {
                    all.push(gate);
                }
            }
        }
        problems.in_file(before);
    }
    if !given {
        program.root().require("gates", "a scenario", problems);
    }
    all.sort_by_key(|gate| gate.metric);
    all
}

fn read_cycles(table: &Table<'_>, problems: &mut Problems) -> Option<Cycles> {
    const WHAT: &str = "a number of cycles";
    table.only(&CYCLES_KEYS, "[cycles]", problems);
    let warmup = match table.get("warmup") {
        None => Some(Warmup::Auto),
        Some(node) => match node.as_str() {
            Some(_) => node.choice("warm-up", &[("auto", Warmup::Auto)], problems),
            None => node
                .count(0..=CYCLES_MAX, WHAT, problems)
                .map(Warmup::Fixed),
        },
    };
    let measure = table.require("measure", "[cycles]", problems)?.count(
        MEASURE_MIN..=CYCLES_MAX,
        WHAT,
        problems,
    )?;
    let max = match table.get("max") {
        Some(node) => node.count(measure..=CYCLES_MAX, WHAT, problems),
        None => Some(measure),
    };
    let quick = match table.get("quick") {
        Some(node) => node.count(MEASURE_MIN..=measure, WHAT, problems),
        None => Some(measure.min(QUICK_DEFAULT)),
    };
    let profile = match table.get("profile") {
        Some(node) => node.count(1..=PROFILE_MAX, WHAT, problems),
        None => Some(PROFILE_DEFAULT),
    };
    let within = match table.get("cycle_within") {
        Some(node) => Some(node.duration(BLOCK_WITHIN_MAX, problems)?),
        None => None,
    };
    Some(Cycles {
        warmup: warmup?,
        measure,
        max: max?,
        quick: quick?,
        profile: profile?,
        within,
    })
}
