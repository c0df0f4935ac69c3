//! One HTTP/1.1 connection, kept alive from request to request; bodies are streamed in both directions.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::Request;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;

use super::super::driver::StepError;
use super::patience::Patience;
use super::received::{excerpt, find};
use super::stream::Stream;
use crate::causes::with_causes;
use crate::record::event::Load;
use crate::scenario::{HttpRequest, Length, Payload};

/// A body of `x` is sent in pieces of this size, so that it is never held whole.
static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];
/// Kept of a body that is not what was expected.
const KEPT_MAX: usize = 200;

/// A connection that speaks HTTP.
#[derive(Debug)]
pub(super) struct Requests {
    sender: SendRequest<Outgoing>,
    /// The one task that owns the socket; it ends with this.
    connection: JoinSet<Result<(), hyper::Error>>,
}

impl Requests {
    /// Speaks HTTP on a new connection.
    pub(super) async fn new(stream: Stream) -> Result<Self, StepError> {
        let (sender, driving) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| StepError::Target(with_causes(&error)))?;
        let mut connection = JoinSet::new();
        connection.spawn(driving);
        Ok(Self { sender, connection })
    }

    /// Whether the target has closed the connection since.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Makes a request, reads its answer to the end, and compares it with what is expected.
    pub(super) async fn request(
        &mut self,
        wanted: &HttpRequest,
        patience: Patience,
        load: &mut Load,
    ) -> Result<(), StepError> {
        let name = format!("{} {}", wanted.method, wanted.path);
        let request = outgoing(wanted).map_err(|error| {
            StepError::Load(format!("`{name}` cannot be sent: {}", with_causes(&error)))
        })?;
        let sent = request.body().length();
        let failed = |error: hyper::Error| failed(&name, &error);
        let response = patience.wait(async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        });
        let response = response.await?.map_err(failed)?;
        let status = response.status().as_u16();
        let mut answer = ResponseBody::new(wanted.contains.as_deref());
        let read = answer.read_all(response.into_body());
        let read = tokio::time::timeout_at(patience.deadline(), read).await;
        load.output_bytes += answer.bytes;
        match read {
            Ok(read) => read.map_err(failed)?,
            Err(_) => {
                let end = format!("the end of the answer to `{name}`");
                return Err(patience.instead(&end, &format!("{} bytes", answer.bytes)));
            }
        }
        load.sent_bytes += sent;
        answer.check(&name, status, wanted)?;
        load.messages += 1;
        load.faults += u64::from(status >= 400);
        Ok(())
    }

    /// Closes the connection and waits until that has been done.
    pub(super) async fn goodbye(self, patience: Patience) -> Result<(), StepError> {
        let Self {
            sender,
            mut connection,
        } = self;
        drop(sender);
        // How it ended is of no interest any more: every answer has been read.
        let _ = patience.wait(connection.join_next()).await?;
        Ok(())
    }
}

/// What a failed exchange means.
fn failed(name: &str, error: &hyper::Error) -> StepError {
    let why = with_causes(error);
    if error.is_parse() {
        return StepError::Load(format!(
            "the target answered `{name}` with what is not HTTP: {why}"
        ));
    }
    StepError::Closed(format!(
        "the target closed the connection instead of answering `{name}`: {why}"
    ))
}

fn outgoing(wanted: &HttpRequest) -> Result<Request<Outgoing>, hyper::http::Error> {
    let mut request = Request::builder()
        .method(wanted.method.as_str())
        .uri(wanted.path.as_str());
    let named = |name: &str| {
        let mut headers = wanted.headers.iter();
        headers.any(|(header, _)| header.eq_ignore_ascii_case(name))
    };
    if !named("host") {
        request = request.header("host", "localhost");
    }
    for (name, value) in &wanted.headers {
        request = request.header(name, value);
    }
    request.body(Outgoing::new(wanted.body.as_ref(), wanted.length))
}

/// The body of a request.
#[derive(Debug)]
struct Outgoing {
    head: Bytes,
    fill: u64,
    length: Length,
}

impl Outgoing {
    fn new(payload: Option<&Payload>, length: Length) -> Self {
        let (head, fill) = match payload {
            None => (Bytes::new(), 0),
            Some(Payload::Text(text)) => (Bytes::copy_from_slice(text.as_bytes()), 0),
            Some(Payload::Exact(bytes)) => (Bytes::copy_from_slice(bytes), 0),
            Some(Payload::Fill(bytes)) => (Bytes::new(), bytes.0),
        };
        Self { head, fill, length }
    }

    fn length(&self) -> u64 {
        self.head.len() as u64 + self.fill
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.head.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.head)))));
        }
        if self.fill == 0 {
            return Poll::Ready(None);
        }
        let take = usize::try_from(self.fill).map_or(PIECE.len(), |left| left.min(PIECE.len()));
        self.fill -= take as u64;
        let piece = Bytes::from_static(&PIECE).slice(..take);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.length() == 0
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Length::Declared => SizeHint::with_exact(self.length()),
            // Unknown: that is what makes a body chunked.
            Length::Chunked => SizeHint::default(),
        }
    }
}

/// What is kept of an answer's body while it is read: its length, its beginning, and whether it has a text.
struct ResponseBody<'w> {
    bytes: u64,
    beginning: Vec<u8>,
    text: &'w [u8],
    found: bool,
    /// The end of what came before, in which the text may begin.
    overlap: Vec<u8>,
}

impl<'w> ResponseBody<'w> {
    fn new(text: Option<&'w str>) -> Self {
        let text = text.unwrap_or_default().as_bytes();
        Self {
            bytes: 0,
            beginning: Vec::new(),
            text,
            found: text.is_empty(),
            overlap: Vec::new(),
        }
    }

    async fn read_all(&mut self, mut body: Incoming) -> Result<(), hyper::Error> {
        while let Some(frame) =
            std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
        {
            if let Ok(data) = frame?.into_data() {
                self.add(&data);
            }
        }
        Ok(())
    }

    fn add(&mut self, data: &[u8]) {
        self.bytes += data.len() as u64;
        let room = KEPT_MAX - self.beginning.len();
        self.beginning
            .extend_from_slice(&data[..data.len().min(room)]);
        if self.found {
            return;
        }
        self.overlap.extend_from_slice(data);
        self.found = find(&self.overlap, self.text).is_some();
        let keep = self.text.len().saturating_sub(1).min(self.overlap.len());
        self.overlap.drain(..self.overlap.len() - keep);
    }

    fn check(&self, name: &str, status: u16, wanted: &HttpRequest) -> Result<(), StepError> {
        let load = |text: String| Err(StepError::Load(text));
        let body = excerpt(&self.beginning);
        if status != wanted.status {
            let expected = wanted.status;
            return load(format!(
                "`{name}` was answered with status {status}, not with {expected}: {body}"
            ));
        }
        if self.bytes < wanted.at_least.0 {
            let (came, least) = (self.bytes, wanted.at_least.0);
            return load(format!(
                "`{name}` was answered with {came} bytes, not with at least {least}"
            ));
        }
        if !self.found {
            let text = String::from_utf8_lossy(self.text);
            return load(format!(
                "`{text}` is not in the answer to `{name}`, which begins {body}"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_across_the_pieces_of_a_body_and_only_its_beginning_is_kept() {
        let mut body = ResponseBody::new(Some("needle"));
        for piece in [&b"x".repeat(500)[..], b"nee", b"", b"dl", b"e"] {
            assert!(!body.found);
            body.add(piece);
        }
        assert!(body.found);
        assert_eq!((body.bytes, body.beginning.len()), (506, KEPT_MAX));
        assert!(body.overlap.len() < 6);
    }
}
