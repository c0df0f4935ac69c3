//! The crate as a daemon uses it: installed as the global allocator, asked over its socket, forked.

mod alone;
mod client;
mod counting;
#[cfg(feature = "dhat-heap")]
mod dhat_window;
mod fork;
mod probe;
#[cfg(not(feature = "dhat-heap"))]
mod seed;
#[cfg(all(feature = "track", not(feature = "dhat-heap")))]
mod track;

#[cfg(not(any(feature = "dhat-heap", feature = "track")))]
#[global_allocator]
static ALLOC: leakgate_probe::CountingAlloc = leakgate_probe::CountingAlloc::system();

/// Both at once: all that holds of the counting allocator has to hold around the tracking one too.
#[cfg(all(feature = "track", not(feature = "dhat-heap")))]
#[global_allocator]
static ALLOC: leakgate_probe::CountingAlloc<leakgate_probe::TrackAlloc> =
    leakgate_probe::CountingAlloc::new(leakgate_probe::TrackAlloc::system());

#[cfg(feature = "dhat-heap")]
#[global_allocator]
static ALLOC: leakgate_probe::DhatAlloc = leakgate_probe::DhatAlloc::new();
