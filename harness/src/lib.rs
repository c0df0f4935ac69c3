//! leakgate: a leak-regression test and benchmark harness for long-lived processes.

pub mod record;
pub mod scenario;
pub mod units;
