//! A window on a running process: what was allocated in it is in its file, with the function that did it.

use std::hint::black_box;

use leakgate_probe::Probe;
use serde_json::{Value, json};

use super::alone::alone;
use super::client::Client;

const KEPT_BLOCKS: usize = 31;
const KEPT_BYTES: usize = 1009;

#[inline(never)]
fn keep_blocks() -> Vec<Vec<u8>> {
    (0..KEPT_BLOCKS)
        .map(|_| black_box(vec![1u8; KEPT_BYTES]))
        .collect()
}

/// Bytes and blocks that were live at the window's end and whose stack names `function`.
fn kept_by(function: &str, profile: &Value) -> (u64, u64) {
    let frames = profile["ftbl"].as_array().expect("a table of frames");
    let names = |point: &Value| {
        let stack = point["fs"].as_array().expect("a stack").iter();
        stack
            .filter_map(|frame| frames.get(usize::try_from(frame.as_u64()?).ok()?)?.as_str())
            .any(|frame| frame.contains(function))
    };
    let points = profile["pps"].as_array().expect("program points").iter();
    points
        .filter(|point| names(point))
        .fold((0, 0), |sum, point| {
            let number = |key: &str| point[key].as_u64().expect("a number");
            (sum.0 + number("eb"), sum.1 + number("ebk"))
        })
}

#[test]
fn each_window_holds_exactly_what_was_kept_in_it() {
    alone(
        "dhat_window::each_window_holds_exactly_what_was_kept_in_it",
        &[],
        || {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let socket = directory.path().join("probe.sock");
            let _probe = Probe::builder().start(&socket).expect("the path is free");
            let mut client = Client::connect(&socket);
            assert_eq!(client.ask("dhat stop")["error"], json!("wrong_state"));
            let before_the_windows = keep_blocks();
            let mut kept = Vec::new();
            for window in 0..3 {
                let path = directory.path().join(format!("window {window}.json"));
                let start = format!("dhat start 32 {}", path.display());
                assert_eq!(client.ask(&start), json!({ "ok": true }));
                assert_eq!(client.ask(&start)["error"], json!("wrong_state"));
                kept.push(keep_blocks());
                drop(keep_blocks());
                assert_eq!(client.ask("dhat stop"), json!({ "ok": true }));
                let text = std::fs::read_to_string(&path).expect("the profile is written");
                let profile: Value = serde_json::from_str(&text).expect("a profile is JSON");
                assert_eq!(profile["dhatFileVersion"], json!(2));
                let outer = KEPT_BLOCKS * size_of::<Vec<u8>>();
                let expected = (KEPT_BLOCKS * KEPT_BYTES + outer, KEPT_BLOCKS + 1);
                assert_eq!(
                    kept_by("keep_blocks", &profile),
                    (expected.0 as u64, expected.1 as u64)
                );
            }
            drop((before_the_windows, kept));
        },
    );
}

#[test]
fn a_file_that_cannot_be_written_is_refused_at_the_start() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let socket = directory.path().join("probe.sock");
    let _probe = Probe::builder().start(&socket).expect("the path is free");
    let absent = directory.path().join("absent/dhat.json");
    let answer = Client::connect(&socket).ask(&format!("dhat start 32 {}", absent.display()));
    assert_eq!(answer["error"], json!("io"));
}
