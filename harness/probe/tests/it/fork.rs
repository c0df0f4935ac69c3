//! A child of a fork may allocate, whatever lock of the allocator another thread held.
#![expect(unsafe_code, reason = "pre_exec runs code between fork and exec")]

use std::hint::black_box;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use super::alone::alone;

const SPAWNS: usize = 1000;

/// What portable-pty does in the child: lists the open descriptors, which allocates. And more of the same.
fn allocate_in_the_child() -> io::Result<()> {
    if leakgate_probe::heap().is_some() {
        return Err(io::Error::other("the child of a fork is counted"));
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

#[cfg(not(feature = "dhat-heap"))]
#[test]
fn what_a_child_allocates_is_not_counted_in_the_parent() {
    alone(
        "fork::what_a_child_allocates_is_not_counted_in_the_parent",
        &[],
        || {
            let mut command = Command::new("/bin/true");
            // SAFETY: as above.
            unsafe { command.pre_exec(allocate_in_the_child) };
            let spawn = |command: &mut Command| {
                assert!(
                    command
                        .status()
                        .expect("the child reaches its exec")
                        .success()
                )
            };
            // What std keeps from the first spawn on is not the question.
            spawn(&mut command);
            let before = leakgate_probe::heap().expect("it is installed");
            spawn(&mut command);
            let after = leakgate_probe::heap().expect("the parent is still counted");
            assert_eq!(
                (after.live_bytes, after.live_blocks),
                (before.live_bytes, before.live_blocks)
            );
        },
    );
}
