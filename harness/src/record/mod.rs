//! Recordings: what a run did and what was measured, written as it happens, judged later.
//!
//! `events.jsonl` is append-only and flushed at every event, so it survives a crash of either side;
//! a last line that was cut short by one is dropped by the reader, and said so.

pub mod event;
mod merge;
pub mod objects;
mod reader;
mod sample;
mod sites;
mod writer;

pub use merge::{MergeError, Merged, merge};
pub use reader::{ReadError, Recording};
pub use writer::Recorder;
