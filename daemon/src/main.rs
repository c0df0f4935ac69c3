//! The `sessiond` program: the allocator that counts, and the library that does everything else.

use std::process::ExitCode;

use leakgate_probe::CountingAlloc;

#[global_allocator]
static ALLOCATOR: CountingAlloc = CountingAlloc::system();

fn main() -> ExitCode {
    sessiond::run()
}
