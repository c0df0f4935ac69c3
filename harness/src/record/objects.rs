//! Kernel objects that a target gained: the event that names what the counts only count.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the target's tree has at the end of the measured cycles and did not have at their beginning. Recorded once, and
/// whether or not a count grew: what was exchanged for something of the same kind is in it too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectsGained {
    /// The objects, alike ones together, the most frequent of each count first.
    pub objects: Vec<KernelObject>,
    /// Objects that are not listed: of each count, those that are alike least often.
    #[serde(default)]
    pub left_out: u32,
}

/// Kernel objects that are alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct KernelObject {
    /// The count that they stand in.
    pub counted: Counted,
    /// What they are: kind and target of a descriptor, name of a thread or of a dead process, command line of a live one,
    /// path of a file. `*` stands for numbers in which they differ.
    pub name: String,
    /// Where a thread waits, the end of a pipe, the state of a connection, whose child a process is; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// How many.
    pub count: u32,
    /// The name of one of them, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// The counts of a sample that consist of kernel objects; each is called like its metric.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Descriptors.
    Fds,
    /// Threads.
    Threads,
    /// Live descendants.
    Children,
    /// Dead ones that nobody waited for.
    Zombies,
    /// Files in the private directories.
    Disk,
}
