//! What a session's programs get from the daemon, from whoever started it, and from other sessions: nothing.

use std::process::{Command, Stdio};

use assert_cmd::cargo::cargo_bin;
use sessiond_client::Client;

use crate::daemon::{Daemon, block_on, command, shell, wait_for_end};

/// Says what a program of a session was born with: its descriptors, its signals, its variables.
const BORN_WITH: &str =
    "ls /proc/self/fd; grep -E '^Sig(Blk|Ign)' /proc/self/status; env | grep -c SECRET";

#[test]
fn a_program_is_born_with_its_terminal_and_nothing_of_anybody_else() {
    let mut odd = Command::new("sh");
    // Descriptors without close-on-exec, signals ignored and blocked.
    odd.args(["-c", "exec 7</dev/null 8>/dev/null; trap '' USR1 HUP; exec env --block-signal=TERM,CHLD,USR2 \"$0\" \"$@\""]);
    odd.arg(cargo_bin("sessiond"));
    let daemon = Daemon::start_by(odd);
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let mut other = command(&["cat"]);
        other
            .env
            .insert("SECRET".to_owned(), "of another session".to_owned());
        client.create(other).await.unwrap();
        let session = shell(&client, BORN_WITH).await;
        client.wait(session.id, None).await.unwrap();
        let rows = client.screen(session.id, 0).await.unwrap().rows;
        // The fourth descriptor is that of the list itself.
        let expected = [
            "0 1 2 3",
            "SigBlk: 0000000000000000",
            "SigIgn: 0000000000000000",
            "0",
        ];
        let words = |row: &String| Vec::from_iter(row.split_ascii_whitespace()).join(" ");
        let rows: Vec<String> = rows.iter().map(words).collect();
        assert_eq!(rows, expected);
    });
    daemon.signal(rustix::process::Signal::TERM);
    assert!(daemon.finish().0);
}

#[test]
fn a_daemon_started_on_the_side_holds_nothing_of_the_shell_and_goes_on_with_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &str| {
        let script = format!("exec 7<&0; exec \"$0\" --socket \"$1\" {arguments}");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(cargo_bin("sessiond"));
        command.arg(directory.path().join("run/s.sock"));
        command.env("XDG_STATE_HOME", directory.path());
        command.stdin(Stdio::null()).stderr(Stdio::null());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    for _ in 0..2 {
        run("new -d -- cat");
        let listed = run("list --json");
        let first: serde_json::Value = serde_json::from_str(&listed).unwrap();
        let child = first[0]["pid"].as_u64().unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap();
        let daemon = stat
            .rsplit_once(')')
            .unwrap()
            .1
            .split_ascii_whitespace()
            .nth(1)
            .unwrap()
            .to_owned();
        let inherited = std::fs::read_dir(format!("/proc/{daemon}/fd"))
            .unwrap()
            .filter(|entry| {
                let path = entry.as_ref().unwrap().path();
                let number: u32 = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
                number > 2
                    && std::fs::read_link(path)
                        .is_ok_and(|target| target.to_str() == Some("/dev/null"))
            });
        assert_eq!(inherited.count(), 0);
        run("shutdown");
        // Its last line comes after its last connection has gone.
        wait_for_end(daemon.parse().unwrap());
    }
    let state = std::fs::read_dir(directory.path().join("sessiond")).unwrap();
    let logs: Vec<_> = state.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(logs.len(), 1, "{logs:?}");
    let log = std::fs::read_to_string(&logs[0]).unwrap();
    assert_eq!(log.matches("shutdown complete").count(), 2, "{log}");
}
