//! The socket's own rules: what is broken, too large or too much is answered, and the daemon goes on.

use sessiond_client::{Client, RawConnection};
use sessiond_protocol::{
    ErrorCode, HEADER_BYTES, MAX_FRAME_BYTES, REQUESTS_IN_FLIGHT_MAX, Reply, Request, RequestId,
    SessionId, Success, WaitParams, encode_control, encode_output,
};

use crate::daemon::{Daemon, block_on, connect_raw, reply, shell};

fn header(declared: usize, kind: u8) -> Vec<u8> {
    let mut bytes = u32::try_from(declared).unwrap().to_be_bytes().to_vec();
    bytes.push(kind);
    bytes
}

async fn assert_alive(connection: &mut RawConnection) {
    connection
        .send(&encode_control(&Request::Ping.message(RequestId(9))))
        .await
        .unwrap();
    assert_eq!(
        reply(connection).await,
        Reply {
            id: Some(RequestId(9)),
            result: Ok(Success::Pong {})
        }
    );
}

async fn assert_refused_without_id(connection: &mut RawConnection, code: ErrorCode) {
    let reply = reply(connection).await;
    assert_eq!((reply.id, reply.result.unwrap_err().code), (None, code));
}

#[test]
fn an_oversized_frame_is_answered_and_skipped() {
    let daemon = Daemon::start();
    block_on(async {
        let mut connection = connect_raw(&daemon).await;
        let mut frame = header(MAX_FRAME_BYTES + 1, 1);
        frame.resize(HEADER_BYTES + MAX_FRAME_BYTES + 1, b'x');
        connection.send(&frame).await.unwrap();
        assert_refused_without_id(&mut connection, ErrorCode::TooLarge).await;
        assert_alive(&mut connection).await;
    });
}

#[test]
fn headers_that_declare_16_mib_cost_nothing() {
    let daemon = Daemon::start();
    block_on(async {
        let before = daemon.status_kb("VmHWM");
        let mut connections = Vec::new();
        for _ in 0..50 {
            let mut connection = connect_raw(&daemon).await;
            connection.send(&header(16 << 20, 1)).await.unwrap();
            assert_refused_without_id(&mut connection, ErrorCode::TooLarge).await;
            connections.push(connection);
        }
        assert!(daemon.status_kb("VmHWM") - before < 4096);
    });
}

#[test]
fn a_frame_beyond_sixteen_limits_ends_the_connection() {
    let daemon = Daemon::start();
    block_on(async {
        let mut connection = connect_raw(&daemon).await;
        connection.send(&header((16 << 20) + 1, 1)).await.unwrap();
        assert_refused_without_id(&mut connection, ErrorCode::TooLarge).await;
        assert_eq!(connection.next().await.unwrap(), None);
        Client::connect(&daemon.socket)
            .await
            .unwrap()
            .ping()
            .await
            .unwrap();
    });
}

#[test]
fn what_is_broken_is_answered() {
    let daemon = Daemon::start();
    block_on(async {
        let mut connection = connect_raw(&daemon).await;
        connection
            .send(&encode_control(&"no request"))
            .await
            .unwrap();
        assert_refused_without_id(&mut connection, ErrorCode::BadRequest).await;
        assert_alive(&mut connection).await;
        connection.send(&header(1, 77)).await.unwrap();
        assert_refused_without_id(&mut connection, ErrorCode::BadRequest).await;
        assert_eq!(connection.next().await.unwrap(), None);

        let mut connection = connect_and_send(&daemon, &encode_output(SessionId(1), b"x")).await;
        assert_refused_without_id(&mut connection, ErrorCode::BadRequest).await;
        assert_eq!(connection.next().await.unwrap(), None);
    });
}

async fn connect_and_send(daemon: &Daemon, bytes: &[u8]) -> RawConnection {
    let mut connection = connect_raw(daemon).await;
    connection.send(bytes).await.unwrap();
    connection
}

#[test]
fn another_version_and_another_first_message_are_refused() {
    let daemon = Daemon::start();
    block_on(async {
        let hello = serde_json::json!({"hello": {"protocol": 2, "client": "future"}});
        let mut connection = RawConnection::open(&daemon.socket).await.unwrap();
        connection.send(&encode_control(&hello)).await.unwrap();
        assert_refused_without_id(&mut connection, ErrorCode::VersionMismatch).await;
        assert_eq!(connection.next().await.unwrap(), None);
        let mut connection = RawConnection::open(&daemon.socket).await.unwrap();
        connection
            .send(&encode_control(&Request::Ping.message(RequestId(1))))
            .await
            .unwrap();
        assert_refused_without_id(&mut connection, ErrorCode::BadRequest).await;
        assert_eq!(connection.next().await.unwrap(), None);
    });
}

#[test]
fn requests_beyond_the_limit_are_told_busy_and_the_others_wait() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, "exec cat").await;
        let mut connection = connect_raw(&daemon).await;
        let wait = Request::Wait(WaitParams {
            session: session.id.into(),
            timeout_ms: None,
        });
        for id in 0..=REQUESTS_IN_FLIGHT_MAX as u64 {
            connection
                .send(&encode_control(&wait.message(RequestId(id))))
                .await
                .unwrap();
        }
        let refused = reply(&mut connection).await;
        assert_eq!(refused.id, Some(RequestId(REQUESTS_IN_FLIGHT_MAX as u64)));
        assert_eq!(refused.result.unwrap_err().code, ErrorCode::Busy);
        client.close_session(session.id).await.unwrap();
        for _ in 0..REQUESTS_IN_FLIGHT_MAX {
            assert!(matches!(
                reply(&mut connection).await.result,
                Ok(Success::Exited { .. })
            ));
        }
    });
}

#[test]
fn a_client_that_asks_and_never_reads_does_not_grow_the_daemon() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let mut params = crate::daemon::command(&[
            "sh",
            "-c",
            "yes 0123456789 | head -c 1000000; printf over; read line",
        ]);
        params.size = Some("1000x1000".parse().unwrap());
        let session = client.create(params).await.unwrap();
        let mut attachment = client.attach(session.id, None).await.unwrap();
        crate::daemon::read_until(&mut attachment, "over").await;
        let before = daemon.status_kb("VmHWM");
        let mut connection = connect_raw(&daemon).await;
        let screen = sessiond_protocol::ScreenParams {
            session: session.id.into(),
            scrollback: 100_000,
        };
        let ask = encode_control(&Request::Screen(screen).message(RequestId(1)));
        let flood = async {
            loop {
                connection.send(&ask).await.unwrap();
            }
        };
        // The daemon stops reading, and so this never ends by itself.
        let patience = std::time::Duration::from_millis(500);
        assert!(tokio::time::timeout(patience, flood).await.is_err());
        client.ping().await.unwrap();
        let grown = daemon.status_kb("VmHWM") - before;
        assert!(grown < 16_000, "{grown} kB");
    });
}
