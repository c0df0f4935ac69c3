//! Statuses of agents: real files in real directories, and hooks that are real processes.

mod files;
mod notifications;
mod profiles;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use sessiond_client::{Client, StatusEvent, StatusWatch};
use sessiond_protocol::{
    AgentState, ProfileInfo, ProfileParams, SessionId, SessionName, StatusChange,
};
use tempfile::TempDir;

use crate::daemon::{DEADLINE, Daemon};

/// A daemon whose state is its own, and a directory for status files.
struct Place {
    daemon: Daemon,
    state: TempDir,
}

impl Place {
    fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut command = Command::new(cargo_bin("sessiond"));
        command.env("XDG_STATE_HOME", state.path());
        let daemon = Daemon::start_by(command);
        Self { daemon, state }
    }

    async fn client(&self) -> Client {
        Client::connect(&self.daemon.socket).await.unwrap()
    }

    fn directory(&self) -> PathBuf {
        self.daemon.directory.path().join("status")
    }

    /// A profile of that directory.
    fn params(&self, hook: &[&str]) -> ProfileParams {
        ProfileParams {
            hook: hook.iter().map(|&word| word.to_owned()).collect(),
            ..ProfileParams::new(agents(), self.directory().to_str().unwrap().to_owned())
        }
    }

    /// Writes a status file as hooks do that know what they do.
    fn write(&self, file: &str, session: SessionId, state: &str, text: &str) {
        let json = format!(r#"{{"session":{session},"state":"{state}","text":"{text}"}}"#);
        let unfinished = self.directory().join("unfinished");
        fs::write(&unfinished, json).unwrap();
        fs::rename(unfinished, self.directory().join(file)).unwrap();
    }
}

fn agents() -> SessionName {
    "agents".parse().unwrap()
}

/// What the daemon tells about its only profile.
async fn info(client: &Client) -> ProfileInfo {
    client.profiles().await.unwrap().remove(0)
}

/// Asks again and again until something is so of the only profile.
async fn until(client: &Client, what: &str, is_so: impl Fn(&ProfileInfo) -> bool) -> ProfileInfo {
    let begun = Instant::now();
    let mut round = tokio::time::interval(Duration::from_millis(20));
    loop {
        let info = info(client).await;
        if is_so(&info) {
            return info;
        }
        assert!(begun.elapsed() < DEADLINE, "{what} never came: {info:?}");
        round.tick().await;
    }
}

async fn next(watch: &mut StatusWatch) -> StatusChange {
    match watch.next().await {
        Some(StatusEvent::Changed(change)) => change,
        other => panic!("{other:?}"),
    }
}

/// From what to what.
fn states(change: &StatusChange) -> (Option<AgentState>, Option<AgentState>) {
    (change.from, change.to)
}
