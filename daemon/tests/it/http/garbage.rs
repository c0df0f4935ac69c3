//! Bytes that are no HTTP, or nearly: no panic, no hang, and nothing that stays.

use std::net::Shutdown;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Pieces of requests, whole and broken, and anything between them.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"GET /sessions HTTP/1.1\r\n".to_vec()),
        Just(b"POST /sessions/k/messages HTTP/1.1\r\n".to_vec()),
        Just(b"DELETE /sessions/1 HTTP/1.0\r\n".to_vec()),
        Just(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        Just(b"Host: localhost\r\n".to_vec()),
        Just(b"Authorization: Bearer x\r\n".to_vec()),
        Just(b"Content-Length: 5\r\n".to_vec()),
        Just(b"Content-Length: 99999999999999999999\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"Expect: 100-continue\r\n".to_vec()),
        Just(b"Upgrade: websocket\r\nConnection: upgrade\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"5\r\nhello\r\n0\r\n\r\n".to_vec()),
        Just(b"ffffffffffffffff\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..64),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

#[test]
fn whatever_is_said_the_connection_ends_and_the_daemon_goes_on() {
    let place = Place::unix();
    let path = place.address.strip_prefix("unix:").unwrap();
    let before = place.daemon.descriptors();
    let mut runner = TestRunner::new(Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&bytes(), |bytes| {
        let mut stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        // It may be closed before all is said.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => prop_assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
        prop_assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."));
        Ok(())
    });
    outcome.unwrap();
    place.descriptors_are_back_to(before);
    assert_eq!(place.ask("GET", "/sessions", None).status, 200);
}
