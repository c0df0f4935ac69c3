//! Several clients on one session: whose size it has, who may write, who goes on where, and who is in nobody's way.

use sessiond_client::{Client, ClientError, Event};
use sessiond_protocol::{
    AttachParams, ErrorCode, INPUT_BYTES_MAX, Read, ReadReply, ScreenState, SessionId, SessionRef,
    Size, StyledLine, TextPattern,
};

use crate::daemon::{Daemon, block_on, read_until, shell};

/// A session that prints its size whenever that changes, and `ready` once it can.
const SIZES: &str = "trap 'echo size $(stty size).' WINCH; echo ready; while :; do read line; done";

fn size(rows: u16, columns: u16) -> Size {
    Size::new(rows, columns).unwrap()
}

async fn connect(daemon: &Daemon) -> Client {
    Client::connect(&daemon.socket).await.unwrap()
}

#[test]
fn the_size_is_that_of_the_client_used_last_and_who_leaves_gives_it_back() {
    let daemon = Daemon::start();
    block_on(async {
        let (one, two) = (connect(&daemon).await, connect(&daemon).await);
        let session = shell(&one, SIZES).await.id;
        let mut watcher = one.attach(session, None).await.unwrap();
        read_until(&mut watcher, "ready").await;
        drop(watcher);
        let mut first = one.attach(session, Some(size(30, 100))).await.unwrap();
        read_until(&mut first, "size 30 100.").await;
        let second = two.attach(session, Some(size(20, 60))).await.unwrap();
        assert_eq!(second.session().size, size(20, 60));
        read_until(&mut first, "size 20 60.").await;
        // Typing is use.
        first.write(b"\n").await.unwrap();
        read_until(&mut first, "size 30 100.").await;
        second.resize(size(21, 61)).await.unwrap();
        read_until(&mut first, "size 21 61.").await;
        second.detach().await.unwrap();
        read_until(&mut first, "size 30 100.").await;
        // One that says nothing of its size has no say, and neither has one that only looks.
        let params = AttachParams {
            size: Some(size(9, 9)),
            read_only: true,
            ..AttachParams::new(session)
        };
        let looking = two.attach_with(params).await.unwrap();
        assert_eq!(looking.session().size, size(30, 100));
        assert_eq!(two.get(session).await.unwrap().size, size(30, 100));
    });
}

#[test]
fn who_is_attached_to_read_only_is_refused_by_its_own_error_and_others_are_not() {
    let daemon = Daemon::start();
    block_on(async {
        let (reader, writer) = (connect(&daemon).await, connect(&daemon).await);
        let session = shell(&writer, "echo ready; exec cat").await.id;
        let params = AttachParams {
            read_only: true,
            ..AttachParams::new(session)
        };
        let mut attachment = reader.attach_with(params).await.unwrap();
        read_until(&mut attachment, "ready").await;
        let refused = |result: Result<(), ClientError>| result.unwrap_err().code();
        assert_eq!(
            refused(attachment.write(b"no\n").await),
            Some(ErrorCode::ReadOnly)
        );
        assert_eq!(
            refused(attachment.resize(size(5, 5)).await),
            Some(ErrorCode::ReadOnly)
        );
        writer.write(session, b"yes\n").await.unwrap();
        let seen = read_until(&mut attachment, "yes\r\nyes").await;
        assert!(!seen.contains("no"));
        // Attaching again takes over what is said then.
        let attachment = reader.attach(session, None).await.unwrap();
        attachment.write(b"now\n").await.unwrap();
    });
}

#[test]
fn attaching_twice_is_attaching_once() {
    let daemon = Daemon::start();
    block_on(async {
        let client = connect(&daemon).await;
        let session = shell(&client, "echo ready; exec cat").await.id;
        let mut first = client.attach(session, None).await.unwrap();
        read_until(&mut first, "ready").await;
        let mut second = client.attach(session, None).await.unwrap();
        assert_eq!(first.id(), second.id());
        assert_eq!(client.get(session).await.unwrap().clients, 1);
        assert_eq!(first.next().await, None);
        // Dropping what was replaced does not end what replaced it.
        drop(first);
        client.write(session, b"once\n").await.unwrap();
        read_until(&mut second, "once\r\nonce").await;
        assert_eq!(client.get(session).await.unwrap().clients, 1);
    });
}

#[test]
fn a_dropped_attachment_is_detached() {
    let daemon = Daemon::start();
    block_on(async {
        let client = connect(&daemon).await;
        let session = shell(&client, "exec cat").await.id;
        drop(client.attach(session, None).await.unwrap());
        // The detach went before this request.
        assert_eq!(client.get(session).await.unwrap().clients, 0);
        // So does one of a call that was given up before or after its answer.
        let refused = client.attach(SessionId(99), None).await.unwrap_err();
        assert_eq!(refused.code(), Some(ErrorCode::NotFound));
        for polls in 1..6 {
            let mut attach = Box::pin(client.attach(session, None));
            for _ in 0..polls {
                let once = std::future::poll_fn(|context| {
                    std::task::Poll::Ready(attach.as_mut().poll(context).is_ready())
                });
                if once.await {
                    break; // answered, and given up now
                }
                tokio::task::yield_now().await;
            }
            drop(attach);
            client.ping().await.unwrap();
            assert_eq!(client.get(session).await.unwrap().clients, 0);
        }
    });
}

#[test]
fn a_client_goes_on_where_another_left_and_gets_a_snapshot_where_that_is_too_old() {
    let daemon = Daemon::start();
    block_on(async {
        let client = connect(&daemon).await;
        let script = "stty -echo; printf ready; read l; printf 0123456789; read l; yes | head -c 200000; printf end; read l";
        let session = shell(&client, script).await.id;
        let mut attachment = client.attach(session, None).await.unwrap();
        read_until(&mut attachment, "ready").await;
        let offset = attachment.offset();
        assert_eq!(offset, 5);
        drop(attachment);
        let mut other = client.attach(session, None).await.unwrap();
        other.write(b"\n").await.unwrap();
        read_until(&mut other, "0123456789").await;
        let from = |from| AttachParams {
            from: Some(from),
            ..AttachParams::new(session)
        };
        let mut again = client.attach_with(from(offset + 4)).await.unwrap();
        assert_eq!(again.from(), Some(offset + 4));
        assert_eq!(
            again.next().await,
            Some(Event::Output(b"456789".as_slice().into()))
        );
        assert_eq!(again.offset(), offset + 10);
        again.write(b"\n").await.unwrap();
        read_until(&mut again, "end").await;
        let mut late = client.attach_with(from(offset)).await.unwrap();
        assert_eq!(late.from(), None);
        assert!(matches!(late.next().await, Some(Event::Snapshot(_))));
        assert_eq!(late.offset(), again.offset());
    });
}

#[test]
fn the_client_beyond_the_limit_of_a_session_is_refused() {
    const MAX: usize = 256;
    let daemon = Daemon::start();
    block_on(async {
        let first = connect(&daemon).await;
        let session = shell(&first, "exec cat").await.id;
        let mut clients = Vec::new();
        for _ in 0..MAX {
            let client = connect(&daemon).await;
            let attachment = client.attach(session, None).await.unwrap();
            clients.push((client, attachment));
        }
        let refused = first.attach(session, None).await.unwrap_err();
        assert_eq!(refused.code(), Some(ErrorCode::Limit));
        // Who is attached already may attach again, and who leaves makes room.
        clients[0].0.attach(session, None).await.unwrap();
        let (client, attachment) = clients.pop().unwrap();
        attachment.detach().await.unwrap();
        drop(client);
        first.attach(session, None).await.unwrap();
    });
}

#[test]
fn a_refused_client_is_told_why_before_its_connection_ends() {
    let daemon = Daemon::start_with(&[("SESSIOND_MAX_CLIENTS", "2")]);
    block_on(async {
        let (one, _two) = (connect(&daemon).await, connect(&daemon).await);
        for _ in 0..20 {
            let refused = Client::connect(&daemon.socket).await.unwrap_err();
            assert_eq!(refused.code(), Some(ErrorCode::Limit), "{refused}");
        }
        one.close().await;
        // Its end is seen by the daemon in its own time.
        while Client::connect(&daemon.socket).await.is_err() {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_slow_reader_of_one_attachment_delays_nothing_else_on_the_connection() {
    let daemon = Daemon::start();
    block_on(async {
        let client = connect(&daemon).await;
        let script = "read l; yes | head -c 8000000; echo over; read l";
        let (busy, quiet) = (
            shell(&client, script).await.id,
            shell(&client, "exec cat").await.id,
        );
        let mut unread = client.attach(busy, None).await.unwrap();
        let mut read = client.attach(quiet, None).await.unwrap();
        client.write(busy, b"\n").await.unwrap();
        client
            .wait_text(busy, TextPattern::Text("over".into()), None)
            .await
            .unwrap();
        client.ping().await.unwrap();
        client.write(quiet, b"here\n").await.unwrap();
        read_until(&mut read, "here\r\nhere").await;
        // Whoever comes back to it finds what was dropped accounted for, and the screen.
        let (mut shown, mut dropped) = (0, 0);
        loop {
            match unread.next().await.unwrap() {
                Event::Output(bytes) => shown += bytes.len() as u64,
                Event::Resynced { dropped_bytes } => dropped += dropped_bytes,
                Event::Snapshot(screen) if String::from_utf8_lossy(&screen).contains("over") => {
                    break;
                }
                Event::Snapshot(_) => {}
                Event::Respawning(status, _) | Event::Exited(status, _) => panic!("{status}"),
            }
        }
        assert_eq!(
            shown + dropped,
            client.get(busy).await.unwrap().output_bytes
        );
        assert_eq!(unread.offset(), shown + dropped);
    });
}

#[test]
fn input_to_a_program_that_does_not_read_holds_up_its_writer_there_and_nobody_elsewhere() {
    let daemon = Daemon::start();
    block_on(async {
        let (client, other) = (connect(&daemon).await, connect(&daemon).await);
        let deaf = shell(&client, "stty raw -echo; echo ready; exec sleep 1000")
            .await
            .id;
        let mut attachment = client.attach(deaf, None).await.unwrap();
        read_until(&mut attachment, "ready").await;
        let paste = vec![b'x'; INPUT_BYTES_MAX];
        let mut pasting = Box::pin(client.write(deaf, &paste));
        let hearing = shell(&client, "exec cat").await.id;
        let goes_on = async {
            for writer in [&client, &other] {
                let mut shown = writer.attach(hearing, None).await.unwrap();
                shown.write(b"heard\n").await.unwrap();
                read_until(&mut shown, "heard\r\nheard").await;
                // There is room for a keystroke of somebody else, too; nobody takes it, so it waits.
                writer.get(deaf).await.unwrap();
            }
            let mut key = Box::pin(other.write(deaf, b"k"));
            tokio::select! {
                refused = &mut key => panic!("{refused:?}"),
                pong = other.ping() => pong.unwrap(),
            }
        };
        tokio::select! {
            () = goes_on => {}
            taken = &mut pasting => panic!("{taken:?}"),
        }
        client.close_session(deaf).await.unwrap();
        assert_eq!(pasting.await.unwrap_err().code(), Some(ErrorCode::Exited));
    });
}

#[test]
fn one_client_fills_no_more_than_its_share_of_the_input_that_may_wait() {
    let daemon = Daemon::start();
    block_on(async {
        let (greedy, other) = (connect(&daemon).await, connect(&daemon).await);
        let deaf = shell(&other, "stty raw -echo; echo ready; exec sleep 1000")
            .await
            .id;
        let mut attachment = other.attach(deaf, None).await.unwrap();
        read_until(&mut attachment, "ready").await;
        let piece = vec![b'x'; INPUT_BYTES_MAX / 4];
        let flood = (0..8).map(|_| greedy.write(deaf, &piece));
        let mut flood: Vec<_> = flood.map(Box::pin).collect();
        let mut busy = 0;
        for write in &mut flood {
            tokio::select! {
                biased;
                result = write => {
                    assert_eq!(result.unwrap_err().code(), Some(ErrorCode::Busy));
                    busy += 1;
                }
                // Answered after the daemon has seen the write.
                pong = greedy.ping() => pong.unwrap(),
            }
        }
        assert!(busy >= 5, "{busy}");
        let mut key = Box::pin(other.write(deaf, b"k"));
        tokio::select! {
            refused = &mut key => panic!("{refused:?}"),
            pong = other.ping() => pong.unwrap(),
        }
    });
}

#[test]
fn a_name_is_as_good_as_a_number() {
    let daemon = Daemon::start();
    daemon.stdout(&["new", "-d", "--name", "work", "--", "cat"]);
    block_on(async {
        let client = connect(&daemon).await;
        let name = || "work".parse::<SessionRef>().unwrap();
        let attachment = client.attach(name(), None).await.unwrap();
        client.pause(name()).await.unwrap();
        client.resume(name()).await.unwrap();
        attachment.detach().await.unwrap();
        assert_eq!(client.get(name()).await.unwrap().clients, 0);
    });
}

#[test]
fn whose_size_a_session_has_is_not_forgotten_when_it_is_restarted() {
    let daemon = Daemon::start();
    block_on(async {
        let (one, two) = (connect(&daemon).await, connect(&daemon).await);
        let session = shell(&one, SIZES).await.id;
        let mut first = one.attach(session, Some(size(30, 100))).await.unwrap();
        let mut second = two.attach(session, Some(size(20, 60))).await.unwrap();
        read_until(&mut first, "ready").await;
        two.restart(session).await.unwrap();
        while !matches!(second.next().await, Some(Event::Respawning(..))) {}
        read_until(&mut second, "ready").await;
        assert_eq!(two.get(session).await.unwrap().size, size(20, 60));
        first.write(b"\n").await.unwrap();
        read_until(&mut second, "size 30 100.").await;
        second.resize(size(21, 61)).await.unwrap();
        read_until(&mut second, "size 21 61.").await;
        second.detach().await.unwrap();
        assert_eq!(two.get(session).await.unwrap().size, size(30, 100));
    });
}

#[test]
fn a_place_in_one_processs_output_screen_or_lines_is_none_in_the_next_ones() {
    let daemon = Daemon::start();
    block_on(async {
        let client = connect(&daemon).await;
        let script = "seq 100; echo -n ready; exec cat";
        let session = shell(&client, script).await.id;
        let mut attachment = client.attach(session, None).await.unwrap();
        read_until(&mut attachment, "ready").await;
        let left = attachment.offset();
        attachment.detach().await.unwrap();
        let before = state(&client, session, None).await.0;
        assert_eq!(client.restart(session).await.unwrap().output_bytes, left);
        let text = TextPattern::Text("ready".into());
        client.wait_text(session, text, None).await.unwrap();
        // The new process has put out as much as the old one.
        let params = AttachParams {
            from: Some(left),
            ..AttachParams::new(session)
        };
        let mut attachment = client.attach_with(params).await.unwrap();
        assert_eq!(attachment.from(), None);
        assert!(matches!(attachment.next().await, Some(Event::Snapshot(_))));
        assert_eq!(attachment.offset(), 2 * left);
        let (after, rows) = state(&client, session, Some(before.revision)).await;
        assert!(after.revision > before.revision);
        assert_eq!(after.first_line, before.top_line + 24);
        let lines: Vec<u64> = rows.iter().map(|row| row.line).collect();
        let shown: Vec<u64> = (after.top_line..after.top_line + 24).collect();
        assert_eq!(lines, shown);
    });
}

/// A session's screen: what it is like, and its rows that have changed since a revision.
async fn state(
    client: &Client,
    session: SessionId,
    since: Option<u64>,
) -> (ScreenState, Vec<StyledLine>) {
    match client.read(session, Read::Rows { since }).await.unwrap() {
        ReadReply::Rows { state, rows } => (state, rows),
        other => panic!("{other:?}"),
    }
}
