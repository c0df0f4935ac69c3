//! A session that is paused: not read, and otherwise alive.

use sessiond_client::Client;
use sessiond_protocol::SessionState;

use crate::daemon::{Daemon, block_on, is_alive, read_until, shell, wait_for_end};

/// A session that writes without end once it is told to, and what a terminal holds before its writer stops.
const FLOOD: &str = "echo ready; read line; exec yes";
const TERMINAL_BYTES: u64 = 64 << 10;

#[test]
fn a_paused_sessions_programs_stop_when_they_write_and_go_on_when_it_resumes() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, FLOOD).await.id;
        let mut attachment = client.attach(session, None).await.unwrap();
        read_until(&mut attachment, "ready").await;
        client.pause(session).await.unwrap();
        client.pause(session).await.unwrap(); // once more changes nothing
        let paused = client.get(session).await.unwrap();
        assert_eq!(paused.state, SessionState::Paused);
        attachment.write(b"\n").await.unwrap();
        // It does not run away: whatever it writes stays in the terminal, and nothing of it is counted.
        client
            .wait_idle(session, std::time::Duration::from_millis(50), None)
            .await
            .unwrap();
        let after = client.get(session).await.unwrap();
        assert_eq!(after.output_bytes, paused.output_bytes);
        client.resume(session).await.unwrap();
        while attachment.offset() < paused.output_bytes + 2 * TERMINAL_BYTES {
            attachment.next().await.unwrap();
        }
        let resumed = client.get(session).await.unwrap();
        assert_eq!(resumed.state, SessionState::Running);
    });
}

#[test]
fn a_paused_session_is_closed_and_its_writer_ended() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, FLOOD).await;
        client.pause(session.id).await.unwrap();
        client.write(session.id, b"\n").await.unwrap();
        client.close_session(session.id).await.unwrap();
        assert!(!is_alive(session.pid.unwrap()));
        // And with the daemon, which does not wait for anybody to resume it.
        let session = shell(&client, FLOOD).await;
        client.pause(session.id).await.unwrap();
        client.write(session.id, b"\n").await.unwrap();
        client.shutdown().await.unwrap();
        client.closed().await;
        wait_for_end(session.pid.unwrap());
    });
    let (success, log) = daemon.finish();
    assert!(success, "{log}");
}

#[test]
fn what_a_paused_session_wrote_before_its_exit_is_on_its_last_screen() {
    let daemon = Daemon::start();
    let paused = |arguments: &[&str]| daemon.command(arguments).assert().success();
    daemon.stdout(&[
        "new",
        "-d",
        "--name",
        "work",
        "--",
        "sh",
        "-c",
        "read l; echo last words; exit 3",
    ]);
    paused(&["pause", "work"]);
    assert!(daemon.stdout(&["list"]).contains("paused"));
    paused(&["write", "work", "\n"]);
    daemon.command(&["wait", "work"]).assert().code(3);
    assert!(daemon.stdout(&["screen", "work"]).contains("last words"));
    daemon.command(&["pause", "work"]).assert().code(1);
}
