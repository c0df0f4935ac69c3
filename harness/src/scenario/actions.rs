//! What each step of a scenario does, from TOML.

use super::model::{Action, Leave, RawAnswer, RawMessage};
use super::steps::{Reader, WITHIN_MAX};
use crate::source::Node;
use crate::units::Bytes;

/// More clients than the descriptors of one load process commonly allow (1,024).
const CLIENTS_MAX: u32 = 1_000;
/// The length in a frame's header has 32 bits.
const DECLARE_MAX: u64 = u32::MAX as u64;
/// Rows and columns of a terminal when the step does not say.
const SIZE_DEFAULT: (u16, u16) = (24, 80);

impl Reader<'_, '_> {
    /// The action of the step of that name, which is in the vocabulary; none when anything about it is wrong.
    pub(super) fn action(&mut self, name: &str) -> Option<Action> {
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
            "send" | "expect" | "call" | "notify" | "request" => self.exchange(name),
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
}
