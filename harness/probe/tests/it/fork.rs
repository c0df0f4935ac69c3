//! A child of a fork may allocate, whatever lock of the allocator another thread held.
#![expect(unsafe_code, reason = "pre_exec runs code between fork and exec")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use leakgate_probe::{Counters, CountingAlloc};

use super::alone::alone;

const SPAWNS: usize = 1000;

/// What portable-pty does in the child: lists the open descriptors, which allocates. And more of the same.
fn allocate_in_the_child() -> io::Result<()> {
    if leakgate_probe::heap().is_some() {
        // Only an error number gets back to the parent.
        return Err(io::Error::from_raw_os_error(libc::EPROTO));
    }
    let mut open = Vec::new();
    for entry in std::fs::read_dir("/dev/fd")? {
        open.push(entry?.file_name());
    }
    black_box(&open);
    for n in 0..50 {
        black_box(vec![n; 1 + n * 100]);
    }
    Ok(())
}

#[test]
fn a_thousand_children_that_allocate_before_exec_all_get_there() {
    alone(
        "fork::a_thousand_children_that_allocate_before_exec_all_get_there",
        &[],
        || {
            let over = AtomicBool::new(false);
            let allocate_busily = || {
                let mut kept = Vec::new();
                for n in 0usize.. {
                    kept.push(black_box(vec![0u8; n % 512]));
                    if n.is_multiple_of(64) {
                        kept.clear();
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                    }
                }
            };
            std::thread::scope(|scope| {
                scope.spawn(allocate_busily);
                scope.spawn(allocate_busily);
                for _ in 0..SPAWNS {
                    let mut command = Command::new("/bin/true");
                    // SAFETY: allocating here is what the fork guard, and glibc's malloc under it, make possible.
                    unsafe { command.pre_exec(allocate_in_the_child) };
                    let status = command.status();
                    // Before any assertion: a scope waits for its threads also when it unwinds.
                    if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
                        over.store(true, Ordering::Relaxed);
                    }
                    assert!(status.expect("the child reaches its exec").success());
                }
                over.store(true, Ordering::Relaxed);
            });
        },
    );
}

#[test]
fn a_child_counts_nothing_and_its_parent_goes_on_counting() {
    static COUNTERS: Counters = Counters::new();
    static COUNTED: CountingAlloc = CountingAlloc::counting_into(System, &COUNTERS);
    let allocate_and_free = || {
        let layout = Layout::new::<[u8; 777]>();
        // SAFETY: the size is not zero, and the block is freed with its own layout.
        unsafe { COUNTED.dealloc(COUNTED.alloc(layout), layout) };
        COUNTERS.read().allocated_bytes
    };
    assert_eq!(allocate_and_free(), 777);
    let mut command = Command::new("/bin/true");
    // SAFETY: as above.
    unsafe {
        command.pre_exec(move || {
            // The child's counters are its own copy: only here can it be seen whether they move.
            if allocate_and_free() != 777 {
                return Err(io::Error::from_raw_os_error(libc::EPROTO));
            }
            Ok(())
        })
    };
    assert!(
        command
            .status()
            .expect("the child counts nothing")
            .success()
    );
    assert_eq!(allocate_and_free(), 2 * 777);
}
