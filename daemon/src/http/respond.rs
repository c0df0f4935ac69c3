//! Answers: statuses, headers, and bodies that are either whole or a stream of events.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};
use serde::Serialize;
use sessiond_protocol::{ErrorCode, Failure, ScreenText};

use super::events::EventStream;

/// Whether more requests may follow on the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Request,
    /// What is still to come of this request's body is not read.
    Close,
}

/// A request that is not done.
#[derive(Debug)]
pub(super) struct Refusal {
    failure: Failure,
    /// The methods that there are, where another was asked for.
    allow: Option<&'static str>,
    pub(super) next: Next,
}

/// An answer's body.
#[derive(Debug)]
pub(super) enum Payload {
    Whole(Bytes),
    Events(EventStream),
}

impl Refusal {
    /// There is something at that path, but not for that method.
    pub(super) fn method(allow: &'static str) -> Self {
        let failure = Failure::new(ErrorCode::BadRequest, format!("allowed here is {allow}"));
        Self {
            allow: Some(allow),
            ..Self::from(failure)
        }
    }

    /// The same, after which the connection ends.
    pub(super) fn last(self) -> Self {
        Self {
            next: Next::Close,
            ..self
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self.allow {
            Some(_) => StatusCode::METHOD_NOT_ALLOWED,
            None => status_of(self.failure.code),
        }
    }

    pub(super) fn response(&self) -> Response<Payload> {
        #[derive(Serialize)]
        struct Told<'a> {
            error: &'a Failure,
        }
        let status = self.status();
        let mut response = json(
            status,
            &Told {
                error: &self.failure,
            },
        );
        let headers = response.headers_mut();
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.next == Next::Close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            allow: None,
            next: Next::Request,
        }
    }
}

/// The status that says the same as a code.
const fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadRequest | ErrorCode::VersionMismatch => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden | ErrorCode::ReadOnly => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::NameTaken
        | ErrorCode::Exited
        | ErrorCode::NotAttached
        | ErrorCode::Cancelled => StatusCode::CONFLICT,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::SpawnFailed => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::Busy => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorCode::Storage => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::Limit | ErrorCode::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// An answer in JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<Payload> {
    let mut text = serde_json::to_vec(value).expect("what is answered has string keys only");
    text.push(b'\n');
    with(status, "application/json", Payload::Whole(text.into()))
}

/// A screen as it is read: a row in a line.
pub(super) fn screen(screen: &ScreenText) -> Response<Payload> {
    let mut text = String::new();
    for row in screen.scrollback.iter().chain(&screen.rows) {
        text += row;
        text.push('\n');
    }
    let payload = Payload::Whole(text.into());
    with(StatusCode::OK, "text/plain; charset=utf-8", payload)
}

/// Events as they come.
pub(super) fn events(stream: EventStream) -> Response<Payload> {
    with(StatusCode::OK, "text/event-stream", Payload::Events(stream))
}

fn with(status: StatusCode, content_type: &'static str, payload: Payload) -> Response<Payload> {
    let mut response = Response::new(payload);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    response
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Events(stream) => stream
                .poll_next(context)
                .map(|next| next.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Events(_) => SizeHint::default(),
        }
    }
}
