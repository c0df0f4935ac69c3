//! Transcripts of agents, written into a private directory as agents write them.

mod budget;
mod following;
mod memory;
mod recording;
mod requests;
mod sessions;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use serde_json::{Value, json};

use crate::daemon::Daemon;

/// A line of the generic format.
fn line(kind: &str, text: &str) -> String {
    format!("{}\n", json!({"kind": kind, "text": text}))
}

fn append(path: &Path, text: &str) {
    let mut options = OpenOptions::new();
    let mut file = options.append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// A daemon that is configured to follow what is below `t` in its directory, with these variables in pairs; and that directory.
fn following(options: &[&str]) -> (Daemon, PathBuf) {
    follow_in(tempfile::tempdir().unwrap(), options)
}

/// The same, where another one has been.
fn follow_in(directory: tempfile::TempDir, options: &[&str]) -> (Daemon, PathBuf) {
    let root = directory.path().join("t");
    fs::create_dir_all(&root).unwrap();
    let mut command = Command::new(cargo_bin("sessiond"));
    command.env("SESSIOND_TRANSCRIPTS", &root);
    command.env("XDG_STATE_HOME", directory.path());
    for pair in options.chunks(2) {
        command.env(pair[0], pair[1]);
    }
    (Daemon::start_in(directory, command), root)
}

/// What a command prints as JSON, once everything is read that the files have now.
fn asked(daemon: &Daemon, words: &[&str]) -> Value {
    daemon.stdout(&["transcripts", "sync"]);
    let words = [&["transcripts"], words, &["--json"]].concat();
    serde_json::from_str(&daemon.stdout(&words)).unwrap()
}

fn list(daemon: &Daemon) -> Vec<Value> {
    asked(daemon, &["list"]).as_array().unwrap().clone()
}

fn stats(daemon: &Daemon) -> Value {
    asked(daemon, &["stats"])
}

/// The texts of events that `show` answers with.
fn texts(shown: &Value) -> Vec<String> {
    let events = shown["events"]["events"].as_array().unwrap();
    let text = |event: &Value| event["text"].as_str().unwrap().to_owned();
    events.iter().map(text).collect()
}
