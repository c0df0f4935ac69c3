//! Who may ask: no page of a browser that was lured here, and nobody without the token.
//!
//! A page of the web reaches a loopback port through a name of its own (DNS rebinding: its `Host` is that name) or across origins
//! (its `Origin` is another). Both are refused, whatever they ask.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use sessiond_protocol::{ErrorCode, Failure};

use super::token::Token;

/// Says where a browser's request comes from.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// How a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// A port that every user of this machine can connect to: whoever asks needs the token.
    Tcp,
    /// A socket of this user's, whose peers are this user: who only looks needs no token.
    Unix,
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Look,
    Change,
}

/// Refuses what a browser was lured into.
pub(super) fn check_origin(request: &Parts) -> Result<(), Failure> {
    let host = host(request)?;
    let names_us = host.host().eq_ignore_ascii_case("localhost")
        || host
            .host()
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    if !names_us || host.as_str().contains('@') {
        return Err(forbidden(
            "the host is not this machine: localhost, 127.0.0.1 or [::1]",
        ));
    }
    for origin in request.headers.get_all(ORIGIN) {
        let own = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.strip_prefix("http://"));
        if !own.is_some_and(|own| own.eq_ignore_ascii_case(host.as_str())) {
            return Err(forbidden("a page of another origin asks"));
        }
    }
    for site in request.headers.get_all(FETCH_SITE) {
        if !matches!(site.as_bytes(), b"same-origin" | b"none") {
            return Err(forbidden("a page of another site asks"));
        }
    }
    Ok(())
}

/// Refuses who has to have the token and does not.
pub(super) fn check_token(
    door: Door,
    deed: Deed,
    headers: &HeaderMap,
    token: &Token,
) -> Result<(), Failure> {
    if door == Door::Unix && deed == Deed::Look {
        return Ok(());
    }
    let mut said = headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (said.next(), said.next());
    if second.is_none() && token.is_in(first.map(|value| value.as_bytes())) {
        return Ok(());
    }
    let message =
        "this needs `Authorization: Bearer TOKEN`; `sessiond http` names the token's file";
    Err(Failure::new(ErrorCode::Unauthorized, message))
}

/// The one host that a request names.
fn host(request: &Parts) -> Result<Authority, Failure> {
    let mut hosts = request.headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Failure::new(ErrorCode::BadRequest, "not one `Host`"));
    };
    let host = Authority::try_from(host.as_bytes())
        .map_err(|_| Failure::new(ErrorCode::BadRequest, "a `Host` that is none"))?;
    match request.uri.authority() {
        Some(other) if *other != host => Err(forbidden("the address names another host")),
        _ => Ok(host),
    }
}

fn forbidden(message: &str) -> Failure {
    Failure::new(ErrorCode::Forbidden, message)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn check(uri: &str, headers: &[(&str, &str)]) -> Result<(), ErrorCode> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        check_origin(&parts).map_err(|failure| failure.code)
    }

    #[test]
    fn a_host_that_is_not_this_machine_is_refused() {
        for host in [
            "localhost",
            "LocalHost:80",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:1",
            "[::1]",
        ] {
            assert_eq!(check("/", &[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "localhost@evil.example",
            "evil.example@localhost",
            "192.168.0.1",
            "[::2]",
            "0.0.0.0",
        ] {
            assert_eq!(
                check("/", &[("host", host)]),
                Err(ErrorCode::Forbidden),
                "{host}"
            );
        }
        for headers in [
            &[][..],
            &[("host", "")],
            &[("host", "localhost"), ("host", "localhost")],
        ] {
            assert_eq!(
                check("/", headers),
                Err(ErrorCode::BadRequest),
                "{headers:?}"
            );
        }
        let local = [("host", "localhost")];
        assert_eq!(
            check("http://evil.example/", &local),
            Err(ErrorCode::Forbidden)
        );
        assert_eq!(check("http://localhost/", &local), Ok(()));
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        let from = |name, value| check("/", &[("host", "127.0.0.1:80"), (name, value)]);
        assert_eq!(from("origin", "http://127.0.0.1:80"), Ok(()));
        assert_eq!(from("sec-fetch-site", "none"), Ok(()));
        for (name, value) in [
            ("origin", "http://127.0.0.1:81"),
            ("origin", "https://127.0.0.1:80"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert_eq!(from(name, value), Err(ErrorCode::Forbidden), "{value}");
        }
    }

    #[test]
    fn who_looks_through_the_socket_needs_no_token_and_everybody_else_does() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let token = Token::read_or_make(&path).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let with = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            headers
        };
        let right = format!("Bearer {}", text.trim());
        for (door, deed, is_free) in [
            (Door::Unix, Deed::Look, true),
            (Door::Unix, Deed::Change, false),
            (Door::Tcp, Deed::Look, false),
            (Door::Tcp, Deed::Change, false),
        ] {
            let check = |values: &[&str]| check_token(door, deed, &with(values), &token).is_ok();
            assert_eq!(check(&[]), is_free);
            assert_eq!(check(&["Bearer 0123456789abcdef"]), is_free);
            assert_eq!(check(&[&right, &right]), is_free);
            assert!(check(&[&right]));
        }
    }
}
