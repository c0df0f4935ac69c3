//! leakgate's own memory: how long a run is must not matter to it.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use crate::bench::{DIRECTORIES, Workspace};

/// Nothing happens in a cycle: what is left is leakgate's own work.
const NOTHING: &str = r#"
question = "How much memory does leakgate itself need for so many cycles?"
target   = "dirs"
[cycles]
warmup  = 2
measure = CYCLES
max = CYCLES
[[step]]
do = "idle"
for = "1us"
[gates]
fds = 0
rss = { total = "15MB" }
"#;

/// The most memory that leakgate held at once during a run of so many cycles and while it judged them, KiB.
fn peak_kib(cycles: u32) -> u64 {
    let scenario = NOTHING.replace("CYCLES", &cycles.to_string());
    let workspace = Workspace::new(DIRECTORIES, &scenario);
    // Standard output takes nothing more: leakgate stands still at its report, the last that it does, and can be read.
    let (mut stdout, reader) = UnixStream::pair().expect("a pair");
    stdout.set_nonblocking(true).expect("a socket");
    while stdout.write(&[b' '; 4096]).is_ok() {}
    stdout.set_nonblocking(false).expect("a socket");
    let mut leakgate = Command::new(env!("CARGO_BIN_EXE_leakgate"))
        .args(["run", "it"])
        .current_dir(workspace.path())
        .env("TMPDIR", workspace.path().join("tmp"))
        .stdout(Stdio::from(OwnedFd::from(stdout)))
        .stderr(Stdio::null())
        .spawn()
        .expect("leakgate runs");
    let latest = workspace.path().join("reports/latest");
    while !latest.exists() {
        assert_eq!(
            leakgate.try_wait().expect("a child"),
            None,
            "it ended early"
        );
        std::thread::yield_now();
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", leakgate.id()));
    let status = status.expect("it waits");
    let peak = status.lines().find_map(|line| {
        let value = line.strip_prefix("VmHWM:")?.strip_suffix("kB")?;
        value.trim().parse().ok()
    });
    drop(reader);
    leakgate.wait().expect("it ends");
    peak.expect("a mark")
}

#[test]
fn ten_times_the_cycles_take_less_than_a_mebibyte_more() {
    let (few, many) = (peak_kib(40), peak_kib(400));
    assert!(
        many < few + 1024,
        "{few} KiB for 40 cycles, {many} KiB for 400"
    );
}
