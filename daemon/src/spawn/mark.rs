//! The mark in every child's environment, by which what leaves a session's tree is found again.

use sessiond_protocol::SessionId;

/// The variable that holds it.
pub(crate) const MARK_VARIABLE: &str = "SESSIOND_SESSION";

/// The mark of this daemon's sessions.
#[derive(Debug, Clone)]
pub(crate) struct Mark(String);

impl Mark {
    pub(crate) fn new(instance: &str) -> Self {
        Self(instance.to_owned())
    }

    /// The mark's value for one session.
    pub(crate) fn of(&self, session: SessionId) -> String {
        format!("{}:{session}", self.0)
    }

    /// The session that an environment block (`NAME=value`, NUL after each) says it belongs to.
    pub(crate) fn find_in(&self, environment: &[u8]) -> Option<SessionId> {
        let value = environment.split(|byte| *byte == 0).find_map(|variable| {
            variable
                .strip_prefix(MARK_VARIABLE.as_bytes())?
                .strip_prefix(b"=")
        })?;
        let number = std::str::from_utf8(value)
            .ok()?
            .strip_prefix(self.0.as_str())?
            .strip_prefix(':')?;
        number.parse().ok().map(SessionId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_only_in_an_environment_of_this_daemon() {
        let mark = Mark::new("77-5");
        let environment = |value: &str| format!("A=1\0{MARK_VARIABLE}={value}\0B=2\0").into_bytes();
        assert_eq!(
            mark.find_in(&environment(&mark.of(SessionId(12)))),
            Some(SessionId(12))
        );
        assert_eq!(mark.find_in(&environment("77-50:12")), None);
        assert_eq!(mark.find_in(&environment("77-5:x")), None);
        assert_eq!(mark.find_in(b""), None);
    }
}
