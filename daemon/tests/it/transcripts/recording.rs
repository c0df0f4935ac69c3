use std::time::{SystemTime, UNIX_EPOCH};

use super::*;

fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// A line of the generic format that tells its time: so many seconds from now.
fn timed(kind: &str, text: &str, seconds: i64) -> String {
    let ms = now_unix_ms().saturating_add_signed(seconds * 1000);
    let time = UNIX_EPOCH + std::time::Duration::from_millis(ms);
    let time = humantime::format_rfc3339_millis(time).to_string();
    format!("{}\n", json!({"time": time, "kind": kind, "text": text}))
}

fn recordings(daemon: &Daemon) -> Vec<Value> {
    asked(daemon, &["recordings"]).as_array().unwrap().clone()
}

fn recorded_in(root: &Path) -> PathBuf {
    root.parent().unwrap().join("recordings")
}

fn start() -> (Daemon, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let recordings = directory.path().join("recordings");
    follow_in(
        directory,
        &["SESSIOND_RECORDINGS", recordings.to_str().unwrap()],
    )
}

#[test]
fn what_is_said_to_the_agent_starts_and_stops_a_recording() {
    let (daemon, root) = start();
    let file = root.join("a.jsonl");
    append(&file, &line("prompt", "before"));
    assert_eq!(recordings(&daemon), [0; 0]);
    append(&file, &timed("prompt", "/record start notes", 0));
    append(&file, &timed("prompt", "why is it *red*?", 0));
    append(&file, &timed("tool_call", "make ```test```", 0));
    let running = recordings(&daemon);
    assert_eq!((running.len(), &running[0]["events"]), (1, &json!(2)));
    append(&file, &timed("reply", "a typo", 0));
    append(&file, &timed("prompt", "/record stop", 0));
    append(&file, &timed("prompt", "after", 0));
    assert_eq!(recordings(&daemon), [0; 0]);
    let text = fs::read_to_string(recorded_in(&root).join("notes.md")).unwrap();
    assert!(text.starts_with("# notes\n\nRecorded from `"), "{text}");
    for part in [
        "## Prompt, 2",
        "why is it *red*?",
        "````\nmake ```test```\n````",
        "## Reply",
        "a typo",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.ends_with(": somebody has ended it.\n"), "{text}");
    for part in ["before", "after", "/record"] {
        assert!(!text.contains(part), "{part} in {text}");
    }
}

#[test]
fn what_was_said_before_is_history_and_a_sub_agent_is_nobody_to_command() {
    let (daemon, root) = start();
    // There all at once: what comes to a file that is followed already is no history, whenever it was said.
    let said = timed("prompt", "/record start old", -60) + &line("prompt", "/record start untimed");
    fs::write(root.join("new"), said).unwrap();
    fs::rename(root.join("new"), root.join("a.jsonl")).unwrap();
    fs::create_dir(root.join("a")).unwrap();
    daemon.stdout(&["transcripts", "sync"]);
    append(
        &root.join("a/agent-1.jsonl"),
        &timed("prompt", "/record start sub", 1),
    );
    append(
        &root.join("a.jsonl"),
        &timed("prompt", "/record start ../out", 1),
    );
    assert_eq!(recordings(&daemon), [0; 0]);
    assert!(!recorded_in(&root).exists());
    append(
        &root.join("a.jsonl"),
        &timed("prompt", "/record start new", 1),
    );
    assert_eq!(recordings(&daemon).len(), 1);
    // The file is replaced by one that says the same again: the recording ends, and what is old is old.
    let text = fs::read_to_string(root.join("a.jsonl")).unwrap();
    fs::write(root.join("new"), text + &timed("prompt", "/record stop", 2)).unwrap();
    fs::rename(root.join("new"), root.join("a.jsonl")).unwrap();
    assert_eq!(recordings(&daemon), [0; 0]);
}

#[test]
fn by_command_line_one_is_begun_listed_refused_and_ended() {
    let (daemon, root) = start();
    append(&root.join("a.jsonl"), &line("reply", "one"));
    append(&root.join("b.jsonl"), &line("reply", "two"));
    let ids: Vec<_> = list(&daemon)
        .iter()
        .map(|info| info["id"].to_string())
        .collect();
    let record = |words: &[&str]| daemon.stdout(&[&["transcripts", "record"][..], words].concat());
    let path = record(&[&ids[0]]);
    assert!(
        path.trim_end().ends_with("/recordings/recording-a.md"),
        "{path}"
    );
    record(&[&ids[1], "--name", "b"]);
    assert_eq!(recordings(&daemon).len(), 2);
    let refused = |words: &[&str]| {
        let words = [&["transcripts", "record"][..], words].concat();
        let output = daemon.command(&words).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(&[&ids[0], "--name", "b"]).contains("is recorded as b already"));
    assert!(refused(&["99"]).contains("no transcript 99"));
    record(&[&ids[1], "--stop"]);
    assert!(refused(&[&ids[1], "--stop"]).contains("is not recorded"));
    let table = daemon.stdout(&["transcripts", "recordings"]);
    assert!(
        table.contains("recording-a.md") && !table.contains("/b.md"),
        "{table}"
    );
}

#[test]
fn a_recording_ends_with_its_session_and_with_the_daemon() {
    let (daemon, root) = start();
    append(&root.join("a.jsonl"), &line("reply", "one"));
    daemon.stdout(&["new", "--detach", "--name", "s", "--", "cat"]);
    let own = root.parent().unwrap().join("own.jsonl");
    append(&own, &line("reply", "two"));
    let own = own.to_str().unwrap();
    daemon.stdout(&["transcripts", "watch", "--session", "s", own]);
    let all = list(&daemon);
    let configured = all.iter().find(|info| info["session"].is_null()).unwrap();
    daemon.stdout(&["transcripts", "record", "--session", "s", "--name", "s"]);
    daemon.stdout(&[
        "transcripts",
        "record",
        &configured["id"].to_string(),
        "--name",
        "d",
    ]);
    assert_eq!(recordings(&daemon).len(), 2);
    daemon.stdout(&["close", "s"]);
    assert_eq!(recordings(&daemon).len(), 1);
    let read = |name: &str| fs::read_to_string(recorded_in(&root).join(name)).unwrap();
    assert!(
        read("s.md").ends_with("is not followed any more.\n"),
        "{}",
        read("s.md")
    );
    daemon.stdout(&["shutdown"]);
    assert!(
        read("d.md").ends_with(": the daemon ends.\n"),
        "{}",
        read("d.md")
    );
}
