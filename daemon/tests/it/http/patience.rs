//! What a client may take: bytes, headers, time.

use serde_json::json;

use super::*;

#[test]
fn a_body_above_the_limit_is_refused_and_the_connection_goes_on() {
    let place = Place::with(&[
        ("SESSIOND_HTTP", "127.0.0.1:0"),
        ("SESSIOND_HTTP_BODY_BYTES", "65536"),
    ]);
    let raw = &mut place.connect();
    let refused = place.ask_on(raw, "POST", "/sessions", Some(&json!("x".repeat(65_536))));
    assert_eq!(refused.error(), (413, "too_large".to_owned()));
    assert_eq!(place.ask_on(raw, "GET", "/sessions", None).status, 200);
    let head = place.head("POST", "/sessions");
    // Far above it: nothing of it is read.
    raw.say(&format!("{head}Content-Length: 1048577\r\n\r\nx"));
    let refused = raw.answer().unwrap();
    assert_eq!(refused.error(), (413, "too_large".to_owned()));
    assert!(raw.is_closed());
    // The same, when its length is not said before.
    let raw = &mut place.connect();
    raw.say(&format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    while raw.say_bytes(chunk.as_bytes()).is_ok() {}
    assert_eq!(place.ask("GET", "/sessions", None).status, 200);
}

#[test]
fn a_head_above_the_limits_is_refused() {
    let place = Place::new();
    let head = place.head("GET", "/sessions");
    for more in [
        format!("X: {}\r\n", "x".repeat(20_000)),
        "X: y\r\n".repeat(80),
    ] {
        let mut raw = place.connect();
        raw.say(&format!("{head}{more}\r\n"));
        assert_eq!(raw.answer().unwrap().status, 431);
        assert!(raw.is_closed());
    }
}

#[test]
fn who_says_nothing_or_too_little_is_cut_off() {
    let place = Place::new();
    let _ = place.ask("GET", "/sessions", None);
    let before = place.daemon.descriptors();
    let idle = place.connect();
    let mut half = place.connect();
    half.say("GET /sessions HTTP/1.1\r\nHost: loc");
    let mut kept = place.connect();
    assert_eq!(
        place.ask_on(&mut kept, "GET", "/sessions", None).status,
        200
    );
    let mut body = place.connect();
    body.say(&format!(
        "{}Content-Length: 1000\r\n\r\n{{",
        place.head("POST", "/sessions")
    ));
    assert_eq!(body.answer().unwrap().error(), (504, "timeout".to_owned()));
    for mut raw in [idle, half, kept, body] {
        assert!(raw.is_closed());
    }
    place.descriptors_are_back_to(before);
}

#[test]
fn more_connections_than_may_be_are_told_so() {
    let place = Place::unix();
    let mut open: Vec<_> = (0..256).map(|_| place.connect()).collect();
    let mut one_more = place.connect();
    let refused = one_more.answer().unwrap();
    assert_eq!(refused.error(), (503, "limit".to_owned()));
    assert!(one_more.is_closed());
    open.pop();
    until("a place", || {
        let mut raw = place.connect();
        let head = place.head("GET", "/sessions");
        raw.say_bytes(format!("{head}\r\n").as_bytes()).is_ok()
            && raw.answer().is_some_and(|answer| answer.status == 200)
    });
}
