//! leakgate's own memory: how long a run is hardly matters to it.

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

/// What a run of some length came to.
#[derive(Debug)]
struct Measured {
    /// The most memory that leakgate held at once, while it drove and while it judged.
    peak_kib: u64,
    /// The recording's length.
    recorded_kib: u64,
}

/// A run of so many cycles.
fn run_of(cycles: u32) -> Measured {
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
    let events = std::fs::metadata(latest.join("events.jsonl")).expect("a recording");
    Measured {
        peak_kib: peak.expect("a mark"),
        recorded_kib: events.len() >> 10,
    }
}

/// A look reads the whole recording, and what it reads takes about twice the space that it has on disk. Lines that are kept
/// beside that would come to nearly four times; 2.0 to 2.2 and 3.9 to 4.2 were measured. Both runs are longer than what a page draws of one.
#[test]
fn a_run_holds_its_recording_once_at_most() {
    let (few, many) = (run_of(420), run_of(1_260));
    let grown = many.peak_kib.saturating_sub(few.peak_kib);
    let recorded = many.recorded_kib - few.recorded_kib;
    assert!(
        grown < 3 * recorded,
        "{grown} KiB more memory for {recorded} KiB more of recording: {few:?}, {many:?}"
    );
}
