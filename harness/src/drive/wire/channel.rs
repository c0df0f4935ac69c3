//! One connection on which bytes and messages go both ways: sending, and reading until what is expected has come.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf};
use tokio::time::{Instant, timeout_at};

use super::super::driver::StepError;
use super::framing::{Message, next_message};
use super::jsonrpc::{self, Incoming};
use super::patience::Patience;
use super::received::{RECEIVED_MAX, Received, excerpt};
use super::stream::Stream;
use crate::config::Framing;
use crate::record::event::Load;
use crate::scenario::{Answer, Expected, Framed, Payload};

/// Long messages are sent in pieces of this size, so that they are never held whole.
static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];
/// A target that answers what it should stay silent on does so at once; nothing within this is silence.
const SILENCE: Duration = Duration::from_millis(20);

/// A connection and what has come on it.
#[derive(Debug)]
pub(super) struct Channel {
    stream: Stream,
    framing: Framing,
    received: Received,
    /// How the target closed the connection in the middle of what was sent: an error unless the scenario expects it.
    cut_off: Option<String>,
    /// The id of the last call.
    last_id: u64,
}

/// What reading brought.
enum More {
    Bytes,
    /// The target has closed the connection.
    End,
    Late,
}

/// What came before that which is waited for.
#[derive(Default)]
struct Skipped {
    bytes: usize,
    last: String,
}

impl Channel {
    pub(super) fn new(stream: Stream, framing: Framing) -> Self {
        Self {
            stream,
            framing,
            received: Received::default(),
            cut_off: None,
            last_id: 0,
        }
    }

    /// The connection itself, on which nothing has been said yet.
    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }

    /// Whether nothing has been sent or received here.
    pub(super) fn is_fresh(&self) -> bool {
        self.received.total() == 0 && self.cut_off.is_none()
    }

    /// Bytes that ever came.
    pub(super) fn received(&self) -> u64 {
        self.received.total()
    }

    /// Sends a message; what the target says meanwhile is read, so that neither waits for the other.
    pub(super) async fn send(
        &mut self,
        payload: &Payload,
        framed: Framed,
        patience: Patience,
        load: &mut Load,
    ) -> Result<(), StepError> {
        let message = Message::new(payload, framed, self.framing);
        self.send_message(&message, patience, load).await
    }

    async fn send_message(
        &mut self,
        message: &Message,
        patience: Patience,
        load: &mut Load,
    ) -> Result<(), StepError> {
        self.not_cut_off()?;
        let mut sent = 0;
        let (mut reader, mut writer) = tokio::io::split(&mut self.stream);
        let write = write(&mut writer, message, &mut sent);
        let read = read_aside(&mut reader, &mut self.received);
        let written = async {
            tokio::select! {
                written = write => written,
                never = read => match never {},
            }
        };
        let written = patience.wait(written).await?;
        load.sent_bytes += sent;
        if let Err(error) = written {
            let all = message.length();
            self.cut_off = Some(format!(
                "the target closed the connection when {sent} of {all} bytes had been sent ({error})"
            ));
        }
        Ok(())
    }

    /// Calls a method and reads until it is answered; what else the target says meanwhile is read away.
    pub(super) async fn call(
        &mut self,
        method: &str,
        params: Option<&Value>,
        answer: &Answer,
        patience: Patience,
        load: &mut Load,
    ) -> Result<(), StepError> {
        self.last_id += 1;
        let id = self.last_id;
        let text = Payload::Text(jsonrpc::request(Some(id), method, params));
        self.send(&text, Framed::Whole, patience, load).await?;
        let wanted = format!("the answer to `{method}`");
        let mut skipped = Skipped::default();
        loop {
            let message = self.message(&wanted, &skipped, patience).await?;
            match jsonrpc::read(&message, id).map_err(StepError::Load)? {
                Incoming::Other => skipped.add(&message),
                Incoming::Answer(came) => {
                    let kind = jsonrpc::check(method, came, answer).map_err(StepError::Load)?;
                    load.faults += u64::from(kind == jsonrpc::Kind::Fault);
                    load.messages += 1;
                    return Ok(());
                }
            }
        }
    }

    /// Sends a notification.
    pub(super) async fn notify(
        &mut self,
        method: &str,
        params: Option<&Value>,
        patience: Patience,
        load: &mut Load,
    ) -> Result<(), StepError> {
        let text = Payload::Text(jsonrpc::request(None, method, params));
        self.send(&text, Framed::Whole, patience, load).await
    }

    /// Reads until the target has done what is expected.
    pub(super) async fn expect(
        &mut self,
        expected: &Expected,
        patience: Patience,
        load: &mut Load,
    ) -> Result<(), StepError> {
        if !matches!(expected, Expected::Closed) {
            self.not_cut_off()?;
        }
        match expected {
            Expected::Contains(text) if self.framing == Framing::Raw => {
                self.expect_text(text, patience).await?;
                load.messages += 1;
            }
            Expected::Contains(text) => {
                self.expect_in_message(text, patience).await?;
                load.messages += 1;
            }
            Expected::Line(line) => {
                let wanted = format!("the line `{line}`");
                let came = self.message(&wanted, &Skipped::default(), patience).await?;
                if came != line.as_bytes() {
                    let came = excerpt(&came);
                    return Err(StepError::Load(format!("expected {wanted}, got {came}")));
                }
                load.messages += 1;
            }
            Expected::AtLeast(bytes) => self.expect_bytes(bytes.0, patience).await?,
            Expected::Silence => self.expect_silence().await?,
            Expected::Closed => self.expect_end(patience).await?,
        }
        Ok(())
    }

    /// Says that nothing more will be sent, and reads until the target has closed the connection.
    pub(super) async fn goodbye(mut self, patience: Patience) -> Result<(), StepError> {
        self.not_cut_off()?;
        // One that the target has closed already cannot be shut down any more.
        let _ = self.stream.shutdown().await;
        self.expect_end(patience).await
    }

    /// An error when the target did not take all of what was sent: the load did not happen.
    pub(super) fn not_cut_off(&self) -> Result<(), StepError> {
        match &self.cut_off {
            Some(how) => Err(StepError::Closed(how.clone())),
            None => Ok(()),
        }
    }

    async fn expect_text(&mut self, text: &str, patience: Patience) -> Result<(), StepError> {
        self.received.search_anew();
        let wanted = format!("`{text}`");
        loop {
            if let Some(at) = self.received.find(text.as_bytes()) {
                self.received.take(at + text.len());
                return Ok(());
            }
            self.more(&wanted, &Skipped::default(), patience).await?;
        }
    }

    async fn expect_in_message(&mut self, text: &str, patience: Patience) -> Result<(), StepError> {
        let wanted = format!("a message with `{text}`");
        let mut skipped = Skipped::default();
        loop {
            let message = self.message(&wanted, &skipped, patience).await?;
            if super::received::find(&message, text.as_bytes()).is_some() {
                return Ok(());
            }
            skipped.add(&message);
            if skipped.bytes > RECEIVED_MAX {
                return Err(flood(&wanted, &skipped.last));
            }
        }
    }

    async fn expect_bytes(&mut self, wanted: u64, patience: Patience) -> Result<(), StepError> {
        loop {
            if self.received.unread() >= wanted {
                self.received.clear();
                return Ok(());
            }
            let came = self.received.unread();
            self.received.forget_excess();
            match self.read(patience.deadline()).await {
                More::Bytes => {}
                More::End => {
                    return Err(StepError::Closed(format!(
                        "the target closed the connection after {came} of {wanted} bytes"
                    )));
                }
                More::Late if came == 0 => return Err(patience.stuck()),
                More::Late => {
                    return Err(
                        patience.instead(&format!("{wanted} bytes"), &format!("{came} bytes"))
                    );
                }
            }
        }
    }

    async fn expect_silence(&mut self) -> Result<(), StepError> {
        let more = match self.received.unread() {
            0 => self.read(Instant::now() + SILENCE).await,
            _ => More::Bytes,
        };
        match more {
            More::Late => Ok(()),
            More::Bytes => Err(StepError::Load(format!(
                "expected silence, got {}",
                excerpt(self.received.bytes())
            ))),
            More::End => Err(StepError::Closed(
                "expected silence, and the target closed the connection".to_owned(),
            )),
        }
    }

    async fn expect_end(&mut self, patience: Patience) -> Result<(), StepError> {
        self.cut_off = None;
        loop {
            match self.read(patience.deadline()).await {
                More::End => return Ok(()),
                More::Bytes => self.received.clear(),
                More::Late => {
                    return Err(StepError::Load(
                        "expected the target to close the connection, and it did not".to_owned(),
                    ));
                }
            }
        }
    }

    /// The next message (line, where the framing has none).
    async fn message(
        &mut self,
        wanted: &str,
        skipped: &Skipped,
        patience: Patience,
    ) -> Result<Vec<u8>, StepError> {
        self.received.search_anew();
        loop {
            let next = next_message(self.framing, &mut self.received)
                .map_err(|what| StepError::Load(format!("instead of {wanted} came {what}")))?;
            match next {
                Some(message) => return Ok(message),
                None => self.more(wanted, skipped, patience).await?,
            }
        }
    }

    /// Reads more, where `wanted` has not come yet.
    async fn more(
        &mut self,
        wanted: &str,
        skipped: &Skipped,
        patience: Patience,
    ) -> Result<(), StepError> {
        if self.received.is_full() {
            return Err(flood(wanted, &excerpt(self.received.bytes())));
        }
        let more = self.read(patience.deadline()).await;
        let instead = match (self.received.bytes(), self.received.dropped()) {
            (b"", _) => skipped.last.clone(),
            (bytes, 0) => excerpt(bytes),
            (bytes, dropped) => format!(
                "{dropped} bytes that were not kept, then {}",
                excerpt(bytes)
            ),
        };
        match more {
            More::Bytes => Ok(()),
            More::End if instead.is_empty() => Err(StepError::Closed(format!(
                "the target closed the connection instead of {wanted}"
            ))),
            More::End => Err(StepError::Closed(format!(
                "the target closed the connection before {wanted} came; what came instead: {instead}"
            ))),
            More::Late if instead.is_empty() => Err(patience.stuck()),
            More::Late => Err(patience.instead(wanted, &instead)),
        }
    }

    async fn read(&mut self, deadline: Instant) -> More {
        let reading = self.stream.read_buf(self.received.room());
        match timeout_at(deadline, reading).await {
            Err(_) => More::Late,
            // A connection that the target has reset is one that it has closed.
            Ok(Ok(0) | Err(_)) => More::End,
            Ok(Ok(count)) => {
                self.received.came(count);
                More::Bytes
            }
        }
    }
}

impl Skipped {
    fn add(&mut self, message: &[u8]) {
        self.bytes += message.len();
        self.last = excerpt(message);
    }
}

fn flood(wanted: &str, instead: &str) -> StepError {
    StepError::Load(format!(
        "more than {RECEIVED_MAX} bytes came and {wanted} was not among them; what came instead: {instead}"
    ))
}

/// Writes a message, and counts what was written.
async fn write(
    writer: &mut (impl AsyncWriteExt + Unpin),
    message: &Message,
    sent: &mut u64,
) -> io::Result<()> {
    writer.write_all(&message.head).await?;
    *sent += message.head.len() as u64;
    let mut left = message.fill;
    while left > 0 {
        let take = usize::try_from(left).map_or(PIECE.len(), |left| left.min(PIECE.len()));
        writer.write_all(&PIECE[..take]).await?;
        *sent += take as u64;
        left -= take as u64;
    }
    writer.write_all(message.tail).await?;
    *sent += message.tail.len() as u64;
    writer.flush().await
}

/// Reads what comes, within the bound of what is kept, until it is dropped.
async fn read_aside(
    reader: &mut ReadHalf<&mut Stream>,
    received: &mut Received,
) -> std::convert::Infallible {
    while let Ok(count @ 1..) = reader.read_buf(received.room()).await {
        received.came(count);
        received.forget_excess();
    }
    // The end is told to whoever reads next.
    std::future::pending().await
}
