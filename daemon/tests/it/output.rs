//! What a session puts out arrives: on the screen, at clients that read, and at clients that do not.

use std::io::Write;

use sessiond_client::{Client, Event};
use sessiond_protocol::{
    Decoded, Frame, Notice, Request, RequestId, ServerMessage, encode_control,
};

use crate::daemon::{Daemon, attach_raw, block_on, command, read_until, shell};

/// Sessions at a time in the test of the last bytes: enough to have starts, ends and reads of several interleave.
const AT_A_TIME: usize = 8;

#[test]
fn the_last_bytes_of_a_child_that_writes_and_exits_are_on_the_screen_in_1000_of_1000() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        for first in (0..1000).step_by(AT_A_TIME) {
            let mut sessions = Vec::new();
            for number in first..(first + AT_A_TIME).min(1000) {
                let text = format!("first {number}\\nlast {number}");
                sessions.push((
                    number,
                    client.create(command(&["printf", &text])).await.unwrap(),
                ));
            }
            for (number, session) in sessions {
                client.wait(session.id, None).await.unwrap();
                let rows = client.screen(session.id, 0).await.unwrap().rows;
                assert_eq!(rows, [format!("first {number}"), format!("last {number}")]);
                client.close_session(session.id).await.unwrap();
            }
        }
    });
}

#[test]
fn an_attached_client_gets_a_snapshot_then_the_output_then_the_end() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, "printf early; read line; printf late").await;
        let mut first = client.attach(session.id, None).await.unwrap();
        read_until(&mut first, "early").await;
        let mut second = client.attach(session.id, None).await.unwrap();
        let Some(Event::Snapshot(screen)) = second.next().await else {
            panic!("no snapshot first")
        };
        assert!(String::from_utf8_lossy(&screen).contains("early"));
        client.write(session.id, b"\n").await.unwrap();
        read_until(&mut second, "late").await;
        assert!(matches!(second.next().await, Some(Event::Exited(..))));
        assert_eq!(second.next().await, None);
    });
}

/// A file of numbered 80-column lines.
fn lines(daemon: &Daemon, count: usize) -> String {
    let path = daemon.directory.path().join("lines");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    for number in 0..count {
        writeln!(file, "{number:0>79}").unwrap();
    }
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_client_that_does_not_read_costs_little_and_gets_the_screen_when_it_reads_again() {
    const LINES: usize = 250_000; // 20 MB
    let daemon = Daemon::start();
    let path = lines(&daemon, LINES);
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(
            &client,
            &format!("read line; cat {path}; printf over; read line"),
        )
        .await;
        let mut slow = attach_raw(&daemon, session.id).await;
        let mut quick = client.attach(session.id, None).await.unwrap();
        client.write(session.id, b"\n").await.unwrap();
        read_until(&mut quick, "over").await;
        assert!(
            daemon.status_kb("VmHWM") < 30_000,
            "{} kB",
            daemon.status_kb("VmHWM")
        );

        // All output has stopped. What comes now is what was queued, and one screen.
        let (mut outputs, mut dropped, mut snapshots) = (0, 0, Vec::new());
        while !snapshots
            .last()
            .is_some_and(|screen: &String| screen.contains("over"))
        {
            match slow.next().await.unwrap().unwrap() {
                Decoded::Frame(Frame::Output { bytes, .. }) => outputs += bytes.len(),
                Decoded::Frame(Frame::Snapshot { bytes, .. }) => {
                    snapshots.push(String::from_utf8_lossy(&bytes).into_owned());
                }
                Decoded::Frame(Frame::Control(json)) => {
                    match ServerMessage::parse(&json).unwrap() {
                        ServerMessage::Notice(Notice::Resynced { dropped_bytes, .. }) => {
                            dropped += dropped_bytes;
                        }
                        other => panic!("{other:?}"),
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        // Every byte was sent or is accounted for: 79 digits, and a line feed that the terminal makes two bytes.
        assert_eq!(
            outputs as u64 + dropped,
            (LINES * 81 + "\r\nover".len()) as u64
        );
        assert!(outputs < 2 << 20, "{outputs} bytes");
        assert!(
            snapshots
                .last()
                .unwrap()
                .contains(&format!("{:0>79}", LINES - 1))
        );
    });
}

#[test]
fn scrollback_is_kept_within_its_limit_and_read_from_its_end() {
    let daemon = Daemon::start();
    let path = lines(&daemon, 2000);
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let mut params = command(&["sh", "-c", &format!("cat {path}; printf end; read line")]);
        params.scrollback_lines = Some(100);
        let session = client.create(params).await.unwrap();
        let mut attachment = client.attach(session.id, None).await.unwrap();
        read_until(&mut attachment, "end").await;
        let screen = client.screen(session.id, 5).await.unwrap();
        assert!(screen.scrollback_lines <= 100);
        assert_eq!(screen.scrollback.len(), 5);
        assert_eq!(screen.scrollback[4], format!("{:0>79}", 2000 - 24));
    });
}

#[test]
fn input_that_nobody_reads_is_bounded_and_others_are_told() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, "stty raw -echo; echo ready; exec sleep 1000").await;
        let mut attachment = client.attach(session.id, None).await.unwrap();
        read_until(&mut attachment, "ready").await;
        let flood = vec![b'x'; 16 << 10];
        let writes = async {
            let mut results = Vec::new();
            for _ in 0..16 {
                // A write that waits for the program is given up; its input stays queued.
                let patience = std::time::Duration::from_millis(50);
                results
                    .push(tokio::time::timeout(patience, client.write(session.id, &flood)).await);
            }
            results
        };
        let results = writes.await;
        let refused = results.iter().filter(|result| {
            let code = result
                .as_ref()
                .ok()
                .and_then(|result| result.as_ref().err()?.code());
            code == Some(sessiond_protocol::ErrorCode::Busy)
        });
        assert!(refused.count() >= 11, "{results:?}");
        client.ping().await.unwrap();
        client.close_session(session.id).await.unwrap();
    });
}

#[test]
fn a_client_that_asks_and_never_reads_does_not_keep_the_daemon_from_ending() {
    let daemon = Daemon::start();
    // Held open and unread until the daemon has ended.
    let _unread = block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(
            &client,
            "read line; yes | head -c 3000000; printf over; read line",
        )
        .await;
        let mut slow = attach_raw(&daemon, session.id).await;
        let mut quick = client.attach(session.id, None).await.unwrap();
        client.write(session.id, b"\n").await.unwrap();
        read_until(&mut quick, "over").await;
        let ping = Request::Ping.message(RequestId(2));
        slow.send(&encode_control(&ping)).await.unwrap();
        // Answered after the other's request was taken, which now waits for room.
        client.ping().await.unwrap();
        client.ping().await.unwrap();
        slow.into_stream().into_std().unwrap()
    });
    daemon.signal(rustix::process::Signal::TERM);
    let (success, log) = daemon.finish();
    assert!(success && log.contains("shutdown complete"), "{log}");
}
