//! Heap profiles in a recording: the windows, and what each allocation site left alive in them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A window of cycles of the build for heap profiles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileWindow {
    /// Cycles in it.
    pub cycles: u32,
    /// The profile, relative to the run's directory; opens in dhat's viewer.
    pub path: String,
}

/// The windows of N and 2N cycles, side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SitesCompared {
    /// Cycles of the two windows: N, 2N.
    pub cycles: [u32; 2],
    /// Sites with surviving blocks in either, those that grew by most blocks first (at most 64).
    pub sites: Vec<SiteSurvivors>,
}

/// What one allocation site left alive at the end of each window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SiteSurvivors {
    /// The first frame that is not the runtime, a collection or the allocator.
    pub function: String,
    /// Its source file; empty where the build has no line tables.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// Whose code that is.
    #[serde(default)]
    pub owner: Owner,
    /// The whole stack, innermost first, addresses and hash suffixes stripped (at most 32 frames).
    pub stack: Vec<String>,
    /// The user's own frames above the site, innermost first (at most 8); none in an older recording.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<String>,
    /// The asynchronous tasks that allocated there, as the target names them (at most 4).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
    /// Blocks alive at the end of the windows.
    pub blocks: [u64; 2],
    /// Bytes alive at the end of the windows.
    pub bytes: [u64; 2],
}

/// Whose code an allocation site is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// A file of the workspace that is tested.
    Yours,
    /// A crate that it depends on.
    Dependency,
    /// The standard library.
    Std,
    /// Nobody knows: no line tables, or an older recording.
    #[default]
    Unknown,
}
