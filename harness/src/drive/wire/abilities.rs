//! Which steps each of these drivers can do, known before anything is started.

use crate::config::{Driver, Framing};
use crate::scenario::Action;

/// The steps that a driver can do, by their names; none when it is another kind of driver.
pub(in super::super) fn steps(driver: &Driver) -> &'static [&'static str] {
    const MESSAGES: Framing = Framing::JsonRpcLines;
    const HEADERS: Framing = Framing::JsonRpcHeaders;
    match driver {
        Driver::Socket {
            framing: MESSAGES | HEADERS,
            ..
        } => &[
            "connect",
            "disconnect",
            "send",
            "expect",
            "call",
            "notify",
            "idle",
        ],
        Driver::Socket { .. } => &["connect", "disconnect", "send", "expect", "idle"],
        Driver::Stdio(MESSAGES | HEADERS) => &["send", "expect", "call", "notify", "idle"],
        Driver::Stdio(_) => &["send", "expect", "idle"],
        Driver::Http(_) => &["connect", "disconnect", "request", "send", "expect", "idle"],
        Driver::Sessiond | Driver::Exec(_) => &[],
    }
}

/// Whether a driver can do a step, which is named `name`.
pub(in super::super) fn able(driver: &Driver, action: &Action, name: &str) -> bool {
    let names_clients = matches!(
        action,
        Action::Exchange {
            client: Some(_),
            ..
        }
    );
    // There is one standard input, and nobody connects to it.
    let is_there = !(names_clients && matches!(driver, Driver::Stdio(_)));
    is_there && steps(driver).contains(&name)
}
