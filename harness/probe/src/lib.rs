//! What a Rust daemon links to be measured exactly.
//!
//! - [`CountingAlloc`]: a global allocator that counts live and allocated bytes and blocks, cheap enough to stay on in
//!   the build that users run.
//! - [`Gauge`]: a named integer beside every long-lived map, queue or buffer.
//! - [`Busy`]: the count of work in flight, from which it is told when the daemon is at rest.
//! - [`Probe`]: a thread that reports all of this on a Unix socket, and opens it only when `LEAKGATE_PROBE` is set.
//! - `DhatAlloc`, with the feature `dhat-heap`: heap profiles of a window that a client opens and closes.
//! - `TrackAlloc`, with the feature `track`: the same, many times faster, read while the daemon runs.
//! - [`task::named`]: the name of an asynchronous task, which such a profile then shows.
//!
//! A daemon's library declares gauges and starts the probe; its thin binary alone chooses the allocator:
//!
//! ```
//! use leakgate_probe::{Busy, CountingAlloc, Gauge, Probe, ProbeError};
//!
//! #[global_allocator]
//! static ALLOC: CountingAlloc = CountingAlloc::system();
//!
//! static SESSIONS: Gauge = Gauge::length("sessions");
//! static BUSY: Busy = Busy::new();
//! static GAUGES: &[&Gauge] = &[&SESSIONS];
//!
//! fn main() -> Result<(), ProbeError> {
//!     let _probe = Probe::builder().gauges(GAUGES).busy(&BUSY).start_from_env()?;
//!     let _working = BUSY.enter();
//!     let _session = SESSIONS.hold(1);
//!     Ok(())
//! }
//! ```
//!
//! # The socket
//!
//! One request per line of at most 512 bytes; one line of JSON per answer. At most 4 clients at a time, each with one
//! request in flight. Answering allocates nothing, but for `memory`, `dhat`, `track` and `seed`.
//!
//! | request | answer, beside `"ok":true` |
//! |---|---|
//! | `hello` | `probe` (version of this protocol: 1), `version`, `pid`, `allocator`, `dhat`, `track` (built in or not) |
//! | `stats` | `heap`: [`HeapReading`], `null` without a counting allocator; `memory`: `resident_bytes`, `virtual_bytes`; `c_heap`: glibc's `in_use_bytes`, `mapped_bytes`, `free_bytes`, or `null` |
//! | `memory` | `memory` as memory-stats reads it |
//! | `peak reset` | |
//! | `gauges` | `gauges`: `name`, `kind` (`length`, `capacity`, `accounted`, `count`), `value`, `peak` (the highest value since the start), `max` or `null`, `file`, `line` of each |
//! | `quiesce <ms>` | `idle` (whether the daemon stood still for 20 ms within that time), `epoch`, `waited_ms` |
//! | `trim` | `released` |
//! | `dhat start <frames> <path>`, `dhat stop` | |
//! | `track start exact <frames>`, `track start sample <bytes> <frames>`, `track stop` | |
//! | `track snapshot <path>` | `sites`, `overflowed_blocks` (recorded blocks that no longer found a site of their own) |
//! | `seed <kind>` | only where `LEAKGATE_SEED=1` is set too: sows a leak, for the harness's test of itself (the table is in `seed.rs`) |
//!
//! A failure is `"ok":false` with `error` (`bad_request`, `unsupported`, `busy`, `too_large`, `wrong_state`, `io`) and
//! `message`.

mod busy;
mod counting;
#[cfg(feature = "dhat-heap")]
mod dhat_alloc;
mod dhat_window;
mod fork;
mod gauge;
mod probe;
mod protocol;
mod seed;
pub mod task;
#[cfg(feature = "track")]
mod track;
#[cfg(not(feature = "track"))]
#[path = "track_absent.rs"]
mod track;

pub use busy::{Busy, BusyGuard, BusyState};
pub use counting::{Counters, CountingAlloc, HeapReading, PEAK_STEP_BYTES, heap, reset_heap_peak};
#[cfg(feature = "dhat-heap")]
pub use dhat_alloc::DhatAlloc;
pub use gauge::{Gauge, GaugeKind, Held};
pub use probe::{PROBE_VARIABLE, Probe, ProbeBuilder, ProbeError};
pub use seed::SEED_VARIABLE;
#[cfg(feature = "track")]
pub use track::TrackAlloc;
