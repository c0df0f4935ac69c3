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

#[cfg(not(feature = "dhat-heap"))]
#[global_allocator]
static ALLOC: leakgate_probe::CountingAlloc = leakgate_probe::CountingAlloc::system();

#[cfg(feature = "dhat-heap")]
#[global_allocator]
static ALLOC: leakgate_probe::DhatAlloc = leakgate_probe::DhatAlloc::new();
