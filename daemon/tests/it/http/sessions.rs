//! Sessions over HTTP: the same that other clients see, with the same errors.

use serde_json::json;

use super::*;

#[test]
fn a_session_is_created_shown_read_and_ended() {
    let place = Place::new();
    let raw = &mut place.connect();
    let list = place.ask_on(raw, "GET", "/sessions", None);
    assert_eq!((list.status, &list.json()["sessions"]), (200, &json!([])));
    let params = json!({"name": "a", "command": ["sh", "-c", "echo over there; cat"]});
    let created = place.ask_on(raw, "POST", "/sessions", Some(&params));
    assert_eq!(
        (created.status, &created.json()["created"]),
        (201, &json!(true))
    );
    let again = place.ask_on(raw, "POST", "/sessions", Some(&params));
    assert_eq!(again.error(), (409, "name_taken".to_owned()));
    place.daemon.stdout(&["wait", "a", "--text", "over there"]);
    let session = place.ask_on(raw, "GET", "/sessions/a", None).json()["session"].clone();
    assert_eq!((&session["id"], &session["name"]), (&json!(1), &json!("a")));
    assert_eq!(place.ask_on(raw, "GET", "/sessions/1", None).status, 200);
    let screen = place.ask_on(raw, "GET", "/sessions/a/screen", None);
    assert!(
        screen.head.contains("content-type: text/plain"),
        "{screen:?}"
    );
    assert!(screen.body.starts_with("over there\n"), "{screen:?}");
    let listed = place.daemon.stdout(&["list", "--json"]);
    assert!(listed.contains(r#""name": "a""#), "{listed}");
    let ended = place.ask_on(raw, "DELETE", "/sessions/a", None);
    assert_eq!(
        (ended.status, &ended.json()["kind"]),
        (200, &json!("closed"))
    );
    let gone = place.ask_on(raw, "GET", "/sessions/a/screen", None);
    assert_eq!(gone.error(), (404, "not_found".to_owned()));
}

#[test]
fn the_history_is_read_above_the_screen() {
    let place = Place::new();
    let script = "seq 100; cat";
    let params = json!({"name": "a", "command": ["sh", "-c", script]});
    place.ask("POST", "/sessions", Some(&params));
    place.daemon.stdout(&["wait", "a", "--text", "100"]);
    let screen = place
        .ask("GET", "/sessions/a/screen?scrollback=10", None)
        .body;
    let lines: Vec<_> = screen.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[10]), (34, "68", "78"));
}

#[test]
fn what_is_wrong_is_said_as_the_protocol_says_it() {
    let place = Place::new();
    let raw = &mut place.connect();
    let error = |raw: &mut Raw, method, path, body: Option<Value>| {
        place.ask_on(raw, method, path, body.as_ref()).error()
    };
    let expect = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(
        error(raw, "GET", "/sessions/no", None),
        expect(404, "not_found")
    );
    assert_eq!(
        error(raw, "DELETE", "/sessions/9", None),
        expect(404, "not_found")
    );
    assert_eq!(
        error(raw, "GET", "/elsewhere", None),
        expect(404, "not_found")
    );
    assert_eq!(
        error(raw, "GET", "/sessions/a%20b", None),
        expect(400, "bad_request")
    );
    assert_eq!(
        error(raw, "POST", "/sessions", None),
        expect(400, "bad_request")
    );
    let empty = json!({"command": []});
    assert_eq!(
        error(raw, "POST", "/sessions", Some(empty)),
        expect(400, "bad_request")
    );
    let unknown = json!({"command": ["cat"], "colour": 1});
    assert_eq!(
        error(raw, "POST", "/sessions", Some(unknown)),
        expect(400, "bad_request")
    );
    let missing = json!({"command": ["/no/such/program"]});
    assert_eq!(
        error(raw, "POST", "/sessions", Some(missing)),
        expect(422, "spawn_failed")
    );
    let put = place.ask_on(raw, "PUT", "/sessions", None);
    assert_eq!(
        (put.status, put.head.contains("allow: get, post")),
        (405, true),
        "{put:?}"
    );
}
