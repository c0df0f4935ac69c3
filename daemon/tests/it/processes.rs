//! What a session starts, and that nothing of it is left.

use sessiond_client::Client;
use sessiond_protocol::ExitStatus;

use crate::daemon::{Daemon, block_on, is_alive, read_until, shell, wait_for_end};

/// The number that a script printed as `name=NUMBER.`
pub(crate) fn number(seen: &str, name: &str) -> u32 {
    let (_, rest) = seen.split_once(&format!("{name}=")).unwrap();
    rest.split_once('.').unwrap().0.parse().unwrap()
}

/// The processes whose parent is `parent`.
pub(crate) fn children_of(parent: u32) -> usize {
    let stats = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let stat = std::fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
        stat.rsplit_once(')')?
            .1
            .split_ascii_whitespace()
            .nth(1)?
            .parse::<u32>()
            .ok()
    });
    stats.filter(|of| *of == parent).count()
}

#[test]
fn closing_a_session_ends_a_grandchild_in_a_session_of_its_own() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let script = "setsid sh -c 'trap \"\" HUP; echo escaped=$$.; exec sleep 1000' & wait";
        let session = shell(&client, script).await;
        let mut attachment = client.attach(session.id, None).await.unwrap();
        let escaped = number(&read_until(&mut attachment, ".").await, "escaped");
        assert!(is_alive(escaped));
        client.close_session(session.id).await.unwrap();
        wait_for_end(escaped);
    });
    assert_eq!(children_of(daemon.pid()), 0);
}

#[test]
fn a_daemonised_grandchild_ends_with_its_session() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        // A double fork: its parent is gone before the session is closed, and no terminal is left to hang up.
        let script = "(setsid sh -c 'echo escaped=$$.; exec sleep 1000 </dev/null >/dev/null 2>&1' &); read line";
        let session = shell(&client, script).await;
        let mut attachment = client.attach(session.id, None).await.unwrap();
        let escaped = number(&read_until(&mut attachment, ".").await, "escaped");
        client.close_session(session.id).await.unwrap();
        wait_for_end(escaped);
    });
    assert_eq!(children_of(daemon.pid()), 0);
}

#[test]
fn a_grandchild_that_holds_the_terminal_does_not_keep_its_session() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, "setsid sleep 1000 & echo gone; exit 3").await;
        let status = client.wait(session.id, None).await.unwrap();
        assert_eq!(status, ExitStatus::Code(3));
        assert_eq!(client.screen(session.id, 0).await.unwrap().rows, ["gone"]);
    });
    assert_eq!(children_of(daemon.pid()), 0);
}

#[test]
fn children_see_their_terminal_and_nothing_of_leakgate() {
    let daemon = Daemon::start_with(&[("LEAKGATE_SEED", "0"), ("KEPT", "yes")]);
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let script = "env | grep -E '^(LEAKGATE|KEPT|TERM|SESSIOND_SESSION)' | sort; pwd; tty | cut -c1-9; stty size";
        let mut params = crate::daemon::command(&["sh", "-c", script]);
        params.cwd = Some("/".to_owned());
        let session = client.create(params).await.unwrap();
        client.wait(session.id, None).await.unwrap();
        let rows = client.screen(session.id, 0).await.unwrap().rows;
        assert_eq!(rows[0], "KEPT=yes");
        assert!(rows[1].starts_with("SESSIOND_SESSION=") && rows[1].ends_with(":1"));
        assert_eq!(
            rows[2..],
            ["TERM=xterm-256color", "/", "/dev/pts/", "24 80"]
        );
    });
}

#[test]
fn a_resize_reaches_the_program() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(
            &client,
            "trap 'stty size; exit 0' WINCH; echo ready; while :; do read line; done",
        )
        .await;
        let mut attachment = client.attach(session.id, None).await.unwrap();
        read_until(&mut attachment, "ready").await;
        client
            .resize(session.id, "50x132".parse().unwrap())
            .await
            .unwrap();
        read_until(&mut attachment, "50 132").await;
        assert_eq!(
            client.wait(session.id, None).await.unwrap(),
            ExitStatus::Code(0)
        );
    });
}

#[test]
fn cycles_of_open_and_exit_leave_no_child_and_no_descriptor() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, "exit 0").await;
        client.wait(session.id, None).await.unwrap();
        let before = daemon.descriptors();
        for cycle in 0..50 {
            let session = shell(&client, "exec cat").await;
            if cycle % 2 == 0 {
                client.write(session.id, b"\x04").await.unwrap();
                client.wait(session.id, None).await.unwrap();
            } else {
                client.close_session(session.id).await.unwrap();
            }
        }
        assert_eq!(daemon.descriptors(), before);
    });
    assert_eq!(children_of(daemon.pid()), 0);
}
