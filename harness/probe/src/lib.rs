//! What a Rust daemon links to be measured exactly: gauges, and the count of work in flight.

mod busy;
mod counting;
mod fork;
mod gauge;

pub use busy::{Busy, BusyGuard, BusyState};
pub use counting::{Counters, CountingAlloc, HeapReading, PEAK_STEP_BYTES, heap, reset_heap_peak};
pub use gauge::{Gauge, GaugeKind, Held};
