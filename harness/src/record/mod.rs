//! Recordings: what a run did and what was measured, written as it happens, judged later.

pub mod event;
