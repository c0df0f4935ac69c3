//! What is asked about transcripts, and what is refused.

use std::fs;

use serde_json::json;

use super::{append, asked, following, line, list, stats, texts};
use crate::daemon::Daemon;

#[test]
fn something_is_watched_and_forgotten_on_request() {
    let daemon = Daemon::start();
    let root = daemon.directory.path().join("agents");
    let watch = daemon.stdout(&["transcripts", "watch", root.to_str().unwrap()]);
    assert_eq!(watch, "1\n");
    assert!(list(&daemon).is_empty(), "it is not there yet");
    fs::create_dir_all(root.join("s/subagents")).unwrap();
    append(&root.join("s.jsonl"), &line("prompt", "of a person"));
    append(
        &root.join("s/subagents/agent-1.jsonl"),
        &line("prompt", "of the agent"),
    );
    let all = list(&daemon);
    assert_eq!((all.len(), &all[1]["parent"]), (2, &all[0]["id"]));
    let watches = asked(&daemon, &["watches"]);
    assert_eq!(
        (
            &watches[0]["transcripts"],
            &watches[0]["directories"],
            &watches[0]["configured"]
        ),
        (&json!(2), &json!(3), &json!(false))
    );
    // The same again is the same.
    assert_eq!(
        daemon.stdout(&["transcripts", "watch", root.to_str().unwrap()]),
        "1\n"
    );
    daemon.stdout(&["transcripts", "unwatch", "1"]);
    assert!(list(&daemon).is_empty());
    let stats = stats(&daemon);
    assert_eq!(
        (
            &stats["held_bytes"],
            &stats["held_events"],
            &stats["evicted"]["unwatched"]
        ),
        (&json!(0), &json!(0), &json!(2))
    );
}

#[test]
fn a_text_is_found_in_all_or_in_one_the_newest_first() {
    let (daemon, root) = following(&[]);
    append(
        &root.join("a.jsonl"),
        &line("prompt", "first\nneedle one\nlast"),
    );
    append(
        &root.join("a.jsonl"),
        &line("reply", "needle two").repeat(3),
    );
    append(&root.join("b.jsonl"), &line("reply", "no such thing"));
    append(&root.join("b.jsonl"), &line("reply", "needle 3"));
    let found = |words: &[&str]| {
        let found = asked(&daemon, &[&["search"], words].concat());
        let matches = found["matches"]["matches"].as_array().unwrap().clone();
        let places = matches
            .iter()
            .map(|found| (found["transcript"].clone(), found["text"].clone()));
        (
            places.collect::<Vec<_>>(),
            found["matches"]["complete"].clone(),
        )
    };
    let (places, complete) = found(&["needle"]);
    assert_eq!(complete, true);
    assert_eq!(places.len(), 5);
    assert_eq!(places[4], (json!(1), json!("needle one")));
    let (places, _) = found(&["needle [0-9]", "--regex"]);
    assert_eq!(places, [(places[0].0.clone(), json!("needle 3"))]);
    assert_eq!(found(&["NEEDLE", "-i"]).0.len(), 5);
    let (places, complete) = found(&["needle", "--of", "1", "--limit", "2"]);
    assert_eq!((places.len(), complete), (2, json!(false)));
    assert!(found(&["nowhere"]).0.is_empty());
}

#[test]
fn a_page_goes_on_where_the_last_one_ended() {
    let (daemon, root) = following(&[]);
    let numbers: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    let text: String = numbers.iter().map(|number| line("note", number)).collect();
    append(&root.join("a.jsonl"), &text);
    let (mut from, mut seen) = (json!(0), Vec::new());
    while !from.is_null() {
        let shown = asked(
            &daemon,
            &["show", "1", "--from", &from.to_string(), "--limit", "7"],
        );
        assert_eq!(shown["events"]["from_disk"], false);
        seen.extend(texts(&shown));
        from = shown["events"]["next"].clone();
    }
    assert_eq!(seen, numbers);
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    let (daemon, root) = following(&["SESSIOND_MAX_TRANSCRIPT_MEMORY", "1048576"]);
    append(
        &root.join("a.jsonl"),
        &line("reply", &"x".repeat(9000)).repeat(300),
    );
    list(&daemon);
    for (words, reason) in [
        (&["show", "7"][..], "not_found: no transcript 7"),
        (&["unwatch", "7"], "not_found: nothing is watched as 7"),
        (&["search", "x", "--of", "7"], "not_found: no transcript 7"),
        (
            &["search", "(", "--regex"],
            "bad_request: no pattern: regex parse error",
        ),
        (
            &["watch", "/"],
            "bad_request: / is not an absolute path below /",
        ),
        (
            &["watch", "/x", "--session", "7"],
            "not_found: no session 7",
        ),
        (&["run", "7"], "not_found: no session 7"),
        (
            &["show", "1", "--from", "3"],
            "cannot be read: no line begins there",
        ),
    ] {
        let refused = daemon
            .command(&[&["transcripts"], words].concat())
            .assert()
            .code(1);
        let said = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
        assert!(said.contains(reason), "{words:?}: {said}");
    }
}
