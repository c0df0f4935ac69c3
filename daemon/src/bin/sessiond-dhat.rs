//! The `sessiond` program with dhat in place of the counting allocator, for heap profiles only.

use std::process::ExitCode;

use leakgate_probe::DhatAlloc;

#[global_allocator]
static ALLOCATOR: DhatAlloc = DhatAlloc::new();

fn main() -> ExitCode {
    sessiond::run()
}
