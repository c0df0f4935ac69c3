//! Wrong scenarios: each is refused at its place, with what is allowed there.

use super::read;

/// A scenario with something of everything that can be written wrongly.
pub(crate) const RIGHT: &str = r#"question = "Does it leak?"
target = "sessiond"
deadline = "5min"

[cycles]
measure = 31
cycle_within = "1min"

[vars]
width = 3

[vary]
content = ["plain", "sgr"]

[random]
size = { bytes = ["1KiB", "1MiB"] }

[group.talk]
takes = ["session", "text"]
[[group.talk.step]]
do = "write"
session = "{session}"
text = "{text}\n"

[[step]]
do = "open"
session = "s"
command = ["{emit}", "--bytes", "{size}", "--content", "{content}"]
size = "24x80"
within = "20s"

[[step]]
do = "repeat"
times = "{width}"
as = "round"
[[step.step]]
do = "use"
group = "talk"
with = { session = "s", text = "round {round}" }

[[step]]
do = "parallel"
within = "2min"
[[step.branch]]
name = "watcher"
count = 2
[[step.branch.step]]
do = "connect"
client = "c{i}"
[[step.branch.step]]
do = "disconnect"
client = "c{i}"
how = "drop"
[[step.branch]]
[[step.branch.step]]
do = "wait_output"
session = "s"
at_least = "{size}"

[[step]]
do = "wait_exit"
session = "s"
code = 0
every = 2
[[step]]
do = "screen"
session = "s"
contains = "fox"
[[step]]
do = "idle"
for = "100ms"
[[step]]
do = "close"
session = "s"

[gates]
fds = 0
"#;

/// One way to write it wrongly.
pub(crate) struct Wrong {
    pub(crate) name: &'static str,
    from: &'static str,
    to: &'static str,
    /// Whether it shows without following the steps: an editor's schema must see it too.
    pub(crate) shape: bool,
}

impl Wrong {
    pub(crate) fn text(&self) -> String {
        assert!(RIGHT.contains(self.from), "{}: {}", self.name, self.from);
        RIGHT.replacen(self.from, self.to, 1)
    }
}

const fn shape(name: &'static str, from: &'static str, to: &'static str) -> Wrong {
    Wrong {
        name,
        from,
        to,
        shape: true,
    }
}

const fn meaning(name: &'static str, from: &'static str, to: &'static str) -> Wrong {
    Wrong {
        name,
        from,
        to,
        shape: false,
    }
}

/// The ways.
pub(crate) const WRONG: [Wrong; 46] = [
    shape("no question", "question = \"Does it leak?\"\n", ""),
    shape("an unknown key", "deadline =", "dead_line ="),
    shape("a deadline without a unit", "\"5min\"", "\"5\""),
    meaning("a deadline that is too long", "\"5min\"", "\"2days\""),
    shape("cycles as words", "measure = 31", "measure = \"many\""),
    shape("an unknown key of cycles", "cycle_within", "within"),
    meaning(
        "a cycle that may take for ever",
        "cycle_within = \"1min\"",
        "cycle_within = \"5h\"",
    ),
    shape("a list as a fixed value", "width = 3", "width = [3]"),
    meaning(
        "a value that refers to another",
        "width = 3",
        "width = \"{content}\"",
    ),
    shape("no values to vary", "[\"plain\", \"sgr\"]", "[]"),
    meaning("a name that is taken", "width = 3", "emit = 3\nwidth = 3"),
    meaning(
        "a name that varies and is fixed",
        "width = 3",
        "content = 3\nwidth = 3",
    ),
    meaning("a name that is none", "width = 3", "\"a b\" = 3\nwidth = 3"),
    meaning(
        "a range the wrong way round",
        "[\"1KiB\", \"1MiB\"]",
        "[\"1MiB\", \"1KiB\"]",
    ),
    shape("a range of one", "[\"1KiB\", \"1MiB\"]", "[\"1KiB\"]"),
    shape(
        "a random variable of two kinds",
        "{ bytes = [\"1KiB\", \"1MiB\"] }",
        "{ bytes = [\"1KiB\", \"1MiB\"], choice = [\"a\"] }",
    ),
    shape(
        "a random variable of no kind",
        "{ bytes = [\"1KiB\", \"1MiB\"] }",
        "{ normal = [1, 2] }",
    ),
    meaning(
        "a random value that does not fit",
        "times = \"{width}\"",
        "times = \"{size}\"",
    ),
    meaning(
        "a varied value that does not fit",
        "for = \"100ms\"",
        "for = \"{content}\"",
    ),
    shape(
        "a group without steps",
        "[[group.talk.step]]\ndo = \"write\"\nsession = \"{session}\"\ntext = \"{text}\\n\"\n",
        "",
    ),
    meaning("an unknown group", "group = \"talk\"", "group = \"walk\""),
    meaning(
        "a group that is not given what it takes",
        "with = { session = \"s\", text = \"round {round}\" }",
        "with = { session = \"s\" }",
    ),
    meaning(
        "a group that is given what it does not take",
        "text = \"round {round}\" }",
        "text = \"round {round}\", txt = \"\" }",
    ),
    meaning(
        "a group that uses itself",
        "do = \"write\"\nsession = \"{session}\"\ntext = \"{text}\\n\"",
        "do = \"use\"\ngroup = \"talk\"\nwith = { session = \"\", text = \"\" }",
    ),
    meaning(
        "a placeholder of another scope",
        "text = \"{text}\\n\"",
        "text = \"{round}\\n\"",
    ),
    meaning("an unknown placeholder", "\"{emit}\"", "\"{emti}\""),
    shape("an unknown step", "do = \"wait_exit\"", "do = \"waitexit\""),
    shape("a step that has no name", "do = \"idle\"\n", ""),
    shape("a step without what it needs", "for = \"100ms\"\n", ""),
    shape(
        "a key that the step has not",
        "for = \"100ms\"",
        "for = \"100ms\"\nsession = \"s\"",
    ),
    shape(
        "an error that nobody can answer",
        "for = \"100ms\"",
        "for = \"100ms\"\nexpect_error = \"limit\"",
    ),
    shape("a terminal of one side", "\"24x80\"", "\"80\""),
    meaning("a terminal that is too large", "\"24x80\"", "\"24x8000\""),
    meaning(
        "a step that may take too long",
        "within = \"20s\"",
        "within = \"20min\"",
    ),
    meaning(
        "a name with a blank",
        "session = \"s\"\ncommand",
        "session = \"s 1\"\ncommand",
    ),
    shape("a repeat without its number", "times = \"{width}\"\n", ""),
    shape(
        "a repeat that is too long",
        "times = \"{width}\"",
        "times = 1_000_000",
    ),
    meaning(
        "a number whose name is taken",
        "as = \"round\"",
        "as = \"width\"",
    ),
    shape(
        "a parallel without branches",
        "do = \"idle\"
for = \"100ms\"",
        "do = \"parallel\"",
    ),
    meaning("too many branches", "count = 2", "count = 64"),
    meaning(
        "branches in each other's way",
        "client = \"c{i}\"\n[[step.branch.step]]",
        "client = \"c\"\n[[step.branch.step]]",
    ),
    meaning(
        "what is not opened",
        "do = \"close\"\nsession = \"s\"",
        "do = \"close\"\nsession = \"t\"",
    ),
    meaning(
        "what has ended",
        "do = \"screen\"\nsession = \"s\"\ncontains = \"fox\"",
        "do = \"write\"\nsession = \"s\"\ntext = \"\"",
    ),
    meaning("nothing expected of the screen", "contains = \"fox\"\n", ""),
    shape("a limit with the wrong unit", "fds = 0", "fds = \"0B\""),
    shape("no gates", "[gates]\nfds = 0\n", ""),
];

#[test]
fn what_is_right_is_right() {
    read(RIGHT).unwrap_or_else(|errors| panic!("{errors}"));
}

#[test]
fn each_is_shown_at_its_place_with_what_is_allowed() {
    let shown: Vec<String> = WRONG
        .iter()
        .map(|wrong| match read(&wrong.text()) {
            Ok(_) => panic!("accepted: {}", wrong.name),
            Err(errors) => format!("# {}\n{errors}\n", wrong.name),
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}
