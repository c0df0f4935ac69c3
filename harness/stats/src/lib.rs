//! The statistics behind leakgate's verdicts: pure functions of numbers; no I/O, no clock, no randomness.
//!
//! Levels are integers (bytes, counts) and stay integers wherever a verdict hangs on them; floating point serves
//! estimates that are shown beside it.

mod attribution;
mod binomial;
mod centre;
mod changes;
mod cut;
mod drift;
mod growth;
mod ranks;
mod resident;
mod shift;
mod special;
mod spending;
mod trend;
mod warmup;
mod windows;

pub use attribution::{Attribution, COLUMNS_MAX, Cost, NotAttributed, attribution};
pub use binomial::{Rate, clopper_pearson};
pub use centre::median;
pub use changes::{Change, ChangeFinder, SERIES_MAX};
pub use cut::Cut;
pub use growth::{Growth, GrowthRule, Shape, growth, sensitivity, windows_needed};
pub use ranks::SAMPLE_MAX;
pub use resident::{
    RESIDENT_CLEAN_SAMPLES_MIN, RESIDENT_LEAK_SAMPLES_MIN, RESIDENT_LOOKS, RESIDENT_SAMPLES_MIN,
    Resident, ResidentRule, ResidentShape, ResidentVerdict, resident,
};
pub use shift::{Shift, shift, values_needed};
pub use special::student_t_above;
pub use spending::{Budget, looks};
pub use trend::{POINTS_MAX, Slope, theil_sen};
pub use warmup::{WARMUP_SAMPLES_MIN, warmup_ended};
pub use windows::{Floors, Increment, drawdown, floors, jitter, largest_increment};
