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
