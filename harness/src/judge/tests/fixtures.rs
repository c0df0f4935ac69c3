//! Committed recordings with known verdicts, in `fixtures/recordings/`.
//!
//! Each is what its builder here makes; `UPDATE_FIXTURES=1 cargo test -p leakgate` writes them anew.

use std::path::{Path, PathBuf};

use super::recording::{ScenarioBuilder, add_heap, site};
use crate::judge::{Verdict, judge};
use crate::record::event::{Line, Outcome, SitesCompared};
use crate::report;

/// Name, recording, verdict.
fn fixtures() -> Vec<(&'static str, Vec<Line>, Verdict)> {
    vec![
        (
            "clean",
            ScenarioBuilder::clean("clean", 31).alone(),
            Verdict::Pass,
        ),
        ("heap-leak-16-bytes", heap_leak(), Verdict::Leak),
        ("thread-leak", thread_leak(), Verdict::Leak),
        (
            "cache-fill",
            ScenarioBuilder::clean("cache-fill", 31)
                .heap(|cycle| 512 * u64::from(cycle.min(16)))
                .alone(),
            Verdict::Pass,
        ),
        (
            "one-time-step",
            ScenarioBuilder::clean("one-time-step", 31)
                .heap(|cycle| if cycle >= 7 { 4_096 } else { 0 })
                .alone(),
            Verdict::Pass,
        ),
        (
            "withdrawn",
            ScenarioBuilder::clean("withdrawn", 31)
                .ends(
                    Outcome::LoadFailed,
                    4,
                    "withdrawn line 21, cycle 5: 3 of 10485760 bytes of output arrived",
                )
                .alone(),
            Verdict::Withdrawn,
        ),
    ]
}

fn heap_leak() -> Vec<Line> {
    let mut scenario =
        ScenarioBuilder::clean("heap-leak-16-bytes", 31).heap(|cycle| 16 * u64::from(cycle));
    scenario.sites = Some(SitesCompared {
        cycles: [31, 62],
        sites: vec![
            site("sessiond::core::Core::opened", 40, [31, 62], [496, 992]),
            site("sessiond::core::Core::cached", 55, [8, 8], [1_024, 1_024]),
        ],
    });
    scenario.alone()
}

/// A reader that outlives its session: a thread and 1 KiB each.
fn thread_leak() -> Vec<Line> {
    ScenarioBuilder::clean("thread-leak", 31)
        .keeps(|cycle, sample| {
            add_heap(sample, 1_024 * u64::from(cycle));
            sample.threads.insert("reader".to_owned(), cycle);
            sample.fds.insert("ptmx".to_owned(), cycle);
        })
        .alone()
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|directory| directory.join("fixtures/recordings"))
        .find(|directory| directory.is_dir())
        .expect("the workspace has fixtures/recordings")
}

#[test]
fn committed_recordings_have_their_known_verdicts() {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    for (name, lines, expected) in fixtures() {
        let recording = directory().join(format!("{name}.jsonl"));
        let verdict = directory().join(format!("{name}.verdict.json"));
        if update {
            let text: String = lines
                .iter()
                .map(|line| serde_json::to_string(line).unwrap() + "\n")
                .collect();
            std::fs::write(&recording, text).unwrap();
        }
        let read = crate::record::Recording::read(&recording).unwrap();
        assert_eq!(read.lines, lines, "{name} is what its builder makes");
        let run = judge(&read.lines);
        assert_eq!(run.verdict, expected, "{name}");
        let report = serde_json::to_string_pretty(&report::from(&run, &read.lines)).unwrap() + "\n";
        if update {
            std::fs::write(&verdict, &report).unwrap();
        }
        let known = std::fs::read_to_string(&verdict).unwrap();
        assert_eq!(report, known, "{name}");
    }
}
