//! `ready` in `leakgate.toml`: how a target shows that it can be used.

use std::time::Duration;

use super::model::{Driver, Endpoint, Ready, Target};
use super::parse::{PLACES, Reader, WITHIN_DEFAULT};
use crate::source::{Node, Table, listed};
use crate::template;

/// The ways to be ready, of which a target has one.
const WAYS: [&str; 4] = ["socket", "tcp", "command", "request"];

impl<'t> Reader<'t, '_> {
    /// What is written, or what the driver suggests.
    pub(super) fn ready(&mut self, driver: Option<&Driver>) -> Option<Ready> {
        let Some(node) = self.table.get("ready") else {
            return match driver? {
                Driver::Socket { endpoint, .. } | Driver::Http(endpoint) => Some(listens(endpoint)),
                Driver::Stdio(_) => Some(Ready::AtOnce),
                Driver::Sessiond | Driver::Exec(_) => {
                    self.require("ready");
                    None
                }
            };
        };
        let table = node.table("a table such as { socket = ... }", self.problems)?;
        table.only(
            &["socket", "tcp", "command", "request", "then", "within"],
            "`ready`",
            self.problems,
        );
        let within = self.within(&table);
        let given: Vec<_> = WAYS
            .iter()
            .filter_map(|&way| Some((way, table.get(way)?)))
            .collect();
        let [(way, value)] = given.as_slice() else {
            self.problems.add(
                node.span.clone(),
                format!("`ready` takes one of {}", listed(&WAYS)),
                "expected one of them",
            );
            return None;
        };
        if let (false, Some(then)) = (*way == "request", table.get("then")) {
            self.problems.add(
                then.span,
                "`then` follows a `request`",
                format!("not allowed with `{way}`"),
            );
            return None;
        }
        if !self.fits(way, value, driver) {
            return None;
        }
        self.shown(way, value, &table, within)
    }

    /// That way of being ready, with its value.
    fn shown(
        &mut self,
        way: &str,
        value: &Node<'t>,
        table: &Table<'t>,
        within: Option<Duration>,
    ) -> Option<Ready> {
        match way {
            "socket" => {
                let path = self.text(value, "a socket's path")?;
                Some(Ready::Socket {
                    path,
                    within: within?,
                })
            }
            "tcp" => {
                let address = self.loopback(value)?;
                Some(Ready::Tcp {
                    address,
                    within: within?,
                })
            }
            "command" => {
                let command = self.words(value, &PLACES)?;
                Some(Ready::Command {
                    command,
                    within: within?,
                })
            }
            _ => {
                let request = self.text(value, "a message")?;
                let then = match table.get("then") {
                    Some(node) => Some(self.text(&node, "a message")?),
                    None => None,
                };
                Some(Ready::Request {
                    request,
                    then,
                    within: within?,
                })
            }
        }
    }

    /// Whether a target with this driver can show its readiness that way.
    fn fits(&mut self, way: &str, node: &Node<'t>, driver: Option<&Driver>) -> bool {
        match (driver, way) {
            (Some(Driver::Sessiond), "tcp" | "command" | "request") => {
                self.problems.add(
                    node.span.clone(),
                    "driver `sessiond` needs to know the socket",
                    "write `socket = \"{run}/...\"` instead",
                );
                false
            }
            (Some(Driver::Stdio(_)), _) | (None, _) => true,
            (Some(driver), "request") => {
                self.problems.add(
                    node.span.clone(),
                    "only the `stdio` driver can ask before it is ready",
                    format!("not allowed with `driver = \"{}\"`", driver.name()),
                );
                false
            }
            (Some(_), _) => true,
        }
    }

    fn text(&mut self, node: &Node<'t>, what: &str) -> Option<String> {
        let text = node.string(what, self.problems)?;
        self.known(node, text, &PLACES);
        Some(text.to_owned())
    }

    /// A port that is chosen for a target is of use only when the target is told.
    pub(super) fn port_is_given(&mut self, target: &Target) -> bool {
        let waits_there = match (&target.driver, &target.ready) {
            (Driver::Socket { endpoint, .. } | Driver::Http(endpoint), _) if matches!(endpoint, Endpoint::Tcp(address) if names_port(address)) => {
                true
            }
            (_, Ready::Tcp { address, .. }) => names_port(address),
            _ => false,
        };
        let commands = [
            Some(&target.process),
            target.profile.as_ref(),
            target.track.as_ref(),
        ];
        let told = commands.into_iter().flatten().all(|process| {
            let texts = process.command.iter().chain(target.env.values());
            texts.into_iter().any(|text| names_port(text))
        });
        if waits_there && !told {
            let place = self.table.get("command").map(|node| node.span);
            self.problems.add(
                place.unwrap_or_else(|| self.table.span()),
                "the target is not told its port",
                "give it `{port}` here or in `env`, or write a fixed port",
            );
        }
        !waits_there || told
    }
}

fn names_port(text: &str) -> bool {
    template::placeholders(text).contains(&"port")
}

fn listens(endpoint: &Endpoint) -> Ready {
    let within = WITHIN_DEFAULT;
    match endpoint.clone() {
        Endpoint::Unix(path) => Ready::Socket { path, within },
        Endpoint::Tcp(address) => Ready::Tcp { address, within },
    }
}
