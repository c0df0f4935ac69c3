//! The steps of a scenario, from TOML.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::model::{Action, Leave, RawAnswer, RawMessage, Step, When};
use crate::source::{Node, Problems, Table, closest, listed, parse_size};
use crate::template;
use crate::units::Bytes;

/// Placeholders that every scenario has: leakgate's own generator, and the number of the cycle.
pub(super) const BUILT_IN: [&str; 2] = ["emit", "cycle"];

/// How long a step may take when it does not say; far above what any takes on a busy machine.
const WITHIN_DEFAULT: Duration = Duration::from_secs(30);
/// A step that takes longer would hide a stuck target for the whole deadline.
const WITHIN_MAX: Duration = Duration::from_secs(10 * 60);
/// More steps than this are a program, not a question.
const STEPS_MAX: usize = 256;
/// More clients than the descriptors of one load process commonly allow (1,024).
const CLIENTS_MAX: u32 = 1_000;
/// The length in a frame's header has 32 bits.
const DECLARE_MAX: u64 = u32::MAX as u64;
/// Rows and columns of a terminal when the step does not say.
const SIZE_DEFAULT: (u16, u16) = (24, 80);

/// A step, and where its parts stand: problems that show only in the sequence point there.
#[derive(Debug)]
pub(super) struct Placed {
    /// The step.
    pub(super) step: Step,
    /// Its `session`, or its `do`.
    pub(super) session_span: Range<usize>,
    /// Its `client`, or its `do`.
    pub(super) client_span: Range<usize>,
    /// What chooses its cycles, or its `do`.
    pub(super) when_span: Range<usize>,
}

/// Each step's name and the keys that it takes beside those that every step takes.
const VOCABULARY: [(&str, &[&str]); 13] = [
    ("open", &["session", "command", "size", "scrollback"]),
    ("write", &["session", "text"]),
    ("resize", &["session", "size"]),
    ("wait_exit", &["session", "code"]),
    ("wait_output", &["session", "at_least"]),
    ("screen", &["session", "contains"]),
    ("close", &["session"]),
    ("connect", &["client", "count"]),
    ("attach", &["client", "session"]),
    ("detach", &["client", "session"]),
    ("disconnect", &["client", "how"]),
    ("send_raw", &["client", "declare", "send", "expect"]),
    ("idle", &["for"]),
];

/// Keys that every step takes.
const COMMON: [&str; 6] = ["do", "within", "every", "except_every", "only", "except"];

/// The steps of the scenario, in order; none when any of them is wrong.
pub(super) fn read(
    text: &str,
    root: &Table<'_>,
    vary: &BTreeMap<String, Vec<String>>,
    problems: &mut Problems,
) -> Option<Vec<Placed>> {
    let nodes = root
        .require("step", "a scenario", problems)?
        .array("steps, written as [[step]]", problems)?;
    if nodes.len() > STEPS_MAX {
        problems.add(
            nodes[STEPS_MAX].span.clone(),
            format!("a cycle has at most {STEPS_MAX} steps"),
            "one too many",
        );
        return None;
    }
    // Read them all before giving up on any, so that all problems show.
    let steps: Vec<Option<Placed>> = nodes
        .iter()
        .map(|node| {
            let table = node.table("a step", problems)?;
            let line = 1 + text[..node.span.start].matches('\n').count();
            let mut reader = Reader {
                table,
                vary,
                problems,
            };
            reader.step(line)
        })
        .collect();
    steps.into_iter().collect()
}

/// Reads one step.
struct Reader<'t, 'p> {
    table: Table<'t>,
    vary: &'p BTreeMap<String, Vec<String>>,
    problems: &'p mut Problems,
}

impl<'t> Reader<'t, '_> {
    fn step(&mut self, line: usize) -> Option<Placed> {
        let node = self.require("do")?;
        let name = node.string("the name of a step", self.problems)?;
        let Some(&(_, keys)) = VOCABULARY.iter().find(|(known, _)| *known == name) else {
            self.unknown_step(&node, name);
            return None;
        };
        let allowed: Vec<&str> = keys.iter().chain(&COMMON).copied().collect();
        self.table
            .only(&allowed, &format!("step `{name}`"), self.problems);
        let action = self.action(name);
        let when = self.when();
        let within = match self.table.get("within") {
            Some(node) => node.duration(WITHIN_MAX, self.problems),
            None => Some(WITHIN_DEFAULT),
        };
        let span_of = |key: &str| self.table.get(key).map(|node| node.span);
        let action_span = node.span.clone();
        Some(Placed {
            session_span: span_of("session").unwrap_or_else(|| action_span.clone()),
            client_span: span_of("client").unwrap_or_else(|| action_span.clone()),
            when_span: ["every", "except_every", "only", "except"]
                .into_iter()
                .find_map(span_of)
                .unwrap_or(action_span),
            step: Step {
                line,
                when: when?,
                action: action?,
                within: within?,
            },
        })
    }

    fn unknown_step(&mut self, node: &Node<'_>, name: &str) {
        let names: Vec<&str> = VOCABULARY.iter().map(|(name, _)| *name).collect();
        let label = closest(name, &names).map_or_else(
            || "unknown step".to_owned(),
            |meant| format!("did you mean `{meant}`?"),
        );
        self.problems.add_with_help(
            node.span.clone(),
            format!("there is no step `{name}`"),
            label,
            format!("allowed: {}", listed(&names)),
        );
    }

    fn action(&mut self, name: &str) -> Option<Action> {
        match name {
            "open" => self.open(),
            "write" => {
                let (session, text) = (self.name("session"), self.text("text"));
                Some(Action::Write {
                    session: session?,
                    text: text?,
                })
            }
            "resize" => {
                let (session, size) = (self.name("session"), self.size());
                Some(Action::Resize {
                    session: session?,
                    size: size?,
                })
            }
            "wait_exit" => self.wait_exit(),
            "wait_output" => {
                let (session, at_least) = (self.name("session"), self.bytes("at_least", u64::MAX));
                Some(Action::WaitOutput {
                    session: session?,
                    at_least: at_least?,
                })
            }
            "screen" => {
                let (session, contains) = (self.name("session"), self.text("contains"));
                Some(Action::Screen {
                    session: session?,
                    contains: contains?,
                })
            }
            "close" => Some(Action::Close {
                session: self.name("session")?,
            }),
            "idle" => Some(Action::Idle {
                duration: self.require("for")?.duration(WITHIN_MAX, self.problems)?,
            }),
            _ => self.client_action(name),
        }
    }

    fn client_action(&mut self, name: &str) -> Option<Action> {
        let client = self.name("client");
        match name {
            "connect" => {
                let count = match self.table.get("count") {
                    Some(node) => node.count(1..=CLIENTS_MAX, "a number of clients", self.problems),
                    None => Some(1),
                };
                Some(Action::Connect {
                    client: client?,
                    count: count?,
                })
            }
            "attach" | "detach" => {
                let (client, session) = (client, self.name("session"));
                let (client, session) = (client?, session?);
                Some(if name == "attach" {
                    Action::Attach { client, session }
                } else {
                    Action::Detach { client, session }
                })
            }
            "disconnect" => {
                let how = [("goodbye", Leave::Goodbye), ("drop", Leave::Drop)];
                let how = self
                    .require("how")?
                    .choice("way to leave", &how, self.problems);
                Some(Action::Disconnect {
                    client: client?,
                    how: how?,
                })
            }
            "send_raw" => self.send_raw(client),
            other => unreachable!("`{other}` is not in the vocabulary"),
        }
    }

    fn open(&mut self) -> Option<Action> {
        let session = self.name("session");
        let command = self.require("command").and_then(|node| {
            let words = node.strings("a program and its arguments", self.problems)?;
            let known: Vec<bool> = words
                .iter()
                .map(|word| self.known_placeholders(&node, word))
                .collect();
            known.iter().all(|&known| known).then_some(words)
        });
        let size = match self.table.get("size") {
            Some(_) => self.size(),
            None => Some(SIZE_DEFAULT),
        };
        let scrollback = match self.table.get("scrollback") {
            Some(node) => Some(self.scrollback(&node)?),
            None => None,
        };
        Some(Action::Open {
            session: session?,
            command: command?,
            size: size?,
            scrollback,
        })
    }

    fn scrollback(&mut self, node: &Node<'_>) -> Option<(u64, Bytes)> {
        let table = node.table("{ lines = 1000, bytes = \"1MiB\" }", self.problems)?;
        table.only(&["lines", "bytes"], "scrollback", self.problems);
        let lines = table
            .require("lines", "scrollback", self.problems)
            .and_then(|node| node.count(0..=u32::MAX, "a number of lines", self.problems));
        let bytes = table
            .require("bytes", "scrollback", self.problems)
            .and_then(|node| node.bytes(self.problems));
        Some((u64::from(lines?), bytes?))
    }

    fn wait_exit(&mut self) -> Option<Action> {
        let session = self.name("session");
        let code = match self.table.get("code") {
            Some(node) => node.count(0..=255, "an exit code", self.problems),
            None => Some(0),
        };
        Some(Action::WaitExit {
            session: session?,
            code: code?.cast_signed(),
        })
    }

    fn send_raw(&mut self, client: Option<String>) -> Option<Action> {
        let declare = self.bytes("declare", DECLARE_MAX);
        let send = self.bytes("send", DECLARE_MAX);
        let expect = self
            .require("expect")
            .and_then(|node| self.raw_answer(&node));
        let (declare, send) = (declare?, send?);
        if send > declare {
            self.problems.add(
                self.table.get("send")?.span,
                format!("a message that declares {declare} cannot carry {send}"),
                "more than it declares",
            );
            return None;
        }
        Some(Action::SendRaw {
            client: client?,
            message: RawMessage { declare, send },
            expect: expect?,
        })
    }

    /// `"silence"`, or `{ error = "too_large" }`, or `{ error = "too_large", then = "closed" }`.
    fn raw_answer(&mut self, node: &Node<'_>) -> Option<RawAnswer> {
        if !node.is_table() {
            let silence = [("silence", ())];
            let Some(written) = node.as_str().filter(|&written| written != "silence") else {
                return node
                    .choice("answer", &silence, self.problems)
                    .map(|()| RawAnswer::Silence);
            };
            self.problems.add(
                node.span.clone(),
                format!("there is no answer \"{written}\""),
                format!("write \"silence\" or {{ error = \"{written}\" }}"),
            );
            return None;
        }
        let table = node.table("an answer", self.problems)?;
        table.only(&["error", "then"], "an answer", self.problems);
        let code = table
            .require("error", "an answer", self.problems)?
            .string("an error code", self.problems)?
            .to_owned();
        let closed = match table.get("then") {
            Some(node) => {
                let choices = [("open", false), ("closed", true)];
                node.choice("state of the connection", &choices, self.problems)?
            }
            None => false,
        };
        Some(if closed {
            RawAnswer::ErrorThenClosed(code)
        } else {
            RawAnswer::Error(code)
        })
    }

    fn when(&mut self) -> Option<When> {
        const KEYS: [&str; 4] = ["every", "except_every", "only", "except"];
        let given: Vec<(&str, Node<'_>)> = KEYS
            .iter()
            .filter_map(|&key| Some((key, self.table.get(key)?)))
            .collect();
        if let [(first, _), (second, node), ..] = given.as_slice() {
            self.problems.add(
                node.span.clone(),
                format!("a step takes one of `{first}` and `{second}`"),
                "the second choice of cycles",
            );
            return None;
        }
        let Some((key, node)) = given.first() else {
            return Some(When::Always);
        };
        match *key {
            "every" => Some(When::Every(self.cycle(node)?)),
            "except_every" => Some(When::ExceptEvery(self.cycle(node)?)),
            listing => {
                let nodes = node.array("a list of measured cycles", self.problems)?;
                let cycles: Option<Vec<u32>> = nodes.iter().map(|node| self.cycle(node)).collect();
                let cycles = cycles?;
                Some(if listing == "only" {
                    When::Only(cycles)
                } else {
                    When::Except(cycles)
                })
            }
        }
    }

    fn cycle(&mut self, node: &Node<'_>) -> Option<u32> {
        node.count(1..=100_000, "a number of cycles", self.problems)
    }

    fn require(&mut self, key: &str) -> Option<Node<'t>> {
        self.table.require(key, "this step", self.problems)
    }

    /// The name of a session or of clients: no placeholders, it is the same in every cycle.
    fn name(&mut self, key: &str) -> Option<String> {
        let node = self.require(key)?;
        let name = node.string("a name", self.problems)?;
        let fits = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !fits {
            self.problems.add(
                node.span.clone(),
                format!("\"{name}\" cannot be a name"),
                "expected up to 64 letters, digits, `-` and `_`",
            );
        }
        fits.then(|| name.to_owned())
    }

    /// A text that may hold placeholders.
    fn text(&mut self, key: &str) -> Option<String> {
        let node = self.require(key)?;
        let text = node.string("a text", self.problems)?;
        self.known_placeholders(&node, text)
            .then(|| text.to_owned())
    }

    fn bytes(&mut self, key: &str, max: u64) -> Option<Bytes> {
        let node = self.require(key)?;
        let bytes = node.bytes(self.problems)?;
        if bytes.0 > max {
            self.problems.add(
                node.span.clone(),
                format!("{bytes} is out of range"),
                format!("expected at most {}", Bytes(max)),
            );
            return None;
        }
        Some(bytes)
    }

    fn size(&mut self) -> Option<(u16, u16)> {
        let node = self.require("size")?;
        let text = node.string("rows and columns, such as \"24x80\"", self.problems)?;
        let size = parse_size(text);
        if size.is_none() {
            self.problems.add(
                node.span.clone(),
                format!("\"{text}\" is not a size of a terminal"),
                "expected rows and columns, such as \"24x80\", each from 1 to 1000",
            );
        }
        size
    }

    fn known_placeholders(&mut self, node: &Node<'_>, text: &str) -> bool {
        let mut allowed: Vec<&str> = BUILT_IN.to_vec();
        allowed.extend(self.vary.keys().map(String::as_str));
        crate::source::known_placeholders(
            node,
            &template::placeholders(text),
            &allowed,
            self.problems,
        )
    }
}
