//! What a Rust daemon links to be measured exactly: gauges, and the count of work in flight.

mod busy;
mod gauge;

pub use busy::{Busy, BusyGuard, BusyState};
pub use gauge::{Gauge, GaugeKind, Held};
