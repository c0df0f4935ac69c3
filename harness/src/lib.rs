//! leakgate: a leak-regression test and benchmark harness for long-lived processes.

pub mod config;
pub mod judge;
pub mod record;
pub mod report;
pub mod scenario;
pub mod schema;
pub mod source;
pub mod style;
pub mod template;
pub mod units;
