//! Keyed sessions: messages and their answers, and the rooms of webhooks.

use serde_json::json;

use super::*;

/// A program that answers each line with what it was.
const ECHO: &str = "stty -echo; echo ready; while read -r line; do echo \"you said: $line\"; done";

fn message(text: &str) -> Value {
    json!({
        "text": text,
        "create": {"command": ["sh", "-c", ECHO]},
        "wait": {"pattern": {"regex": "^you said: "}},
    })
}

fn text(answer: &Answer) -> String {
    answer.json()["answer"]["text"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer:?}"))
        .to_owned()
}

#[test]
fn a_message_starts_its_session_and_the_next_one_finds_it() {
    let place = Place::new();
    let first = place.ask("POST", "/sessions/k/messages", Some(&message("one")));
    assert_eq!(
        (first.status, &first.json()["created"]),
        (201, &json!(true))
    );
    assert!(text(&first).ends_with("you said: one"), "{first:?}");
    let second = place.ask("POST", "/sessions/k/messages", Some(&message("two")));
    assert_eq!(
        (second.status, &second.json()["created"]),
        (200, &json!(false))
    );
    // The answer is what followed the message, and nothing of what was there before.
    assert_eq!(text(&second), "you said: two");
    assert_eq!(second.json()["answer"]["ended"], "pattern");
    assert_eq!(
        first.json()["session"]["id"],
        second.json()["session"]["id"]
    );
    // It ends as other sessions do: when nobody uses it.
    assert_eq!(second.json()["session"]["ttl_ms"], json!(3_600_000));
}

#[test]
fn an_answer_ends_with_quiet_its_time_or_the_session() {
    let place = Place::new();
    let ask = |text: &str, wait: Value| {
        let body = json!({"text": text, "create": {"command": ["sh", "-c", "stty -echo; sh"], "env": {"PS1": ""}}, "wait": wait});
        place.ask("POST", "/sessions/k/messages", Some(&body))
    };
    ask("echo ready", json!({"pattern": {"regex": "^ready"}}));
    let quiet = ask("echo a; echo b", json!({"quiet_ms": 500}));
    assert_eq!(quiet.json()["answer"]["ended"], "quiet");
    assert_eq!(text(&quiet), "a\nb");
    let late = ask(
        "echo begun",
        json!({"pattern": {"text": "done"}, "timeout_ms": 2000}),
    );
    assert_eq!(
        (late.status, &late.json()["answer"]["ended"]),
        (200, &json!("timeout"))
    );
    assert_eq!(text(&late), "begun");
    let over = ask("echo bye; exit 3", json!({"pattern": {"text": "never"}}));
    let answer = over.json()["answer"].clone();
    assert_eq!(
        (&answer["ended"], &answer["status"]["code"]),
        (&json!("exited"), &json!(3))
    );
    assert!(text(&over).contains("bye"), "{over:?}");
}

#[test]
fn a_message_without_a_session_says_that_there_is_none() {
    let place = Place::new();
    let ask = |body: Value| {
        place
            .ask("POST", "/sessions/k/messages", Some(&body))
            .error()
    };
    assert_eq!(ask(json!({"text": "a"})), (404, "not_found".to_owned()));
    let named = json!({"text": "a", "create": {"command": ["cat"], "name": "x"}});
    assert_eq!(ask(named), (400, "bad_request".to_owned()));
    let wait = json!({"text": "a", "wait": {"quiet_ms": 0}});
    assert_eq!(ask(wait), (400, "bad_request".to_owned()));
}

#[test]
fn posts_to_one_key_at_a_time_start_one_session_and_each_gets_its_own_answer() {
    let place = Place::new();
    let said: Vec<String> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..12)
            .map(|number| {
                let place = &place;
                scope.spawn(move || {
                    let body = message(&format!("<{number}>"));
                    let answer = place.ask("POST", "/sessions/k/messages", Some(&body));
                    assert!(
                        text(&answer).ends_with(&format!("you said: <{number}>")),
                        "{answer:?}"
                    );
                    answer.json()["session"]["id"].to_string()
                })
            })
            .collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    assert!(said.iter().all(|id| *id == said[0]), "{said:?}");
    let sessions = place.ask("GET", "/sessions", None).json();
    assert_eq!(
        sessions["sessions"].as_array().unwrap().len(),
        1,
        "{sessions}"
    );
}

#[test]
fn a_text_that_is_larger_than_a_terminal_takes_at_once_arrives_whole() {
    let place = Place::new();
    let script = "stty raw -echo; echo ready; head -c 200000 | tr -d x | wc -c; echo took it; cat";
    let ask = |text: String, until: &str| {
        let body = json!({
            "text": text,
            "enter": false,
            "create": {"command": ["sh", "-c", script]},
            "wait": {"pattern": {"text": until}},
        });
        place.ask("POST", "/sessions/k/messages", Some(&body))
    };
    ask(String::new(), "ready");
    let answer = ask("x".repeat(200_000), "took it");
    let lines = text(&answer);
    assert_eq!(lines.split_whitespace().next(), Some("0"), "{answer:?}");
}

#[test]
fn output_without_end_is_bounded() {
    let place = Place::new();
    let body = json!({
        "text": "",
        "create": {"command": ["sh", "-c", "yes 0123456789"]},
        "wait": {"pattern": {"text": "never"}, "timeout_ms": 1000},
    });
    let answer = place.ask("POST", "/sessions/k/messages", Some(&body));
    assert_eq!(answer.json()["answer"]["ended"], "timeout");
    assert!(
        answer.json()["answer"]["cut_lines"].as_u64().unwrap() > 1000,
        "{}",
        &answer.head
    );
    assert!(answer.body.len() < 256 << 10, "{}", answer.body.len());
}

#[test]
fn a_client_that_vanishes_in_the_middle_of_an_answer_leaves_its_turn_to_the_next() {
    let place = Place::new();
    let endless = json!({
        "text": "",
        "create": {"command": ["sh", "-c", ECHO]},
        "wait": {"pattern": {"text": "never"}, "timeout_ms": 3_600_000},
    });
    let body = endless.to_string();
    let mut gone = place.connect();
    let head = place.head("POST", "/sessions/k/messages");
    gone.say(&format!(
        "{head}Content-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    until("the session", || {
        place.ask("GET", "/sessions/k", None).status == 200
    });
    let clients = || place.ask("GET", "/sessions/k", None).json()["session"]["clients"].clone();
    until("the attachment", || clients() == 1);
    drop(gone);
    until("the end of the attachment", || clients() == 0);
    let next = place.ask("POST", "/sessions/k/messages", Some(&message("next")));
    assert!(text(&next).ends_with("you said: next"), "{next:?}");
}

#[test]
fn every_room_of_an_agent_is_a_session_that_knows_its_room() {
    let script = "stty -echo; while read -r line; do echo \"$SESSIOND_CREATOR in $SESSIOND_ROOM: $line\"; done";
    let agents = format!("bot={script}\nother=cat");
    let place = Place::with(&[
        ("SESSIOND_HTTP", "127.0.0.1:0"),
        ("SESSIOND_HTTP_AGENTS", &agents),
    ]);
    let post = |agent: &str, room: &str, content: &str| {
        let body = json!({
            "creator": "ann",
            "room": room,
            "content": content,
            "server": "chat.example",
            "wait": {"pattern": {"text": format!(": {content}")}},
        });
        place.ask("POST", &format!("/webhook/{agent}"), Some(&body))
    };
    let first = post("bot", "!a:chat", "hello");
    assert_eq!(first.status, 201);
    // Before its program has turned the echo off, the terminal has it.
    assert!(text(&first).ends_with("ann in !a:chat: hello"), "{first:?}");
    let other = post("bot", "!b:chat", "hi");
    let again = post("bot", "!a:chat", "again");
    assert_eq!(
        (again.status, text(&again).as_str()),
        (200, "ann in !a:chat: again")
    );
    assert_eq!(first.json()["session"]["name"], "bot..21a.3achat");
    assert_ne!(first.json()["session"]["id"], other.json()["session"]["id"]);
    assert_eq!(
        post("nobody", "a", "x").error(),
        (404, "not_found".to_owned())
    );
    assert_eq!(
        post("bot", "", "x").error(),
        (400, "bad_request".to_owned())
    );
    assert_eq!(
        post("bot", &"r".repeat(80), "x").error(),
        (400, "bad_request".to_owned())
    );
    let sessions = place.ask("GET", "/sessions", None).json();
    assert_eq!(
        sessions["sessions"].as_array().unwrap().len(),
        2,
        "{sessions}"
    );
}

#[test]
fn a_keyed_session_that_nobody_uses_is_ended() {
    let place = Place::with(&[
        ("SESSIOND_HTTP", "127.0.0.1:0"),
        ("SESSIOND_HTTP_TTL", "1s"),
    ]);
    let answer = place.ask("POST", "/sessions/k/messages", Some(&message("one")));
    let pid = answer.json()["session"]["pid"].as_u64().unwrap();
    crate::daemon::wait_for_end(u32::try_from(pid).unwrap());
    until("the end of the session", || {
        place.ask("GET", "/sessions/k", None).status == 404
    });
    let next = place.ask("POST", "/sessions/k/messages", Some(&message("two")));
    assert_eq!(next.status, 201);
}
