//! Owns running one test in a process of its own, for what other tests would disturb or what might hang.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};

/// Set in the process that runs one test alone.
const ALONE: &str = "LEAKGATE_PROBE_TEST_ALONE";

/// Far above what any of these tests takes on a slow machine; a hang is what it tells.
const DEADLINE: Duration = Duration::from_secs(120);

/// Runs `body` in a new process, with `environment` added, in which the test of this full name is the only one. The
/// test fails if that process fails, or has not ended by the deadline.
pub(crate) fn alone(test: &str, environment: &[(&str, &str)], body: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        wait_until_libtest_rests();
        body();
        return;
    }
    let mut child = Command::new(std::env::current_exe().expect("a test knows its binary"))
        .args(["--exact", test, "--test-threads=1", "--nocapture"])
        .env(ALONE, "1")
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("the test binary runs");
    let pid = Pid::from_child(&child);
    let ended = {
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty())
            .expect("the child is not reaped yet");
        let timeout = Timespec::try_from(DEADLINE).expect("seconds fit");
        let mut polled = [PollFd::new(&pidfd, PollFlags::IN)];
        rustix::event::poll(&mut polled, Some(&timeout)).expect("a pidfd can be polled") == 1
    };
    if !ended {
        // The group, because what hangs may be a child that has not exec'd yet.
        rustix::process::kill_process_group(pid, Signal::KILL).expect("the group still exists");
    }
    let output =
        std::io::read_to_string(child.stdout.take().expect("piped")).expect("libtest prints text");
    let status = child.wait().expect("the child is ours");
    assert!(ended, "{test} did not end within {DEADLINE:?}\n{output}");
    assert!(status.success(), "{test} failed alone: {status}\n{output}");
    assert!(
        output.contains("1 passed"),
        "{test} is not the name of a test\n{output}"
    );
}

/// Looks at libtest's main thread, which started this one, until it rests. It has two blocks to allocate (48 and 96
/// bytes, of its channel) before it waits for this test to end, and would add them to whatever is measured meanwhile.
/// It says nothing when it gets there; the kernel does, as state S at every look of a window.
fn wait_until_libtest_rests() {
    const LOOKS: usize = 10;
    const LOOKS_MAX: usize = 2000;
    let every = Timespec::try_from(Duration::from_millis(5)).expect("milliseconds fit");
    let stat = format!("/proc/self/task/{}/stat", std::process::id());
    let mut resting = 0;
    for _ in 0..LOOKS_MAX {
        let line = std::fs::read_to_string(&stat).expect("the main thread lives");
        // The state follows the name, which is in parentheses and may hold anything.
        let asleep = line
            .rsplit(')')
            .next()
            .is_some_and(|rest| rest.starts_with(" S"));
        resting = if asleep { resting + 1 } else { 0 };
        if resting == LOOKS {
            return;
        }
        rustix::event::poll(&mut [], Some(&every)).expect("nothing is polled, only time passes");
    }
    panic!("libtest's main thread never rested");
}
