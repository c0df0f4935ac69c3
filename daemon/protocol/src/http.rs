//! HTTP, as its clients have to know it to get there.

use serde::{Deserialize, Serialize};

/// Where a daemon serves HTTP; nothing where it does not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpInfo {
    /// `127.0.0.1:PORT`, `[::1]:PORT` or `unix:PATH`; with the port that was chosen where any was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The file with the token that requests have to carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<String>,
}
