//! A cycle unrolled: blocks opened, groups in the place of their use, values in the place of placeholders.
//!
//! The same code reads a scenario's steps once in full, tries every kind of cycle when the scenario is read, and makes
//! the steps of a cycle that runs: what has been tried is what runs.

use super::model::At;
use super::part::{Block, Branch, Part, Spans, Step, When};
use super::program::Program;
use super::steps::{Reader, WITHIN_DEFAULT};
use super::variables::{BUILT_IN, can_be_placeholder};
use super::vocabulary::{BRANCH, BRANCHES_MAX, Word};
use crate::source::{Node, Problems, Table, closest, listed};
use crate::template::Values;

/// More steps than this in one list are a program, not a question.
const LISTED_MAX: usize = 256;
/// What the number of a round or branch is called when it has no name of its own.
const NUMBER: &str = "i";
/// Blocks within blocks.
const DEPTH_MAX: usize = 16;
/// Steps and rounds of one cycle: below a second's work for the load's side, a few hundred bytes each.
pub(super) const UNROLLED_MAX: usize = 100_000;

/// Which steps are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Each that is written, once, whatever its cycles: what is wrong with it shows.
    EachOnce,
    /// Those of one cycle.
    Of(At),
}

/// What the steps of a list have in common.
#[derive(Clone)]
struct Around {
    /// The file they stand in.
    document: usize,
    scope: Values,
    /// Blocks around them.
    depth: usize,
    /// The groups that are being used, outermost first.
    groups: Vec<String>,
}

/// Unrolls one cycle.
pub(super) struct Unroll<'p> {
    program: &'p Program,
    /// What every text may name.
    globals: Values,
    which: Which,
    pub(super) problems: Problems,
    /// Which cycles the steps choose, and where that is written; only for [`Which::EachOnce`].
    pub(super) whens: Vec<(When, super::part::Place)>,
    /// Steps, branches and rounds so far.
    pub(super) unrolled: usize,
}

impl<'p> Unroll<'p> {
    /// With what every text may name.
    pub(super) fn new(program: &'p Program, which: Which, globals: Values) -> Unroll<'p> {
        Unroll {
            program,
            globals,
            which,
            problems: Problems::default(),
            whens: Vec::new(),
            unrolled: 0,
        }
    }

    /// The cycle; whatever is wrong is left out and noted.
    pub(super) fn cycle(&mut self) -> Vec<Part> {
        let root = self.program.root();
        let around = Around {
            document: 0,
            scope: self.globals.clone(),
            depth: 0,
            groups: Vec::new(),
        };
        self.list(&root, "a scenario", &around)
    }

    /// The steps of `table`, written as [[step]].
    fn list(&mut self, table: &Table<'_>, what: &str, around: &Around) -> Vec<Part> {
        let Some(nodes) = table
            .require("step", what, &mut self.problems)
            .and_then(|node| node.array("steps, written as [[step]]", &mut self.problems))
        else {
            return Vec::new();
        };
        if let Some(beyond) = nodes.get(LISTED_MAX) {
            self.problems.add(
                beyond.span.clone(),
                format!("a list has at most {LISTED_MAX} steps"),
                "one too many",
            );
            return Vec::new();
        }
        let parts = nodes.iter().filter_map(|node| self.part(node, around));
        parts.collect()
    }

    fn part(&mut self, node: &Node<'_>, around: &Around) -> Option<Part> {
        self.count(node)?;
        let table = node.table("a step", &mut self.problems)?;
        let (word, mut reader) = Reader::of_step(table.clone(), &around.scope, &mut self.problems)?;
        let when = reader.when();
        match (self.which, &when) {
            (Which::Of(at), Some(when)) if !when.includes(at) => return None,
            (Which::EachOnce, Some(when)) if *when != When::Always => {
                let written = super::vocabulary::WHEN
                    .iter()
                    .find_map(|key| table.get(key));
                let span = written.map_or(node.span.clone(), |node| node.span);
                let place = self.program.place(around.document, span);
                self.whens.push((when.clone(), place));
            }
            _ => {}
        }
        if word.is_block() {
            let within = reader.within();
            when?;
            return self.block(word, node, &table, within?, around);
        }
        let action = reader.action(word.name);
        let (within, expect_error) = (reader.within(), reader.expect_error());
        let span_of = |key: &str| table.get(key).map_or(node.span.clone(), |node| node.span);
        let spans = Spans {
            session: span_of("session"),
            client: span_of("client"),
        };
        Some(Part::Step(Step {
            place: self.program.place(around.document, node.span.clone()),
            when: when?,
            action: action?,
            within: within?.unwrap_or(WITHIN_DEFAULT),
            expect_error: expect_error?,
            spans,
        }))
    }

    /// Counts a step, branch or round; none once there are too many.
    fn count(&mut self, node: &Node<'_>) -> Option<()> {
        self.unrolled += 1;
        if self.unrolled == UNROLLED_MAX + 1 {
            self.problems.add(
                node.span.clone(),
                format!("a cycle has more than {UNROLLED_MAX} steps"),
                "the first beyond it",
            );
        }
        (self.unrolled <= UNROLLED_MAX).then_some(())
    }

    fn block(
        &mut self,
        word: &Word,
        node: &Node<'_>,
        table: &Table<'_>,
        within: Option<std::time::Duration>,
        around: &Around,
    ) -> Option<Part> {
        if around.depth == DEPTH_MAX {
            self.problems.add(
                node.span.clone(),
                format!("blocks are at most {DEPTH_MAX} deep"),
                "one too deep",
            );
            return None;
        }
        let place = self.program.place(around.document, node.span.clone());
        let around = Around {
            depth: around.depth + 1,
            ..around.clone()
        };
        let name = word.name.to_owned();
        Some(match word.name {
            "repeat" => Part::Repeat(Block {
                place,
                name,
                within,
                parts: self.rounds(node, table, &around)?,
            }),
            "parallel" => Part::Parallel(Block {
                place,
                name,
                within,
                parts: self.branches(node, table, &around)?,
            }),
            _ => {
                let (name, parts) = self.used(table, &around)?;
                Part::Group(Block {
                    place,
                    name,
                    within,
                    parts,
                })
            }
        })
    }

    fn rounds(
        &mut self,
        node: &Node<'_>,
        table: &Table<'_>,
        around: &Around,
    ) -> Option<Vec<Vec<Part>>> {
        let (_, mut reader) = Reader::of_step(table.clone(), &around.scope, &mut self.problems)?;
        let times = reader.count("times", "a number of rounds", None);
        let times = match self.which {
            Which::EachOnce => 1,
            Which::Of(_) => times?,
        };
        let name = self.number_name(table, around)?;
        let mut rounds = Vec::new();
        for number in 1..=times {
            self.count(node)?;
            let before = self.problems.count();
            rounds.push(self.list(table, "a repeat", &numbered(around, &name, number)));
            if self.problems.count() > before {
                break; // the next rounds would only say it again
            }
        }
        Some(rounds)
    }

    fn branches(
        &mut self,
        node: &Node<'_>,
        table: &Table<'_>,
        around: &Around,
    ) -> Option<Vec<Branch>> {
        let nodes = table
            .require("branch", "a parallel", &mut self.problems)?
            .array("branches, written as [[step.branch]]", &mut self.problems)?;
        let mut branches = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let Some(table) = node.table("a branch", &mut self.problems) else {
                continue;
            };
            let allowed = BRANCH.map(|field| field.name);
            table.only(&allowed, "a branch", &mut self.problems);
            let mut reader =
                Reader::of_fields(table.clone(), &BRANCH, &around.scope, &mut self.problems);
            let own = format!("branch {}", index + 1);
            let name = reader.text_if_any("name").map(|name| name.unwrap_or(own));
            let count = reader.count("count", "a number of branches", Some(1));
            let number_name = self.number_name(&table, around);
            let (Some(name), Some(count), Some(number_name)) = (name, count, number_name) else {
                continue;
            };
            let each_once = self.which == Which::EachOnce;
            for number in 1..=if each_once { 1 } else { count } {
                self.count(node)?;
                branches.push(Branch {
                    name: if count > 1 {
                        format!("{name} {number}")
                    } else {
                        name.clone()
                    },
                    parts: self.list(&table, "a branch", &numbered(around, &number_name, number)),
                });
            }
        }
        if branches.len() > BRANCHES_MAX as usize {
            self.problems.add(
                node.span.clone(),
                format!("there are {} branches", branches.len()),
                format!("expected at most {BRANCHES_MAX}"),
            );
            return None;
        }
        Some(branches)
    }

    /// What the number of a round or branch is called.
    fn number_name(&mut self, table: &Table<'_>, around: &Around) -> Option<String> {
        let Some(node) = table.get("as") else {
            // Within another block the number that is not named is the inner one's.
            let free = !self.globals.has(NUMBER);
            if !free {
                let message = format!("`{{{NUMBER}}}` is already taken");
                let label = "name the number with `as`";
                self.problems.add(table.span(), message, label);
            }
            return free.then(|| NUMBER.to_owned());
        };
        let name = node.string("a name", &mut self.problems)?;
        let taken = around.scope.has(name);
        can_be_placeholder(node.span.clone(), name, taken, &mut self.problems)
            .then(|| name.to_owned())
    }

    /// A group's name and its steps.
    fn used(&mut self, table: &Table<'_>, around: &Around) -> Option<(String, Vec<Part>)> {
        let node = table.require("group", "this step", &mut self.problems)?;
        let name = node.string("the name of a group", &mut self.problems)?;
        let Some(group) = self.program.group(name) else {
            unknown_group(&node, name, &self.program.group_names(), &mut self.problems);
            return None;
        };
        if around.groups.iter().any(|used| used == name) {
            let chain: Vec<&str> = around
                .groups
                .iter()
                .map(String::as_str)
                .chain([name])
                .collect();
            self.problems.add_with_help(
                node.span.clone(),
                format!("group `{name}` uses itself"),
                "a circle of groups",
                chain.join(" uses "),
            );
            return None;
        }
        let arguments = self.arguments(table, name, &group.takes, around)?;
        let table = self.program.group_table(name, group)?;
        let within = Around {
            document: group.document,
            scope: self.globals.clone().and(&arguments),
            depth: around.depth,
            groups: around
                .groups
                .iter()
                .cloned()
                .chain([name.to_owned()])
                .collect(),
        };
        let before = self.problems.in_file(group.document);
        let parts = self.list(&table, "a group", &within);
        self.problems.in_file(before);
        Some((name.to_owned(), parts))
    }

    /// What a group is given.
    fn arguments(
        &mut self,
        table: &Table<'_>,
        group: &str,
        takes: &[String],
        around: &Around,
    ) -> Option<Values> {
        let what = format!("group `{group}`");
        let given = match table.get("with") {
            Some(node) => Some(node.table("what the group takes, by name", &mut self.problems)?),
            None => None,
        };
        let names: Vec<&str> = takes.iter().map(String::as_str).collect();
        if let Some(given) = &given {
            given.only(&names, &what, &mut self.problems);
        }
        let mut arguments = Values::new();
        let mut complete = true;
        for name in names {
            let Some(node) = given
                .as_ref()
                .unwrap_or(table)
                .get(name)
                .filter(|_| given.is_some())
            else {
                let span = given.as_ref().unwrap_or(table).span();
                let message = format!("{what} needs `{name}`");
                self.problems.add(
                    span,
                    message,
                    format!("write `with = {{ {name} = \"...\" }}`"),
                );
                complete = false;
                continue;
            };
            let mut reader =
                Reader::of_fields(table.clone(), &[], &around.scope, &mut self.problems);
            let value = match node.integer() {
                Some(integer) => Some(integer.to_string()),
                None => reader.text_at(&node),
            };
            complete &= value.is_some();
            arguments = arguments.text(name, value.unwrap_or_default());
        }
        complete.then_some(arguments)
    }
}

/// What dummies stand for when no target runs: their values are not known before it does.
pub(super) fn unknown_yet() -> Values {
    let directories = BUILT_IN
        .iter()
        .filter(|&&name| name != "emit" && name != "cycle");
    let values = Values::new().words("emit", &["leakgate".to_owned(), "emit".to_owned()]);
    directories.fold(values, |values, name| {
        values.text(name, format!("{{{name}}}"))
    })
}

fn numbered(around: &Around, name: &str, number: u32) -> Around {
    Around {
        scope: around.scope.clone().text(name, number.to_string()),
        ..around.clone()
    }
}

fn unknown_group(node: &Node<'_>, name: &str, names: &[&str], problems: &mut Problems) {
    let label = closest(name, names).map_or_else(
        || "unknown group".to_owned(),
        |meant| format!("did you mean `{meant}`?"),
    );
    let help = match names {
        [] => "there are no groups; write [group.NAME], or include a file that has it".to_owned(),
        names => format!("there are: {}", listed(names)),
    };
    problems.add_with_help(
        node.span.clone(),
        format!("there is no group `{name}`"),
        label,
        help,
    );
}
