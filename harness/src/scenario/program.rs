//! The files of a scenario: its own and those that it includes, and the groups of steps in them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::part::Place;
use super::variables::{Variables, can_be_placeholder};
use crate::source::{Document, Node, Problems, Table, read_text};

/// More files than this are a program, not a question.
const FILES_MAX: usize = 32;
/// What an included file may hold.
const INCLUDED_KEYS: [&str; 6] = ["include", "vars", "vary", "random", "group", "gates"];

/// All files of a scenario; the first is its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Program {
    documents: Vec<Document>,
    groups: BTreeMap<String, Group>,
}

/// Steps under a name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    /// Which of the files it stands in.
    pub(super) document: usize,
    /// What it must be given.
    pub(super) takes: Vec<String>,
}

impl Program {
    /// The file `text` of that path, and all that it includes.
    pub(super) fn read(path: &Path, text: &str, problems: &mut Problems) -> Program {
        let own = Document::parse(&path.display().to_string(), text, problems);
        let mut program = Program {
            documents: vec![own],
            groups: BTreeMap::new(),
        };
        if problems.none() {
            let mut chain = vec![path.to_owned()];
            let mut known = vec![identity(path)];
            program.include(0, &mut chain, &mut known, problems);
        }
        program
    }

    /// Reads what the file `index`, the last of `chain`, includes, and what that includes.
    fn include(
        &mut self,
        index: usize,
        chain: &mut Vec<PathBuf>,
        known: &mut Vec<PathBuf>,
        problems: &mut Problems,
    ) {
        let before = problems.in_file(index);
        for (span, wanted) in wanted(&self.documents[index].root(), problems) {
            let including = chain.last().and_then(|path| path.parent());
            let path = including.unwrap_or(Path::new("")).join(&wanted);
            let same = |other: &PathBuf| identity(other) == identity(&path);
            if let Some(first) = chain.iter().position(same) {
                let names = chain[first..].iter().chain([&path]);
                let names: Vec<String> = names.map(|path| path.display().to_string()).collect();
                problems.add_with_help(
                    span,
                    format!("\"{wanted}\" includes itself"),
                    "a circle of files",
                    names.join(" includes "),
                );
                continue;
            }
            if known.contains(&identity(&path)) {
                continue;
            }
            if self.documents.len() == FILES_MAX {
                let message = format!("a scenario has at most {FILES_MAX} files");
                problems.add(span, message, "one too many");
                break;
            }
            let text = match read_text(&path) {
                Ok(text) => text,
                Err(error) => {
                    problems.add(
                        span,
                        format!("cannot read {}: {error}", path.display()),
                        "not there",
                    );
                    continue;
                }
            };
            let number = self.documents.len();
            known.push(identity(&path));
            problems.in_file(number);
            let document = Document::parse(&path.display().to_string(), &text, problems);
            document
                .root()
                .only(&INCLUDED_KEYS, "an included file", problems);
            self.documents.push(document);
            chain.push(path);
            self.include(number, chain, known, problems);
            chain.pop();
            problems.in_file(index);
        }
        problems.in_file(before);
    }

    /// The scenario's own file.
    pub(super) fn root(&self) -> Table<'_> {
        self.documents[0].root()
    }

    /// All files, the scenario's own first.
    pub(super) fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// The variables of all files: what a file says goes before what it includes.
    pub(super) fn variables(&self, problems: &mut Problems) -> Variables {
        let mut variables = Variables::default();
        for (number, document) in self.documents.iter().enumerate() {
            let before = problems.in_file(number);
            variables.include(Variables::read(&document.root(), problems));
            problems.in_file(before);
        }
        variables
    }

    /// Notes where the groups of all files are: what a file says goes before what it includes.
    pub(super) fn find_groups(&mut self, variables: &Variables, problems: &mut Problems) {
        let mut groups = BTreeMap::new();
        for (number, document) in self.documents.iter().enumerate() {
            let before = problems.in_file(number);
            let table = document.root().get("group");
            let table =
                table.and_then(|node| node.table("groups, written as [group.NAME]", problems));
            for (_, name, node) in table.iter().flat_map(Table::entries) {
                let group = Group {
                    document: number,
                    takes: takes(&node, variables, problems).unwrap_or_default(),
                };
                groups.entry(name.to_owned()).or_insert(group);
            }
            problems.in_file(before);
        }
        self.groups = groups;
    }

    /// The group of that name.
    pub(super) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// The names of all groups.
    pub(super) fn group_names(&self) -> Vec<&str> {
        self.groups.keys().map(String::as_str).collect()
    }

    /// The table of a group that is there.
    pub(super) fn group_table(&self, name: &str, group: &Group) -> Option<Table<'_>> {
        let mut unheard = Problems::default();
        let groups = self.documents[group.document].root().get("group")?;
        groups
            .table("", &mut unheard)?
            .get(name)?
            .table("", &mut unheard)
    }

    /// Where `span` of a file is.
    pub(super) fn place(&self, document: usize, span: std::ops::Range<usize>) -> Place {
        let file = &self.documents[document];
        Place {
            line: file.line(span.start),
            file: (document > 0).then(|| file.path().clone()),
            document,
            span,
        }
    }

    /// SHA-256 of its text, and of the texts that it includes, in hexadecimal.
    pub(super) fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.documents[0].text().as_bytes());
        for included in &self.documents[1..] {
            // The length keeps one file's end and the next one's begin apart.
            hash.update((included.text().len() as u64).to_be_bytes());
            hash.update(included.text().as_bytes());
        }
        let mut hexadecimal = String::with_capacity(64);
        for byte in hash.finalize() {
            write!(hexadecimal, "{byte:02x}").expect("writing to a string cannot fail");
        }
        hexadecimal
    }
}

/// What tells one file from another, whatever its path looks like.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The paths that a file includes, and where they are written.
fn wanted(root: &Table<'_>, problems: &mut Problems) -> Vec<(std::ops::Range<usize>, String)> {
    const WHAT: &str = "a list of files, relative to this one";
    let Some(nodes) = root
        .get("include")
        .and_then(|node| node.array(WHAT, problems))
    else {
        return Vec::new();
    };
    let mut wanted = Vec::new();
    for node in nodes {
        let Some(path) = node.string("a file, relative to this one", problems) else {
            continue;
        };
        if Path::new(path).is_absolute() || !path.ends_with(".toml") {
            problems.add(
                node.span.clone(),
                format!("\"{path}\" cannot be included"),
                "expected a relative path that ends in .toml",
            );
            continue;
        }
        wanted.push((node.span.clone(), path.to_owned()));
    }
    wanted
}

/// What a group must be given.
fn takes(node: &Node<'_>, variables: &Variables, problems: &mut Problems) -> Option<Vec<String>> {
    let table = node.table("a group of steps", problems)?;
    table.only(&["takes", "step"], "a group", problems);
    table.require("step", "a group", problems);
    let mut takes: Vec<String> = Vec::new();
    let Some(node) = table.get("takes") else {
        return Some(takes);
    };
    for node in node.array("a list of names", problems)? {
        let name = node.string("a name", problems)?;
        let taken = takes.iter().any(|other| other == name)
            || variables.iter().any(|(other, _)| other == name);
        if can_be_placeholder(node.span.clone(), name, taken, problems) {
            takes.push(name.to_owned());
        }
    }
    Some(takes)
}
