//! Session names: which strings are one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::NAME_CHARS_MAX;

/// A session's name: 1 to [`NAME_CHARS_MAX`] characters of `A-Z a-z 0-9 . _ -`, of which the first is a letter or `_`
/// (so that it is never mistaken for an id or an option, nor for a hidden file).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionName(String);

impl SessionName {
    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for SessionName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        let mut characters = text.chars();
        let first = characters.next().ok_or(NameError)?;
        let fits = text.len() <= NAME_CHARS_MAX
            && (first.is_ascii_alphabetic() || first == '_')
            && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if fits { Ok(Self(text)) } else { Err(NameError) }
    }
}

impl FromStr for SessionName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::try_from(text.to_owned())
    }
}

impl From<SessionName> for String {
    fn from(name: SessionName) -> Self {
        name.0
    }
}

/// A string that is no session name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a session's name is 1 to {NAME_CHARS_MAX} of A-Z a-z 0-9 . _ - and begins with a letter or _"
)]
pub struct NameError;
