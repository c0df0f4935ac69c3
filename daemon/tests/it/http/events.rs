//! Streams of events.

use std::sync::Arc;

use serde_json::json;
use sessiond_client::Client;
use sessiond_protocol::RunParams;
use tokio::task::JoinSet;

use super::*;
use crate::daemon::{block_on, command};

/// One event: its id, its name, its data.
type Told = (String, String, Value);

fn listen(place: &Place, seen: Option<&str>) -> Raw {
    let seen = seen
        .map(|seen| format!("Last-Event-ID: {seen}\r\n"))
        .unwrap_or_default();
    let mut raw = place.connect();
    raw.say(&format!("{}{seen}\r\n", place.head("GET", "/events")));
    let (status, head) = raw.answer_head().unwrap();
    assert!(
        status == 200 && head.contains("content-type: text/event-stream"),
        "{head}"
    );
    raw
}

/// The next event, out of the chunks that it comes in.
fn next(raw: &mut Raw) -> Option<Told> {
    let mut told = Told::default();
    loop {
        let line = raw.line()?;
        if let Some(id) = line.strip_prefix("id: ") {
            told.0 = id.to_owned();
        } else if let Some(name) = line.strip_prefix("event: ") {
            told.1 = name.to_owned();
        } else if let Some(data) = line.strip_prefix("data: ") {
            told.2 = serde_json::from_str(data).unwrap();
            return Some(told);
        }
    }
}

fn create(place: &Place, name: &str) {
    let params = json!({"name": name, "command": ["cat"]});
    assert_eq!(place.ask("POST", "/sessions", Some(&params)).status, 201);
}

#[test]
fn what_happens_to_sessions_and_statuses_is_told() {
    let place = Place::new();
    let mut stream = listen(&place, None);
    let (id, name, _) = next(&mut stream).unwrap();
    assert!(id.ends_with("-0") && name == "ready", "{id} {name}");
    create(&place, "a");
    let (_, name, data) = next(&mut stream).unwrap();
    assert_eq!(
        (name.as_str(), &data["session"], &data["name"]),
        ("session_started", &json!(1), &json!("a"))
    );
    let directory = place.state.path().join("status");
    place.daemon.stdout(&[
        "profile",
        "open",
        "p",
        "--directory",
        directory.to_str().unwrap(),
    ]);
    let unfinished = place.state.path().join("unfinished");
    std::fs::write(
        &unfinished,
        r#"{"session":"a","state":"waiting","text":"?"}"#,
    )
    .unwrap();
    std::fs::rename(unfinished, directory.join("a.json")).unwrap();
    let (_, name, data) = next(&mut stream).unwrap();
    assert_eq!(
        (name.as_str(), &data["to"], &data["text"]),
        ("status", &json!("waiting"), &json!("?"))
    );
    place.ask("DELETE", "/sessions/a", None);
    let mut left = vec!["session_ended", "session_gone"];
    while !left.is_empty() {
        let (_, name, data) = next(&mut stream).unwrap();
        assert_eq!(data["session"], 1);
        left.retain(|&expected| expected != name);
    }
}

#[test]
fn who_comes_back_goes_on_where_it_was_and_who_cannot_is_told_to_look_anew() {
    let place = Place::new();
    let mut stream = listen(&place, None);
    let (start, ..) = next(&mut stream).unwrap();
    drop(stream);
    create(&place, "a");
    create(&place, "b");
    let mut again = listen(&place, Some(&start));
    assert_eq!(next(&mut again).unwrap().1, "ready");
    let told: Vec<_> = (0..2)
        .map(|_| next(&mut again).unwrap().2["name"].clone())
        .collect();
    assert_eq!(told, ["a", "b"]);
    let mut foreign = listen(&place, Some("1-5"));
    assert_eq!(next(&mut foreign).unwrap().1, "resync");
}

#[test]
fn a_client_that_does_not_read_misses_events_and_is_told_so() {
    let place = Place::unix();
    let mut slow = listen(&place, None);
    assert_eq!(next(&mut slow).unwrap().1, "ready");
    // Some 300 KiB of events: more than the socket, the connection and the ring hold.
    block_on(async {
        let client = Arc::new(Client::connect(&place.daemon.socket).await.unwrap());
        let mut runs = JoinSet::new();
        for number in 0..1600 {
            if runs.len() >= 12 {
                runs.join_next().await.unwrap().unwrap();
            }
            let mut params = command(&["true"]);
            params.name = Some(format!("{}-{number}", "n".repeat(55)).parse().unwrap());
            let client = Arc::clone(&client);
            runs.spawn(async move {
                let run = RunParams {
                    session: params,
                    timeout_ms: None,
                };
                client.run(run).await.unwrap();
            });
        }
        while runs.join_next().await.is_some() {}
    });
    let mut told = 0_u64;
    let (mut missed, mut last) = (0, String::new());
    create(&place, "last");
    while last != "last" {
        let (_, name, data) = next(&mut slow).unwrap();
        missed += data["missed"].as_u64().unwrap_or(0);
        told += u64::from(name != "resync");
        last = data["name"].as_str().unwrap_or_default().to_owned();
    }
    assert!(missed > 0, "{told} events were kept for who did not read");
    assert_eq!(missed + told, 1600 * 3 + 1);
}

#[test]
fn a_stream_ends_with_its_client() {
    let place = Place::new();
    let before = place.daemon.descriptors(); // with those that are just being closed
    let streams: Vec<_> = (0..20).map(|_| listen(&place, None)).collect();
    assert!(place.daemon.descriptors() > before + 10);
    drop(streams);
    place.descriptors_are_back_to(before);
}
