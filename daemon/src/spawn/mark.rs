//! The mark in every child's environment, by which what leaves its owner's tree is found again.

use super::owner::Owner;

/// The variable that holds it.
pub(crate) const MARK_VARIABLE: &str = "SESSIOND_SESSION";

/// The mark of this daemon's processes.
#[derive(Debug, Clone)]
pub(crate) struct Mark(String);

impl Mark {
    pub(crate) fn new(instance: &str) -> Self {
        Self(instance.to_owned())
    }

    /// The mark's value for one owner.
    pub(crate) fn of(&self, owner: Owner) -> String {
        format!("{}:{owner}", self.0)
    }

    /// Whom an environment block (`NAME=value`, NUL after each) says it belongs to.
    pub(crate) fn find_in(&self, environment: &[u8]) -> Option<Owner> {
        let value = environment.split(|byte| *byte == 0).find_map(|variable| {
            variable
                .strip_prefix(MARK_VARIABLE.as_bytes())?
                .strip_prefix(b"=")
        })?;
        self.owner_of(std::str::from_utf8(value).ok()?)
    }

    /// Whose mark this is.
    pub(crate) fn owner_of(&self, mark: &str) -> Option<Owner> {
        let owner = mark.strip_prefix(self.0.as_str())?.strip_prefix(':')?;
        owner.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use sessiond_protocol::SessionId;

    use super::*;

    #[test]
    fn a_mark_is_found_only_in_an_environment_of_this_daemon() {
        let mark = Mark::new("77-5");
        let environment = |value: &str| format!("A=1\0{MARK_VARIABLE}={value}\0B=2\0").into_bytes();
        for owner in [
            Owner::Session(SessionId(12)),
            Owner::McpServer(12),
            Owner::Hook(12),
        ] {
            assert_eq!(mark.find_in(&environment(&mark.of(owner))), Some(owner));
        }
        assert_eq!(mark.find_in(&environment("77-50:12")), None);
        assert_eq!(mark.find_in(&environment("77-5:x")), None);
        assert_eq!(mark.find_in(b""), None);
    }
}
