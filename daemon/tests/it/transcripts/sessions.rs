//! What is watched for a session hangs off it.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{append, asked, following, line, list, stats};
use crate::daemon::Daemon;

/// Starts a session whose agent writes a transcript of this name, with a sub-agent's.
fn agent(daemon: &Daemon, name: &str) -> (String, PathBuf) {
    let session = daemon
        .stdout(&["new", "--detach", "--", "cat"])
        .trim_end()
        .to_owned();
    let directory = daemon.directory.path().join("elsewhere");
    let file = directory.join(name).with_extension("jsonl");
    let watched = file.to_str().unwrap();
    daemon.stdout(&["transcripts", "watch", watched, "--session", &session]);
    let of_sub_agent = directory.join(name).join("subagents");
    fs::create_dir_all(&of_sub_agent).unwrap();
    append(&file, &line("prompt", "fix it"));
    append(&file, &line("tool_call", "make"));
    append(
        &of_sub_agent.join("agent-1.jsonl"),
        &line("prompt", "look there"),
    );
    (session, file)
}

fn run(daemon: &Daemon, session: &str) -> Value {
    list(daemon);
    serde_json::from_str(&daemon.stdout(&["transcripts", "run", session])).unwrap()
}

#[test]
fn a_run_knows_prompt_path_size_and_the_last_events_of_agent_and_sub_agents() {
    let (daemon, _) = following(&[]);
    let (session, file) = agent(&daemon, "a");
    let known = run(&daemon, &session);
    assert_eq!(
        (&known["prompt"], &known["events"], &known["tool_calls"]),
        (&json!("fix it"), &json!(3), &json!(1))
    );
    assert_eq!(known["path"], file.to_str().unwrap());
    assert_eq!(known["file_bytes"], fs::metadata(&file).unwrap().len());
    append(&file, &line("note", "x").repeat(1500));
    let known = run(&daemon, &session);
    assert_eq!(known["recent"].as_array().unwrap().len(), 1000);
    let all = list(&daemon);
    assert!(all.iter().all(|info| info["session"] == json!(1)) && all.len() == 2);
    assert_eq!(all[1]["parent"], all[0]["id"]);
}

#[test]
fn nothing_is_kept_when_the_session_exits_is_closed_or_archived_although_its_record_stays() {
    let (daemon, _) = following(&[]);
    let before = stats(&daemon);
    for (number, end) in [
        &["write", "SESSION", "\u{4}"][..],
        &["close", "SESSION"],
        &["archive", "SESSION"],
    ]
    .iter()
    .enumerate()
    {
        let (session, _) = agent(&daemon, &format!("agent{number}"));
        assert_eq!(list(&daemon).len(), 2);
        let of_session = |word: &&'static str| match *word {
            "SESSION" => session.as_str(),
            word => word,
        };
        let end: Vec<&str> = end.iter().map(of_session).collect();
        daemon.stdout(&end);
        if end[0] == "write" {
            daemon.stdout(&["wait", &session]);
            daemon.stdout(&["screen", &session]); // its record stays
        }
        let stats = stats(&daemon);
        assert_eq!(
            (&stats["transcripts"], &stats["held_bytes"]),
            (&json!(0), &before["held_bytes"]),
            "after {}",
            end[0]
        );
        assert_eq!(asked(&daemon, &["watches"]).as_array().unwrap().len(), 1);
    }
}

#[test]
fn what_is_also_configured_is_followed_on_without_what_was_said() {
    let (daemon, root) = following(&[]);
    let file = root.join("a.jsonl");
    append(&file, &line("prompt", "private"));
    assert_eq!(list(&daemon)[0]["session"], Value::Null);
    let session = daemon.stdout(&["new", "--detach", "--", "cat"]);
    let session = session.trim_end();
    daemon.stdout(&[
        "transcripts",
        "watch",
        file.to_str().unwrap(),
        "--session",
        session,
    ]);
    append(&file, &line("reply", "secret"));
    assert_eq!(list(&daemon)[0]["session"], 1);
    assert_eq!(run(&daemon, session)["prompt"], "private");
    daemon.stdout(&["close", session]);
    let info = &list(&daemon)[0];
    assert_eq!(
        (
            &info["prompt"],
            &info["snippet"],
            &info["held_events"],
            &info["events"]
        ),
        (&json!(""), &json!(""), &json!(0), &json!(2))
    );
    append(&file, &line("reply", "goes on"));
    let info = &list(&daemon)[0];
    assert_eq!(
        (&info["held_events"], &info["snippet"]),
        (&json!(1), &json!("goes on"))
    );
}
