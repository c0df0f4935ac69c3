//! The `sessiond` program with the probe's tracker in place of the counting allocator, for heap profiles only.

use std::process::ExitCode;

use leakgate_probe::TrackAlloc;

#[global_allocator]
static ALLOCATOR: TrackAlloc = TrackAlloc::system();

fn main() -> ExitCode {
    sessiond::run()
}
