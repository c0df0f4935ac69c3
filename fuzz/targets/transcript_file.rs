#![no_main]

use std::sync::LazyLock;

use tempfile::TempDir;

/// In memory where the system has that.
static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| {
    let made = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    made.expect("a directory for a file")
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| sessiond::fuzzing::transcript_file(input, DIRECTORY.path()));
