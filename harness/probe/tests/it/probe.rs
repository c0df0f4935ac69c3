//! The socket: what each request answers, what is refused, and what remains afterwards.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use leakgate_probe::{Busy, Gauge, PROBE_VARIABLE, Probe, ProbeError};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::alone::alone;
use super::client::Client;

/// A private directory and the path of a socket in it.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("probe.sock");
    (directory, path)
}

fn error_of(answer: &Value) -> &str {
    assert_eq!(answer["ok"], json!(false), "{answer}");
    answer["error"].as_str().expect("a word")
}

#[test]
fn only_its_user_can_open_the_socket_and_a_drop_removes_it() {
    let (_directory, path) = place();
    let probe = Probe::builder().start(&path).expect("the path is free");
    assert_eq!(probe.path(), path);
    let mode = std::fs::metadata(&path)
        .expect("the socket exists")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut client = Client::connect(&path);
    assert_eq!(client.ask("hello")["ok"], json!(true));
    drop(probe);
    assert!(!path.exists());
    assert!(client.at_end());
}

#[test]
fn a_taken_path_is_an_error_and_is_left_as_it_was() {
    let (_directory, path) = place();
    std::fs::write(&path, "somebody's").expect("a private directory");
    let error = Probe::builder()
        .start(&path)
        .expect_err("the path is taken");
    assert!(matches!(error, ProbeError::PathTaken { .. }), "{error}");
    assert_eq!(
        std::fs::read_to_string(&path).expect("still there"),
        "somebody's"
    );
}

#[test]
fn a_path_that_no_socket_can_have_is_an_error() {
    let (directory, _) = place();
    let long = directory.path().join("x".repeat(108));
    let error = Probe::builder().start(&long).expect_err("too long");
    assert!(matches!(error, ProbeError::PathTooLong { .. }), "{error}");
    let error = Probe::builder()
        .start(&directory.path().join("absent/probe.sock"))
        .expect_err("no directory");
    assert!(matches!(error, ProbeError::Listen { .. }), "{error}");
}

#[test]
fn two_gauges_of_one_name_are_an_error_that_names_both_lines() {
    static FIRST: Gauge = Gauge::length("twins");
    static SECOND: Gauge = Gauge::accounted("twins");
    static GAUGES: &[&Gauge] = &[&FIRST, &SECOND];
    let (_directory, path) = place();
    let error = Probe::builder()
        .gauges(GAUGES)
        .start(&path)
        .expect_err("duplicates")
        .to_string();
    for gauge in GAUGES {
        assert!(error.contains(&gauge.site().to_string()), "{error}");
    }
    assert!(!path.exists());
}

#[test]
fn the_variable_decides_whether_anything_is_opened() {
    assert!(
        Probe::builder()
            .start_from_env()
            .expect("nothing to do")
            .is_none()
    );
    let (_directory, path) = place();
    let variable = (PROBE_VARIABLE, path.to_str().expect("UTF-8"));
    alone("probe::the_variable_opens_the_socket", &[variable], || {
        unreachable!("runs in the other process")
    });
}

#[test]
fn the_variable_opens_the_socket() {
    let Some(path) = std::env::var_os(PROBE_VARIABLE) else {
        // On its own, when all tests run, there is nothing to open; the test above runs this one with the variable.
        return;
    };
    let _probe = Probe::builder()
        .start_from_env()
        .expect("the path is free")
        .expect("the variable is set");
    assert_eq!(
        Client::connect(path.as_ref()).ask("hello")["ok"],
        json!(true)
    );
}

#[test]
fn hello_says_who_answers() {
    let (_directory, path) = place();
    let _probe = Probe::builder().start(&path).expect("the path is free");
    assert_eq!(
        Client::connect(&path).ask("hello"),
        json!({
            "ok": true, "probe": 1, "version": env!("CARGO_PKG_VERSION"), "pid": std::process::id(),
            "allocator": "system", "dhat": cfg!(feature = "dhat-heap"),
            "track": cfg!(feature = "track"),
        })
    );
}

#[test]
fn gauges_are_listed_at_zero_and_in_order() {
    static SESSIONS: Gauge = Gauge::length("sessions");
    static TABLE: Gauge = Gauge::capacity("a \"quoted\" table", 4096);
    static LEDGER: Gauge = Gauge::accounted("ledger");
    static GAUGES: &[&Gauge] = &[&SESSIONS, &TABLE, &LEDGER];
    let (_directory, path) = place();
    let _probe = Probe::builder()
        .gauges(GAUGES)
        .start(&path)
        .expect("the path is free");
    TABLE.set(128);
    let _held = LEDGER.hold(77);
    let expected = |gauge: &Gauge, value: u64, max: Option<u64>| {
        json!({
            "name": gauge.name(), "kind": gauge.kind().word(), "value": value, "peak": value, "max": max,
            "file": gauge.site().file(), "line": gauge.site().line(),
        })
    };
    assert_eq!(
        Client::connect(&path).ask("gauges"),
        json!({ "ok": true, "gauges": [
            expected(&SESSIONS, 0, None), expected(&TABLE, 128, Some(4096)), expected(&LEDGER, 77, None),
        ] })
    );
}

#[test]
fn stats_are_whole_numbers_under_their_names() {
    let (_directory, path) = place();
    let _probe = Probe::builder().start(&path).expect("the path is free");
    let mut client = Client::connect(&path);
    let stats = client.ask("stats");
    assert_eq!(stats["ok"], json!(true));
    let number = |pointer: &str| {
        let value = stats
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{pointer} is missing in {stats}"));
        value
            .as_u64()
            .unwrap_or_else(|| panic!("{pointer} is not a whole number in {stats}"))
    };
    assert!(number("/memory/resident_bytes") > 0);
    assert!(number("/memory/virtual_bytes") >= number("/memory/resident_bytes"));
    #[cfg(target_env = "gnu")]
    assert!(number("/c_heap/mapped_bytes") >= number("/c_heap/in_use_bytes"));
    if cfg!(feature = "dhat-heap") {
        assert_eq!(stats["heap"], Value::Null);
    } else {
        assert!(number("/heap/live_bytes") > 0 && number("/heap/live_blocks") > 0);
        assert!(number("/heap/allocated_bytes") >= number("/heap/live_bytes"));
        assert!(number("/heap/allocated_blocks") >= number("/heap/live_blocks"));
        assert!(number("/heap/peak_bytes") >= number("/heap/live_bytes"));
        assert!(number("/heap/peak_error_bytes") > 0);
    }
    assert!(client.ask("memory")["memory"]["resident_bytes"].is_u64());
    assert!(client.ask("trim")["released"].is_boolean());
    assert_eq!(client.ask("peak reset"), json!({ "ok": true }));
}

#[test]
fn what_is_not_a_request_is_told_what_is_and_the_connection_goes_on() {
    let (_directory, path) = place();
    let _probe = Probe::builder().start(&path).expect("the path is free");
    let mut client = Client::connect(&path);
    for bad in [
        "",
        "STATS",
        "stats ",
        "quiesce soon",
        "\u{0}\"\\",
        "dhat start 32 relative",
    ] {
        let answer = client.ask(bad);
        assert_eq!(error_of(&answer), "bad_request");
        assert!(
            answer["message"]
                .as_str()
                .expect("text")
                .contains("allowed: "),
            "{answer}"
        );
    }
    client.send(&[b'x'; 5000]);
    assert_eq!(error_of(&client.answer()), "bad_request");
    client.send(b"the end of it\nhello\n");
    assert_eq!(client.answer()["probe"], json!(1));
}

#[test]
fn one_client_too_many_is_told_so_and_one_that_leaves_makes_room() {
    let (_directory, path) = place();
    let _probe = Probe::builder().start(&path).expect("the path is free");
    let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(&path)).collect();
    for client in &mut clients {
        assert_eq!(client.ask("hello")["ok"], json!(true));
    }
    let mut refused = Client::connect(&path);
    assert_eq!(error_of(&refused.answer()), "busy");
    assert!(refused.at_end());
    clients.truncate(3);
    // The probe sees the end of the fourth no later than this new connection.
    assert_eq!(Client::connect(&path).ask("hello")["ok"], json!(true));
}

#[test]
fn without_a_busy_counter_quiesce_is_unsupported() {
    let (_directory, path) = place();
    let _probe = Probe::builder().start(&path).expect("the path is free");
    assert_eq!(
        error_of(&Client::connect(&path).ask("quiesce 100")),
        "unsupported"
    );
}

#[test]
fn quiesce_waits_for_the_work_and_keeps_nobody_else_waiting() {
    static BUSY: Busy = Busy::new();
    let (_directory, path) = place();
    let _probe = Probe::builder()
        .busy(&BUSY)
        .start(&path)
        .expect("the path is free");
    let mut waiting = Client::connect(&path);
    let mut other = Client::connect(&path);

    let rest = waiting.ask("quiesce 1000");
    assert_eq!((&rest["idle"], &rest["epoch"]), (&json!(true), &json!(0)));
    assert!(rest["waited_ms"].as_u64().expect("a number") >= 20);

    let working = BUSY.enter();
    let gave_up = waiting.ask("quiesce 60");
    assert_eq!(
        (&gave_up["idle"], &gave_up["epoch"]),
        (&json!(false), &json!(1))
    );
    assert!(gave_up["waited_ms"].as_u64().expect("a number") >= 60);

    // A request behind the wait is answered after it, in order.
    waiting.send(b"quiesce 30000\nhello\n");
    assert_eq!(other.ask("hello")["ok"], json!(true));
    drop(working);
    assert_eq!(waiting.answer()["idle"], json!(true));
    assert_eq!(waiting.answer()["probe"], json!(1));
}

#[test]
fn clients_that_leave_in_mid_wait_give_their_places_back() {
    static BUSY: Busy = Busy::new();
    let (_directory, path) = place();
    let _probe = Probe::builder()
        .busy(&BUSY)
        .start(&path)
        .expect("the path is free");
    let _working = BUSY.enter();
    for _ in 0..3 {
        let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(&path)).collect();
        for client in &mut clients {
            // The answer to the first request says that the place is taken and the wait begins.
            client.send(b"hello\nquiesce 30000\n");
            assert_eq!(client.answer()["ok"], json!(true));
        }
    }
}

#[cfg(not(feature = "dhat-heap"))]
#[test]
fn a_build_without_dhat_refuses_windows() {
    let (_directory, path) = place();
    let _probe = Probe::builder().start(&path).expect("the path is free");
    let mut client = Client::connect(&path);
    assert_eq!(
        error_of(&client.ask("dhat start 32 /nowhere/dhat.json")),
        "unsupported"
    );
    assert_eq!(error_of(&client.ask("dhat stop")), "unsupported");
}

#[cfg(not(feature = "dhat-heap"))]
#[test]
fn a_thousand_answers_allocate_nothing() {
    use std::io::{Read, Write};

    static BUSY: Busy = Busy::new();
    static QUEUE: Gauge = Gauge::length("queue");
    static GAUGES: &[&Gauge] = &[&QUEUE];
    alone("probe::a_thousand_answers_allocate_nothing", &[], || {
        let (_directory, path) = place();
        let _probe = Probe::builder()
            .gauges(GAUGES)
            .busy(&BUSY)
            .start(&path)
            .expect("the path is free");
        let mut stream = Client::connect(&path).into_stream();
        // The test's own side must not allocate either.
        let mut answer = [0u8; 4096];
        let mut ask = |request: &[u8]| {
            stream.write_all(request).expect("the probe reads");
            let mut len = 0;
            while len == 0 || answer[len - 1] != b'\n' {
                len += stream.read(&mut answer[len..]).expect("the probe answers");
            }
            assert!(answer.starts_with(b"{\"ok\":true"));
        };
        ask(b"stats\n");
        for request in [&b"stats\n"[..], b"gauges\n", b"hello\n", b"peak reset\n"] {
            let before = leakgate_probe::heap().expect("it is installed");
            for _ in 0..1000 {
                ask(request);
            }
            let after = leakgate_probe::heap().expect("it is installed");
            assert_eq!(
                after.allocated_blocks, before.allocated_blocks,
                "{request:?}"
            );
            assert_eq!(after.live_bytes, before.live_bytes, "{request:?}");
        }
        let before = leakgate_probe::heap().expect("it is installed");
        ask(b"trim\n");
        ask(b"quiesce 500\n");
        let after = leakgate_probe::heap().expect("it is installed");
        assert_eq!(after.allocated_blocks, before.allocated_blocks);
    });
}
