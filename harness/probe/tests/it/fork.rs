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

/// The same while every block is recorded: a child is forked while another thread is in the middle of that, and holds
/// dhat's lock. The parent only forks, so that it does not wait for that lock itself.
#[cfg(any(feature = "dhat-heap", feature = "track"))]
#[test]
fn a_thousand_children_forked_while_blocks_are_recorded_all_get_there() {
    use rustix::process::{Pid, WaitOptions, waitpid};

    let request = |directory: &std::path::Path| {
        if cfg!(feature = "dhat-heap") {
            format!("dhat start 16 {}/dhat.json", directory.display())
        } else {
            "track start exact 64".to_owned()
        }
    };
    alone(
        "fork::a_thousand_children_forked_while_blocks_are_recorded_all_get_there",
        &[],
        || {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let socket = directory.path().join("probe.sock");
            let _probe = leakgate_probe::Probe::builder()
                .start(&socket)
                .expect("the path is free");
            let answer = super::client::Client::connect(&socket).ask(&request(directory.path()));
            assert_eq!(answer["ok"], serde_json::json!(true), "{answer}");
            let over = AtomicBool::new(false);
            let allocate_busily = || {
                while !over.load(Ordering::Relaxed) {
                    black_box(vec![0u8; 100]);
                }
            };
            let mut failed = 0;
            std::thread::scope(|scope| {
                scope.spawn(allocate_busily);
                scope.spawn(allocate_busily);
                for _ in 0..SPAWNS {
                    // SAFETY: the child only allocates, which is what is tested, and becomes another program.
                    let child = unsafe { libc::fork() };
                    if child == 0 {
                        let ready = allocate_in_the_child().is_ok();
                        let program = c"/bin/true";
                        let arguments = [program.as_ptr(), std::ptr::null()];
                        // SAFETY: a path and a list of arguments with its end; without exec, the child is over.
                        unsafe {
                            if ready {
                                libc::execv(program.as_ptr(), arguments.as_ptr());
                            }
                            libc::_exit(1);
                        }
                    }
                    let status = Pid::from_raw(child)
                        .and_then(|child| waitpid(Some(child), WaitOptions::empty()).ok()?)
                        .and_then(|(_, status)| status.exit_status());
                    failed += u32::from(status != Some(0));
                }
                over.store(true, Ordering::Relaxed);
            });
            assert_eq!(failed, 0, "of {SPAWNS} children");
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
