//! Where HTTP is served, and who may ask.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use rustix::process::Signal;

use super::*;

#[test]
fn without_an_address_there_is_no_http() {
    let daemon = Daemon::start();
    assert_eq!(daemon.stdout(&["http"]), "off\n");
}

#[test]
fn an_address_that_others_could_reach_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (address, why) in [
        ("0.0.0.0:0", "not a loopback address"),
        ("[::]:0", "not a loopback address"),
        ("10.0.0.1:80", "not a loopback address"),
        ("localhost:80", "allowed is 127.0.0.1:PORT"),
    ] {
        let mut command = assert_cmd::Command::new(cargo_bin("sessiond"));
        command.arg("--socket").arg(directory.path().join("s.sock"));
        let refused = command
            .args(["serve", "--http", address])
            .timeout(DEADLINE)
            .assert();
        let output = refused.code(2).get_output().clone();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn a_port_that_is_taken_is_an_error_and_not_a_daemon_without_http() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let mut command = assert_cmd::Command::new(cargo_bin("sessiond"));
    command
        .env("XDG_STATE_HOME", directory.path())
        .arg("--socket");
    command.arg(directory.path().join("s.sock"));
    let refused = command
        .args(["serve", "--http", &address])
        .timeout(DEADLINE)
        .assert();
    let output = refused.code(70).get_output().clone();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains(&format!("cannot listen on {address}")),
        "{told}"
    );
    assert!(!directory.path().join("s.sock").exists());
}

#[test]
fn a_chosen_port_is_told_and_the_token_is_private_and_stays() {
    let place = Place::new();
    assert!(place.address.starts_with("127.0.0.1:") && !place.address.ends_with(":0"));
    assert_eq!(place.ask("GET", "/sessions", None).status, 200);
    let path = fs::read_dir(place.state.path().join("sessiond")).unwrap();
    let path = path
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "http-token")
        })
        .unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let Place {
        daemon,
        state,
        token,
        ..
    } = place;
    let directory = daemon.leave();
    let mut command = Command::new(cargo_bin("sessiond"));
    command.env("XDG_STATE_HOME", state.path());
    command.env("SESSIOND_HTTP", "127.0.0.1:0");
    let again = Daemon::start_in(directory, command);
    assert_eq!(fs::read_to_string(path).unwrap().trim(), token);
    drop(again);
}

#[test]
fn a_token_of_ones_own_is_used_unless_others_can_read_it() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("token");
    fs::write(&file, "a-token-of-my-own\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let path = file.to_str().unwrap();
    let place = Place::with(&[
        ("SESSIOND_HTTP", "[::1]:0"),
        ("SESSIOND_HTTP_TOKEN_FILE", path),
    ]);
    assert_eq!(place.token, "a-token-of-my-own");
    assert_eq!(place.ask("GET", "/sessions", None).status, 200);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let mut command = assert_cmd::Command::new(cargo_bin("sessiond"));
    command.arg("--socket").arg(state.path().join("s.sock"));
    command.args(["serve", "--http", "127.0.0.1:0", "--http-token-file", path]);
    let refused = command.timeout(DEADLINE).assert().code(70);
    let told = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
    assert!(told.contains("can be read by others"), "{told}");
}

/// A request without a token, with these headers.
fn bare(place: &Place, method: &str, path: &str, headers: &str) -> Answer {
    let mut raw = place.connect();
    raw.say(&format!("{method} {path} HTTP/1.1\r\n{headers}\r\n"));
    raw.answer().unwrap()
}

#[test]
fn without_the_token_nothing_changes_and_over_tcp_nothing_is_shown() {
    let (tcp, unix) = (Place::new(), Place::unix());
    let local = "Host: localhost\r\n";
    for (place, method, path, status) in [
        (&tcp, "GET", "/sessions", 401),
        (&tcp, "GET", "/nothing", 401),
        (&tcp, "GET", "/events", 401),
        (&tcp, "POST", "/sessions", 401),
        (&unix, "GET", "/sessions", 200),
        (&unix, "GET", "/nothing", 404),
        (&unix, "POST", "/sessions", 401),
        (&unix, "DELETE", "/sessions/a", 401),
        (&unix, "POST", "/sessions/a/messages", 401),
        (&unix, "POST", "/webhook/a", 401),
    ] {
        let answer = bare(place, method, path, local);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        if status == 401 {
            assert_eq!(answer.error().1, "unauthorized");
            assert!(
                answer.head.contains("www-authenticate: bearer"),
                "{answer:?}"
            );
        }
    }
    let wrong = format!("{local}Authorization: Bearer {}\r\n", "0".repeat(64));
    assert_eq!(bare(&tcp, "GET", "/sessions", &wrong).error().0, 401);
}

#[test]
fn browsers_that_were_lured_here_are_refused_even_with_the_token() {
    let place = Place::new();
    let token = format!("Authorization: Bearer {}\r\n", place.token);
    for headers in [
        "Host: evil.example\r\n",
        "Host: localhost\r\nOrigin: https://evil.example\r\n",
        "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n",
    ] {
        let answer = bare(&place, "GET", "/sessions", &format!("{headers}{token}"));
        assert_eq!(answer.error(), (403, "forbidden".to_owned()), "{headers}");
        assert!(!answer.head.contains("access-control"), "{answer:?}");
    }
    assert_eq!(bare(&place, "GET", "/sessions", &token).error().0, 400);
    let own = format!("Host: {0}\r\nOrigin: http://{0}\r\n{token}", place.address);
    assert_eq!(bare(&place, "GET", "/sessions", &own).status, 200);
}

#[test]
fn a_socket_is_private_and_gone_with_the_daemon_and_not_taken_from_another_one() {
    let place = Place::unix();
    let path = place.address.strip_prefix("unix:").unwrap().to_owned();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let mut command = assert_cmd::Command::new(cargo_bin("sessiond"));
    command
        .env("XDG_STATE_HOME", place.state.path())
        .arg("--socket");
    command.arg(place.state.path().join("other.sock"));
    command.args(["serve", "--http", &place.address]);
    command.timeout(DEADLINE).assert().code(70);
    let mut idle = place.connect();
    place.daemon.signal(Signal::TERM);
    let (success, log) = place.daemon.finish();
    assert!(success, "{log}");
    assert!(idle.is_closed());
    assert!(!std::path::Path::new(&path).exists());
}

#[test]
fn idle_clients_streams_and_waits_do_not_hold_the_daemon_up() {
    let place = Place::new();
    let mut idle = place.connect();
    let mut half = place.connect();
    half.say("GET /sess");
    let mut stream = place.connect();
    stream.say(&format!("{}\r\n", place.head("GET", "/events")));
    stream.answer_head().unwrap();
    let create = serde_json::json!({
        "text": "x",
        "create": {"command": ["cat"]},
        "wait": {"pattern": {"text": "never"}, "timeout_ms": 3_600_000},
    });
    let body = create.to_string();
    let mut waits = place.connect();
    let head = place.head("POST", "/sessions/k/messages");
    waits.say(&format!(
        "{head}Content-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    until("the session", || {
        place.ask("GET", "/sessions/k", None).status == 200
    });
    place.daemon.signal(Signal::TERM);
    let (success, log) = place.daemon.finish();
    assert!(success && log.contains("shutdown complete"), "{log}");
    assert!(idle.is_closed() && half.line().is_none_or(|line| line.contains("400")));
}
