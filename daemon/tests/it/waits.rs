//! Waiting for text and for quiet: found, not found, too late, taken back.

use std::time::Duration;

use sessiond_client::{Client, ClientError};
use sessiond_protocol::{
    CancelParams, ErrorCode, Failure, REQUESTS_IN_FLIGHT_MAX, Reply, Request, RequestId,
    SessionState, Success, TextPattern, WaitParams, WaitTextParams, encode_control,
};

use crate::daemon::{Daemon, block_on, connect_raw, reply, shell};

const SOON: Option<Duration> = Some(Duration::from_millis(50));

fn text(text: &str) -> TextPattern {
    TextPattern::Text(text.to_owned())
}

fn regex(regex: &str) -> TextPattern {
    TextPattern::Regex(regex.to_owned())
}

fn code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Option<ErrorCode> {
    result.unwrap_err().code()
}

#[test]
fn text_is_waited_for_until_it_is_shown_and_found_where_it_is_shown_already() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let script = "echo begin; read l; echo 'took 17 ms  '; read l; echo flash; yes | head -c 100000; read l";
        let session = shell(&client, script).await.id;
        assert_eq!(
            client.wait_text(session, text("egi"), None).await.unwrap(),
            "begin"
        );
        assert_eq!(
            client.wait_text(session, text("egi"), None).await.unwrap(),
            "begin"
        );
        let row = client.wait_text(session, regex("^took [0-9]+ ms$"), None);
        let (row, ()) = tokio::try_join!(row, client.write(session, b"\n")).unwrap();
        assert_eq!(row, "took 17 ms");
        // It has scrolled away before anybody could have looked at the screen as it is.
        let row = client.wait_text(session, regex("^flash$"), None);
        let (row, ()) = tokio::try_join!(row, client.write(session, b"\n")).unwrap();
        assert_eq!(row, "flash");
    });
}

#[test]
fn a_session_that_ends_is_looked_at_to_its_last_byte() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, "read l; printf last").await.id;
        let (last, never) = (text("last"), text("never"));
        let waits = async {
            tokio::join!(
                client.wait_text(session, last, None),
                client.wait_text(session, never, None)
            )
        };
        let ((last, never), written) = tokio::join!(waits, client.write(session, b"\n"));
        written.unwrap();
        assert_eq!(last.unwrap(), "last");
        assert_eq!(code(never), Some(ErrorCode::Exited));
        // The same of what remains of it.
        assert_eq!(
            client.wait_text(session, text("last"), None).await.unwrap(),
            "last"
        );
        assert_eq!(
            code(client.wait_text(session, text("never"), None).await),
            Some(ErrorCode::Exited)
        );
        client
            .wait_idle(session, Duration::from_secs(3600), None)
            .await
            .unwrap();
    });
}

#[test]
fn a_wait_ends_with_its_time_and_what_is_no_pattern_is_refused() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, "while :; do echo tick; sleep 0.01; done")
            .await
            .id;
        let never = client.wait_text(session, text("never"), SOON).await;
        assert_eq!(code(never), Some(ErrorCode::Timeout));
        let never = client
            .wait_idle(session, Duration::from_secs(10), SOON)
            .await;
        assert_eq!(code(never), Some(ErrorCode::Timeout));
        for pattern in [text(""), regex("("), regex("((a{100}){100}){100}")] {
            let refused = client.wait_text(session, pattern, None).await;
            assert_eq!(code(refused), Some(ErrorCode::BadRequest));
        }
    });
}

#[test]
fn quiet_is_waited_for_from_the_last_output_on() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let script = "for i in 1 2 3 4 5; do echo $i; sleep 0.05; done; echo done; read l";
        let session = shell(&client, script).await.id;
        client
            .wait_idle(session, Duration::from_millis(500), None)
            .await
            .unwrap();
        let rows = client.screen(session, 0).await.unwrap().rows;
        assert_eq!(rows[5], "done");
        // It has been quiet already.
        client
            .wait_idle(session, Duration::from_millis(100), None)
            .await
            .unwrap();
    });
}

#[test]
fn a_wait_that_is_cancelled_is_answered_and_the_next_cancel_finds_nothing() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, "exec cat").await.id;
        let mut connection = connect_raw(&daemon).await;
        let wait = Request::WaitText(WaitTextParams {
            session: session.into(),
            pattern: text("never"),
            timeout_ms: None,
        });
        let cancel = Request::Cancel(CancelParams {
            request: RequestId(1),
        });
        for (id, request) in [(1, &wait), (2, &cancel), (3, &cancel)] {
            let message = encode_control(&request.message(RequestId(id)));
            connection.send(&message).await.unwrap();
        }
        let Reply {
            id,
            result: Err(Failure { code, .. }),
        } = reply(&mut connection).await
        else {
            panic!("the wait was not answered")
        };
        assert_eq!((id, code), (Some(RequestId(1)), ErrorCode::Cancelled));
        for waited in [true, false] {
            assert_eq!(
                reply(&mut connection).await.result,
                Ok(Success::Withdrawn { waited })
            );
        }
    });
}

#[test]
fn a_cancel_gets_through_however_many_requests_wait() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, "exec cat").await.id;
        let mut connection = connect_raw(&daemon).await;
        let exit = Request::Wait(WaitParams {
            session: session.into(),
            timeout_ms: None,
        });
        let count = REQUESTS_IN_FLIGHT_MAX as u64;
        for id in 0..count {
            let message = encode_control(&exit.message(RequestId(id)));
            connection.send(&message).await.unwrap();
        }
        for request in 0..count {
            let cancel = Request::Cancel(CancelParams {
                request: RequestId(request),
            });
            let message = encode_control(&cancel.message(RequestId(count)));
            connection.send(&message).await.unwrap();
            let cancelled = reply(&mut connection).await;
            assert_eq!(cancelled.id, Some(RequestId(request)));
            assert_eq!(cancelled.result.unwrap_err().code, ErrorCode::Cancelled);
            let answer = reply(&mut connection).await;
            assert_eq!(answer.result, Ok(Success::Withdrawn { waited: true }));
        }
    });
}

#[test]
fn waits_that_nobody_waits_for_make_room() {
    const WATCHES_MAX: usize = 32;
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, "exec cat").await.id;
        for round in 0..3 {
            let others = Client::connect(&daemon.socket).await.unwrap();
            let mut waits: Vec<_> = (0..WATCHES_MAX)
                .map(|_| Box::pin(others.wait_text(session, text("never"), None)))
                .collect();
            for wait in &mut waits {
                tokio::select! {
                    biased;
                    answer = wait => panic!("{answer:?} in round {round}"),
                    () = tokio::task::yield_now() => {}
                }
            }
            // Sent after them on the same connection, so they are known.
            others.ping().await.unwrap();
            let refused = client.wait_text(session, text("x"), None).await;
            assert_eq!(code(refused), Some(ErrorCode::Limit));
            match round {
                // Dropped calls are taken back, before whatever is asked next.
                0 => {
                    drop(waits);
                    others.ping().await.unwrap();
                }
                // A client that goes away takes its waits along; the daemon sees that in its own time.
                1 => {
                    drop(waits);
                    drop(others);
                }
                _ => {
                    drop(waits);
                    others.close().await;
                }
            }
            let found = async {
                client.write(session, b"x\n").await.unwrap();
                loop {
                    match client.wait_text(session, text("x"), None).await {
                        Ok(row) => return row,
                        Err(error) => assert_eq!(error.code(), Some(ErrorCode::Limit)),
                    }
                }
            };
            assert_eq!(found.await, "x");
        }
    });
}

#[test]
fn the_command_prints_the_row_and_exits_as_documented() {
    let daemon = Daemon::start();
    let script = "echo listening on port 4711; exec cat";
    daemon.stdout(&["new", "-d", "--name", "server", "--", "sh", "-c", script]);
    let wait = |arguments: &[&str]| {
        daemon
            .command(&[&["wait", "server"], arguments].concat())
            .assert()
    };
    wait(&["--text", "listening"])
        .success()
        .stdout("listening on port 4711\n");
    wait(&["--regex", "port [0-9]+$", "--timeout", "30s"]).success();
    wait(&["--idle", "20ms"]).success().stdout("");
    wait(&["--text", "never", "--timeout", "20ms"]).code(5);
    wait(&["--regex", "("]).code(1);
    wait(&["--text", "a", "--idle", "1s"]).code(2);
}

#[test]
fn text_in_a_sessions_last_output_is_told_while_what_it_left_behind_still_ends() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let script = "trap '' HUP; sleep 1000 & read line; echo READY";
        let session = shell(&client, script).await.id;
        let mut shown = std::pin::pin!(client.wait_text(session, text("READY"), None));
        tokio::select! {
            biased;
            shown = &mut shown => panic!("{shown:?}"),
            info = client.get(session) => drop(info.unwrap()),
        }
        client.write(session, b"\n").await.unwrap();
        assert_eq!(shown.await.unwrap(), "READY");
        // The sleep takes a grace of seconds to be killed.
        let state = client.get(session).await.unwrap().state;
        assert_eq!(state, SessionState::Running);
    });
}
