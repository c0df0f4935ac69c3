//! The tables of the drivers that speak over a connection: `[target.NAME.socket]`, `.stdio` and `.http`.

use std::net::SocketAddr;

use super::model::{Driver, Endpoint, Framing};
use super::parse::{PLACES, Reader};
use crate::source::{Node, Table};
use crate::template::{Values, expand};

/// Tables that only the driver of the same name takes.
pub(super) const TABLES: [&str; 3] = ["socket", "stdio", "http"];

impl<'t> Reader<'t, '_> {
    /// The driver of that name, from the table of that name.
    pub(super) fn connection(&mut self, name: &str) -> Option<Driver> {
        let node = self.require(name)?;
        match name {
            "socket" => {
                let table = node.table("{ unix = ..., framing = ... }", self.problems)?;
                table.only(&["unix", "tcp", "framing"], "`socket`", self.problems);
                let (endpoint, framing) = (self.endpoint(&table), self.framing(&table, "`socket`"));
                Some(Driver::Socket {
                    endpoint: endpoint?,
                    framing: framing?,
                })
            }
            "stdio" => {
                let table = node.table("{ framing = ... }", self.problems)?;
                table.only(&["framing"], "`stdio`", self.problems);
                self.framing(&table, "`stdio`").map(Driver::Stdio)
            }
            _ => {
                let table = node.table("{ unix = ... } or { tcp = ... }", self.problems)?;
                table.only(&["unix", "tcp"], "`http`", self.problems);
                self.endpoint(&table).map(Driver::Http)
            }
        }
    }

    fn framing(&mut self, table: &Table<'t>, what: &str) -> Option<Framing> {
        table.require("framing", what, self.problems)?.choice(
            "framing",
            &Framing::CHOICES,
            self.problems,
        )
    }

    fn endpoint(&mut self, table: &Table<'t>) -> Option<Endpoint> {
        match (table.get("unix"), table.get("tcp")) {
            (Some(node), None) => {
                let path = node.string("a socket's path", self.problems)?;
                self.known(&node, path, &PLACES);
                Some(Endpoint::Unix(path.to_owned()))
            }
            (None, Some(node)) => self.loopback(&node).map(Endpoint::Tcp),
            _ => {
                self.problems.add(
                    table.span(),
                    "an address is one of `unix` and `tcp`",
                    "expected unix = \"{run}/...\" or tcp = \"127.0.0.1:{port}\"",
                );
                None
            }
        }
    }

    /// An address that nobody else can reach: what is driven here has no other protection.
    pub(super) fn loopback(&mut self, node: &Node<'t>) -> Option<String> {
        let text = node.string("an address and a port", self.problems)?;
        self.known(node, text, &PLACES);
        let some_port = expand(text, &Values::new().text("port", "1"));
        let address: Option<SocketAddr> = some_port.parse().ok();
        if address.is_some_and(|address| address.ip().is_loopback()) {
            return Some(text.to_owned());
        }
        self.problems.add(
            node.span.clone(),
            format!("\"{text}\" is not an address of this machine alone"),
            "expected \"127.0.0.1:{port}\" or \"[::1]:{port}\", or a fixed port",
        );
        None
    }
}
