//! What the daemon accounts for against what its allocator counts, and what following costs while nothing changes.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{append, following, line, list, stats};
use crate::daemon::Daemon;

/// Bytes that are live, and bytes that were allocated so far, once nothing is under way.
fn heap(daemon: &Daemon) -> (u64, u64) {
    let probe = daemon.directory.path().join("probe");
    let mut stream = UnixStream::connect(probe).unwrap();
    stream.write_all(b"quiesce 10000\nstats\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    lines.next().unwrap().unwrap();
    let stats: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let number = |name: &str| stats["heap"][name].as_u64().unwrap();
    (number("live_bytes"), number("allocated_bytes"))
}

fn probed(variables: &[&str]) -> (Daemon, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let probe = directory.path().join("probe");
    let probe = probe.to_str().unwrap().to_owned();
    super::follow_in(
        directory,
        &[&["LEAKGATE_PROBE", &probe], variables].concat(),
    )
}

#[test]
fn the_account_is_within_a_fifth_of_what_the_allocator_counts() {
    // Texts of a few bytes, of some kilobytes, and many small files.
    for (files, lines, bytes) in [(3, 40_000, 4), (4, 1_500, 3_000), (400, 3, 40)] {
        let (daemon, root) = probed(&[]);
        list(&daemon);
        let (before, _) = heap(&daemon);
        let text = line("reply", &"x".repeat(bytes)).repeat(lines);
        for file in 0..files {
            append(&root.join(format!("{file}.jsonl")), &text);
        }
        let held = stats(&daemon)["held_bytes"].as_u64().unwrap();
        let live = heap(&daemon).0 - before;
        assert!(
            held.abs_diff(live) * 5 <= live,
            "{files} files of {lines} lines of {bytes} bytes: {held} accounted for, {live} live"
        );
    }
}

#[test]
fn following_what_does_not_change_allocates_nothing() {
    let (daemon, root) = probed(&["SESSIOND_TRANSCRIPTS_EVERY", "10ms"]);
    let text = line("reply", "a reply of some words").repeat(293);
    for file in 0..53 {
        append(&root.join(format!("{file}.jsonl")), &text);
    }
    assert_eq!(stats(&daemon)["held_events"], 53 * 293);
    // What has just changed is read again, and cursors are written, for a while; from then on there is nothing.
    let begun = Instant::now();
    let mut last = heap(&daemon);
    loop {
        // A hundred looks.
        std::thread::park_timeout(Duration::from_secs(1));
        let now = heap(&daemon);
        if now == last {
            return;
        }
        last = now;
        assert!(
            begun.elapsed() < Duration::from_secs(25),
            "it never comes to rest"
        );
    }
}

#[test]
fn what_is_unwatched_gives_all_its_memory_back() {
    let (daemon, _) = following(&[]);
    let root = daemon.directory.path().join("agents");
    std::fs::create_dir(&root).unwrap();
    append(&root.join("a.jsonl"), &line("reply", "x").repeat(10_000));
    let held = |daemon: &Daemon| stats(daemon)["held_bytes"].as_u64().unwrap();
    let before = held(&daemon);
    let watch = daemon.stdout(&["transcripts", "watch", root.to_str().unwrap()]);
    assert!(held(&daemon) > before + 100_000);
    daemon.stdout(&["transcripts", "unwatch", watch.trim_end()]);
    assert_eq!(held(&daemon), before);
    assert_eq!(stats(&daemon)["evicted"]["unwatched"], json!(10_000));
}
