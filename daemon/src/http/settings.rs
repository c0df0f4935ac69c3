//! What whoever starts the daemon decides about HTTP, and the agents that webhooks talk to.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sessiond_protocol::{NAME_CHARS_MAX, SessionName};

use super::address::Address;

/// Bytes of a request's body, unless something else is chosen: a long prompt with a file in it.
pub(crate) const BODY_BYTES: usize = 1 << 20;

/// What may be chosen. Below it no message fits; above it, a few clients would hold more than everything else together.
pub(crate) const BODY_BYTES_ALLOWED: RangeInclusive<usize> = 1024..=16 << 20;

/// How long a keyed session may stay unused unless its request or the daemon says something else: nobody ends those by hand.
pub(crate) const KEYED_TTL: Duration = Duration::from_secs(3600);

/// Bytes of one agent's command, which is kept.
const COMMAND_BYTES_MAX: usize = 4096;

/// Characters of an agent's name: the room has to fit beside it in a session's name.
const AGENT_CHARS_MAX: usize = 16;

/// HTTP, as it was asked for.
#[derive(Debug, Clone)]
pub(crate) struct HttpSettings {
    pub(crate) address: Address,
    /// Where the token is read; one of the daemon's own when absent.
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) body_bytes: usize,
    /// Of keyed sessions that say nothing else.
    pub(crate) ttl: sessiond_protocol::Ttl,
    /// Shell commands by the names that webhooks know them under.
    pub(crate) agents: BTreeMap<AgentName, String>,
}

/// An agent's name: 1 to 16 of `A-Z a-z 0-9 _ -`, of which the first is a letter or `_`. Without a dot, which ends it in the name
/// of a session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AgentName(String);

/// What is no agent, or no room of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AgentError {
    #[error(
        "an agent's name is 1 to {AGENT_CHARS_MAX} of A-Z a-z 0-9 _ - and begins with a letter or _"
    )]
    Name,
    #[error("not NAME=COMMAND with a command of 1 to {COMMAND_BYTES_MAX} bytes")]
    Command,
    #[error(
        "the room takes {taken} characters of the session's name, and beside this agent's there are {left}; \
         every one but A-Z a-z 0-9 _ - takes three"
    )]
    Room { taken: usize, left: usize },
    #[error("an empty room")]
    NoRoom,
}

impl AgentName {
    /// The name of the session for one room. No two pairs of agent and room have the same: what has no place in a name is written
    /// as a dot and two hexadecimal digits for each byte.
    pub(crate) fn session(&self, room: &str) -> Result<SessionName, AgentError> {
        if room.is_empty() {
            return Err(AgentError::NoRoom);
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let taken = room.bytes().map(|byte| if is_plain(byte) { 1 } else { 3 });
        let (taken, left) = (taken.sum(), NAME_CHARS_MAX - self.0.len() - 1);
        if taken > left {
            return Err(AgentError::Room { taken, left });
        }
        let mut name = format!("{}.", self.0);
        for byte in room.bytes() {
            if is_plain(byte) {
                name.push(char::from(byte));
            } else {
                name += &format!(".{byte:02x}");
            }
        }
        Ok(name
            .parse()
            .expect("all of its characters are those of a name"))
    }
}

impl FromStr for AgentName {
    type Err = AgentError;

    fn from_str(text: &str) -> Result<Self, AgentError> {
        let is_name = text.len() <= AGENT_CHARS_MAX
            && !text.contains('.')
            && text.parse::<SessionName>().is_ok();
        if is_name {
            Ok(Self(text.to_owned()))
        } else {
            Err(AgentError::Name)
        }
    }
}

/// Reads `NAME=COMMAND`.
pub(crate) fn parse_agent(text: &str) -> Result<(AgentName, String), AgentError> {
    let (name, command) = text.split_once('=').ok_or(AgentError::Command)?;
    if command.trim().is_empty() || command.len() > COMMAND_BYTES_MAX {
        return Err(AgentError::Command);
    }
    Ok((name.parse()?, command.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_agent_is_a_name_and_a_command() {
        let (name, command) = parse_agent("claude=claude --print=x").unwrap();
        assert_eq!(
            (name, command.as_str()),
            ("claude".parse().unwrap(), "claude --print=x")
        );
        for wrong in ["claude", "claude=", "claude= ", "=x"] {
            assert!(parse_agent(wrong).is_err(), "{wrong}");
        }
        for wrong in ["a.b=x", "1a=x", "a b=x", "seventeen-letters=x"] {
            assert_eq!(parse_agent(wrong).unwrap_err(), AgentError::Name, "{wrong}");
        }
    }

    #[test]
    fn every_room_of_every_agent_has_a_session_of_its_own() {
        let rooms = [
            "ab",
            "a.b",
            "a b",
            "a..b",
            ".61b",
            "a",
            "!r:matrix.org",
            "ä",
            "..",
            "A",
        ];
        let mut names = BTreeSet::new();
        for agent in ["a", "b", "a-a", "a_"] {
            let agent: AgentName = agent.parse().unwrap();
            for room in rooms {
                assert!(
                    names.insert(agent.session(room).unwrap().to_string()),
                    "{room}"
                );
            }
        }
        let agent: AgentName = "claude".parse().unwrap();
        assert_eq!(agent.session("!r:x").unwrap().as_str(), "claude..21r.3ax");
        agent.session(&"x".repeat(57)).unwrap();
        assert_eq!(
            agent.session(&"x".repeat(58)).unwrap_err(),
            AgentError::Room {
                taken: 58,
                left: 57
            }
        );
        assert_eq!(agent.session("").unwrap_err(), AgentError::NoRoom);
    }
}
