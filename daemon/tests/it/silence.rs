//! Clients that say nothing: those that answer stay, those that do not are cut off.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sessiond_client::{Client, RawConnection};
use sessiond_protocol::SessionId;

use crate::daemon::{DEADLINE, Daemon, attach_raw, block_on, read_until, shell};

/// Short enough for a test, long enough for a machine that is busy with others: an answer has a third of it.
const TIMEOUT: Duration = Duration::from_millis(1500);

fn impatient() -> Daemon {
    Daemon::start_with(&[("SESSIOND_CLIENT_TIMEOUT", "1500ms")])
}

/// Waits until nobody but `left` clients are attached.
async fn until_attached(client: &Client, session: SessionId, left: usize) {
    let mut round = tokio::time::interval(Duration::from_millis(20));
    while client.get(session).await.unwrap().clients != left {
        round.tick().await;
    }
}

#[test]
fn a_client_that_never_reads_nor_answers_is_cut_off_and_one_that_answers_is_not() {
    let daemon = impatient();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let idle = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(
            &client,
            "echo ready; read l; yes | head -c 3000000; echo over; exec cat",
        )
        .await
        .id;
        let mut attachment = idle.attach(session, None).await.unwrap();
        read_until(&mut attachment, "ready").await;
        // One of them has nothing to read, the other more than there is room for.
        let mut quiet = attach_raw(&daemon, session).await;
        client.write(session, b"\n").await.unwrap();
        read_until(&mut attachment, "over").await;
        let _full = attach_raw(&daemon, session).await;
        let started = tokio::time::Instant::now();
        until_attached(&client, session, 1).await;
        assert!(started.elapsed() < DEADLINE);
        // What was queued for it before can still be read; then its connection has ended.
        while let Ok(Some(_)) = quiet.next().await {}
        // The idle one was asked more than once, by now.
        idle.get(session).await.unwrap();
        attachment.write(b"still here\n").await.unwrap();
        read_until(&mut attachment, "still here").await;
    });
}

#[test]
fn a_stopped_process_is_cut_off_and_finds_that_out_when_it_goes_on() {
    let daemon = impatient();
    let mut waiting = std::process::Command::new(assert_cmd::cargo::cargo_bin("sessiond"));
    waiting.arg("--socket").arg(&daemon.socket);
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, "exec cat").await;
        let mut child = waiting
            .args(["wait", "1", "--text", "never"])
            .spawn()
            .unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        // Longer than the timeout: answering keeps it.
        let patience = tokio::time::timeout(TIMEOUT * 2, client.wait(session.id, None)).await;
        assert!(patience.is_err() && child.try_wait().unwrap().is_none());
        kill_process(pid, Signal::STOP).unwrap();
        // The wait of the one that is cut off is gone with it; the session is as before.
        let patience = tokio::time::timeout(TIMEOUT * 2, client.wait(session.id, None)).await;
        assert!(patience.is_err());
        kill_process(pid, Signal::CONT).unwrap();
        let status = tokio::task::spawn_blocking(move || child.wait().unwrap())
            .await
            .unwrap();
        assert_eq!(status.code(), Some(6));
    });
}

#[test]
fn who_waits_for_its_standard_input_answers_all_the_same() {
    let daemon = impatient();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, "stty -echo; echo ready; exec cat").await.id;
        let mut attachment = client.attach(session, None).await.unwrap();
        read_until(&mut attachment, "ready").await;
        let mut piping = std::process::Command::new(assert_cmd::cargo::cargo_bin("sessiond"));
        piping.arg("--socket").arg(&daemon.socket);
        piping.args(["write", "1", "-"]).stdin(Stdio::piped());
        let mut child = piping.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"one\n").unwrap();
        read_until(&mut attachment, "one").await;
        // Two that came later and say nothing are cut off in this time, one after the other.
        for _ in 0..2 {
            let hello = RawConnection::handshake(&daemon.socket, "silent").await;
            let (mut silent, _) = hello.unwrap();
            while let Ok(Some(_)) = silent.next().await {}
        }
        stdin.write_all(b"two\n").unwrap();
        read_until(&mut attachment, "two").await;
        drop(stdin);
        let status = tokio::task::spawn_blocking(move || child.wait().unwrap())
            .await
            .unwrap();
        assert_eq!(status.code(), Some(0));
    });
}

#[test]
fn the_time_must_be_one_that_clients_can_keep() {
    let daemon = Daemon::start();
    for time in ["0s", "99ms", "2years", "soon"] {
        daemon
            .command(&["serve", "--client-timeout", time])
            .assert()
            .code(2);
    }
    for count in ["0", "1025", "many"] {
        daemon
            .command(&["serve", "--max-clients", count])
            .assert()
            .code(2);
    }
}
