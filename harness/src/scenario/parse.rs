//! A scenario from its TOML text: every field read, every problem found, at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::model::{Cycles, Scenario, Suite, Warmup};
use super::{check, gates, steps};
use crate::source::{Problems, SourceErrors, Table, document};

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

impl Scenario {
    /// The scenario that `text`, the contents of `path`, describes; `name` is the file's stem.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn from_toml(name: &str, path: &Path, text: &str) -> Result<Scenario, SourceErrors> {
        let mut problems = Problems::default();
        let document = document(text, &mut problems);
        let scenario = if problems.none() {
            read(name, text, &Table::root(&document), &mut problems)
        } else {
            // What the parser recovered after a syntax error would only add problems that are not there.
            None
        };
        match scenario {
            Some(scenario) if problems.none() => Ok(scenario),
            _ => Err(problems.into_errors(&path.display().to_string(), text)),
        }
    }
}

fn read(name: &str, text: &str, root: &Table<'_>, problems: &mut Problems) -> Option<Scenario> {
    const WHAT: &str = "a scenario";
    const KEYS: [&str; 8] = [
        "question", "target", "suite", "deadline", "cycles", "vary", "step", "gates",
    ];
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
    let vary = read_vary(root, problems);
    let steps = steps::read(text, root, &vary, problems);
    let gates = root
        .require("gates", WHAT, problems)
        .and_then(|node| node.table("a table of gates", problems))
        .and_then(|table| gates::read(&table, problems));
    let (cycles, steps) = (cycles?, steps?);
    check::cycle_ends_where_it_began(&steps, cycles, problems);
    Some(Scenario {
        name: name.to_owned(),
        sha256: sha256(text),
        question: question?.to_owned(),
        target: target?.to_owned(),
        suite: suite?,
        cycles,
        deadline: deadline?,
        vary,
        steps: steps.into_iter().map(|placed| placed.step).collect(),
        gates: gates?,
    })
}

fn read_cycles(table: &Table<'_>, problems: &mut Problems) -> Option<Cycles> {
    const WHAT: &str = "a number of cycles";
    table.only(
        &["warmup", "measure", "max", "quick", "profile"],
        "[cycles]",
        problems,
    );
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
    Some(Cycles {
        warmup: warmup?,
        measure,
        max: max?,
        quick: quick?,
        profile: profile?,
    })
}

/// The values that change from cycle to cycle; whatever is wrong is left out.
fn read_vary(root: &Table<'_>, problems: &mut Problems) -> BTreeMap<String, Vec<String>> {
    let mut vary = BTreeMap::new();
    let Some(table) = root
        .get("vary")
        .and_then(|node| node.table("a table of lists", problems))
    else {
        return vary;
    };
    for (span, name, node) in table.entries() {
        if steps::BUILT_IN.contains(&name) {
            problems.add(
                span,
                format!("`{{{name}}}` is already taken"),
                "choose another name",
            );
            continue;
        }
        if crate::template::placeholders(&format!("{{{name}}}")) != [name] {
            problems.add(
                span,
                format!("`{name}` cannot be a placeholder"),
                "expected a letter, then letters, digits, `_` or `-`",
            );
            continue;
        }
        // Left out of the map it would be an unknown placeholder as well: one problem is enough.
        let values = node.strings("a list of strings", problems);
        vary.insert(name.to_owned(), values.unwrap_or_default());
    }
    vary
}

/// SHA-256 in hexadecimal.
fn sha256(text: &str) -> String {
    let mut hexadecimal = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        write!(hexadecimal, "{byte:02x}").expect("writing to a string cannot fail");
    }
    hexadecimal
}
