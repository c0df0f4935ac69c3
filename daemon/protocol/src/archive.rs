//! Archives: the text of sessions that are gone, on disk, and what is needed to start them again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::SessionName;

/// An archive's number: never used twice in one directory of archives while an archive with a higher one is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArchiveId(pub u64);

impl fmt::Display for ArchiveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ArchiveId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Which archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveParams {
    /// By its number.
    pub archive: ArchiveId,
}

/// What the server tells about one archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveInfo {
    /// Its number.
    pub id: ArchiveId,
    /// The name that the session had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SessionName>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// When it was archived, in milliseconds since 1970 UTC.
    pub archived_unix_ms: u64,
    /// Bytes of its text.
    pub text_bytes: u64,
}
