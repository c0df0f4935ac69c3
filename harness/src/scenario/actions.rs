//! What each step of a scenario does, from TOML.

use super::model::{Action, Ended, Leave, Output, RawAnswer, RawMessage, Signal};
use super::steps::Reader;
use crate::source::Node;
use crate::units::Bytes;

/// Rows and columns of a terminal when the step does not say.
const SIZE_DEFAULT: (u16, u16) = (24, 80);

impl Reader<'_, '_> {
    /// The action of the step of that name, which is in the vocabulary and no block; none when anything about it is
    /// wrong.
    pub(super) fn action(&mut self, name: &str) -> Option<Action> {
        match name {
            "connect" | "attach" | "detach" | "disconnect" | "send_raw" => self.client_action(name),
            "send" | "expect" | "call" | "notify" | "request" => self.exchange(name),
            "idle" => Some(Action::Idle {
                duration: self.duration("for")?,
            }),
            "sample" => Some(Action::Sample),
            "run" => {
                let (command, code) = (self.words("command"), self.exit_code());
                Some(Action::Run {
                    command: command?,
                    code: code?,
                })
            }
            _ => self.session_action(name),
        }
    }

    fn session_action(&mut self, name: &str) -> Option<Action> {
        let session = self.name("session");
        match name {
            "open" => self.open(session),
            "write" => {
                let text = self.text("text");
                Some(Action::Write {
                    session: session?,
                    text: text?,
                })
            }
            "resize" => {
                let size = self.size();
                Some(Action::Resize {
                    session: session?,
                    size: size?,
                })
            }
            "kill" => {
                let signal = self.choice("signal", "signal", &Signal::choices());
                Some(Action::Kill {
                    session: session?,
                    signal: signal?,
                })
            }
            "wait_exit" => {
                let ended = self.ended();
                Some(Action::WaitExit {
                    session: session?,
                    ended: ended?,
                })
            }
            "wait_output" => {
                let output = self.output();
                Some(Action::WaitOutput {
                    session: session?,
                    output: output?,
                })
            }
            "screen" => self.screen(session),
            "close" => Some(Action::Close { session: session? }),
            other => unreachable!("`{other}` is not in the vocabulary"),
        }
    }

    fn client_action(&mut self, name: &str) -> Option<Action> {
        let client = self.name("client");
        match name {
            "connect" => {
                let count = self.count("count", "a number of clients", Some(1));
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
                let how = self.choice("how", "way to leave", &how);
                Some(Action::Disconnect {
                    client: client?,
                    how: how?,
                })
            }
            "send_raw" => self.send_raw(client),
            other => unreachable!("`{other}` is not in the vocabulary"),
        }
    }

    fn open(&mut self, session: Option<String>) -> Option<Action> {
        let command = self.words("command");
        let size = if self.has("size") {
            self.size()
        } else {
            Some(SIZE_DEFAULT)
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
        let lines = table.require("lines", "scrollback", self.problems);
        let lines = lines.and_then(|node| {
            self.fill(&node, |node, problems| {
                node.count(0..=u32::MAX, "a number of lines", problems)
            })
        });
        let bytes = table.require("bytes", "scrollback", self.problems);
        let bytes = bytes.and_then(|node| self.fill(&node, |node, problems| node.bytes(problems)));
        Some((u64::from(lines?), bytes?))
    }

    fn exit_code(&mut self) -> Option<i32> {
        let code = self.count("code", "an exit code", Some(0))?;
        Some(code.cast_signed())
    }

    fn ended(&mut self) -> Option<Ended> {
        if !self.has("signal") {
            return self.exit_code().map(Ended::Code);
        }
        self.only_one_of(["code", "signal"])?;
        let signal = self.choice("signal", "signal", &Signal::choices());
        signal.map(Ended::Signal)
    }

    fn output(&mut self) -> Option<Output> {
        match self.one_of(&["at_least", "exactly"])? {
            "at_least" => self.bytes("at_least").map(Output::AtLeast),
            _ => self.bytes("exactly").map(Output::Exactly),
        }
    }

    fn screen(&mut self, session: Option<String>) -> Option<Action> {
        if !self.has("contains") && !self.has("absent") {
            self.problems.add(
                self.table.span(),
                "this step needs `contains` or `absent`",
                "nothing is expected of the screen",
            );
            return None;
        }
        let (contains, absent) = (self.text_if_any("contains"), self.text_if_any("absent"));
        Some(Action::Screen {
            session: session?,
            contains: contains?,
            absent: absent?,
        })
    }

    /// Whether there is no more than one of two keys.
    fn only_one_of(&mut self, [first, second]: [&str; 2]) -> Option<()> {
        let (Some(_), Some(node)) = (self.table.get(first), self.table.get(second)) else {
            return Some(());
        };
        self.problems.add(
            node.span,
            format!("a step takes one of `{first}` and `{second}`"),
            "the second of them",
        );
        None
    }

    fn send_raw(&mut self, client: Option<String>) -> Option<Action> {
        let declare = self.bytes("declare");
        let send = self.bytes("send");
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
        let code = table.require("error", "an answer", self.problems)?;
        let code = self.text_at(&code)?;
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
}
