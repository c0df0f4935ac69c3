//! One connection: requests in, one after the other, answers out.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::HeaderName;
use hyper::http::request::Parts;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use leakgate_probe::BusyGuard;
use sessiond_protocol::{Request as Asked, SessionParams};
use tokio::time::timeout;

use super::events::EventStream;
use super::requests::Doing;
use super::respond::{self, Payload, Refusal};
use super::route::Route;
use super::rules::{self, Deed, Door};
use super::stream::Stream;
use super::token::Token;
use crate::gauges::HTTP_CONNECTIONS;
use crate::server::Daemon;
use crate::tasks::unless_it_panics;

/// How long the head of a request may take, and so how long a connection may idle: a client that has nothing to ask for so long
/// connects anew.
const HEAD_MAX: Duration = Duration::from_secs(10);

/// Headers of one request; browsers send some twenty.
const HEADERS_MAX: usize = 64;

/// Bytes of the head of one request, and of what waits to be written.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// How long the last answer may take to be read when the daemon ends.
const FLUSH_MAX: Duration = Duration::from_secs(1);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Serves one connection from its first byte to its last.
pub(super) async fn run(daemon: Arc<Daemon>, stream: Stream, door: Door, opening: BusyGuard) {
    let _counted = HTTP_CONNECTIONS.hold(1);
    let service = service_fn(|request| {
        let daemon = Arc::clone(&daemon);
        async move { Ok::<_, Infallible>(answer(&daemon, door, request).await) }
    });
    let connection = speech().serve_connection(TokioIo::new(stream), service);
    drop(opening);
    let mut connection = pin!(connection);
    let served = pin!(async {
        tokio::select! {
            biased;
            // How it ended is the client's business: it left, broke off or took too long.
            _ = connection.as_mut() => return,
            () = daemon.stopped() => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = timeout(FLUSH_MAX, connection).await;
    });
    unless_it_panics(served).await;
}

/// How HTTP is spoken.
pub(super) fn speech() -> Builder {
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    builder
}

/// Does what a request asks.
async fn answer(daemon: &Arc<Daemon>, door: Door, request: Request<Incoming>) -> Response<Payload> {
    let answered = match daemon.http().service() {
        Some(service) => take(&Doing { daemon, service }, door, request).await,
        None => Err(super::caller::ending().into()), // there is no connection without it
    };
    answered.unwrap_or_else(|refusal| refusal.response())
}

/// Where a request goes, when whoever asks may go there.
pub(super) fn admit(token: &Token, door: Door, head: &Parts) -> Result<Route, Refusal> {
    rules::check_origin(head)?;
    let route = Route::of(&head.method, head.uri.path(), head.uri.query());
    let deed = match &route {
        Ok(route) => route.deed(),
        Err(_) if head.method == Method::GET => Deed::Look,
        Err(_) => Deed::Change,
    };
    // Who has no token learns nothing about what there is.
    rules::check_token(door, deed, &head.headers, token)?;
    route
}

async fn take(
    doing: &Doing<'_>,
    door: Door,
    request: Request<Incoming>,
) -> Result<Response<Payload>, Refusal> {
    let (head, body) = request.into_parts();
    let route = admit(&doing.service.token, door, &head)?;
    route.count().add(1);
    let body = async { doing.service.bodies.read(pin!(body)).await };
    let answer = match route {
        Route::List => doing.ask(Asked::List).await,
        Route::Create => doing.create(body.await?).await,
        Route::Get(session) => doing.ask(Asked::Get(SessionParams { session })).await,
        Route::Screen {
            session,
            scrollback,
        } => doing.screen(session, scrollback).await,
        Route::Message(key) => doing.message(key, body.await?).await,
        Route::Delete(session) => doing.ask(Asked::Close(SessionParams { session })).await,
        Route::Webhook(agent) => doing.webhook(&agent, body.await?).await,
        Route::Events => {
            let seen = head.headers.get(LAST_EVENT_ID);
            let seen = seen.map(|seen| seen.to_str().unwrap_or_default());
            Ok(respond::events(EventStream::new(doing.daemon, seen)))
        }
    };
    answer.map_err(Refusal::from)
}
