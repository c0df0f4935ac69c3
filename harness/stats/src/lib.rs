//! The statistics behind leakgate's verdicts: pure functions of numbers; no I/O, no clock, no randomness.
//!
//! Levels are integers (bytes, counts) and stay integers wherever a verdict hangs on them; floating point serves
//! estimates that are shown beside it.

mod centre;
mod trend;
mod warmup;
mod windows;

pub use centre::{mad, median};
pub use trend::{MannKendall, POINTS_MAX, Slope, mann_kendall, theil_sen};
pub use warmup::{WARMUP_SAMPLES_MIN, warmup_ended};
pub use windows::{Floors, Increment, drawdown, floors, jitter, largest_increment};
