//! A client of sessiond that nobody reads for, and that may send what no honest client would.

use std::path::Path;
use std::time::Duration;

use sessiond_client::protocol::{
    AttachParams, FrameKind, Reply, Request, RequestId, ServerMessage, SessionId, SessionParams,
    encode_control,
};
use sessiond_client::{ClientError, RawConnection};
use tokio::time::{Instant, timeout};

use super::driver::{Refusal, StepError};
use super::tally::Tally;
use crate::scenario::{RawAnswer, RawMessage};
use crate::units::milliseconds;

/// Raw payload is sent in pieces of this size, so that neither side ever holds it whole.
static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];
/// A server that answers what it should stay silent on does so at once; nothing within this is silence.
const SILENCE: Duration = Duration::from_millis(20);

/// One connection, read only while an answer is awaited.
#[derive(Debug)]
pub(super) struct QuietClient {
    connection: RawConnection,
    attached: Vec<SessionId>,
    next_id: u64,
    since: Instant,
}

impl QuietClient {
    pub(super) async fn connect(socket: &Path) -> Result<Self, StepError> {
        let (connection, _) = RawConnection::handshake(socket, "leakgate").await?;
        Ok(Self {
            connection,
            attached: Vec::new(),
            next_id: 1,
            since: Instant::now(),
        })
    }

    /// For how long it has been connected, milliseconds.
    pub(super) fn connected_ms(&self) -> u64 {
        milliseconds(self.since.elapsed())
    }

    pub(super) async fn attach(&mut self, session: SessionId) -> Result<(), StepError> {
        self.call(&Request::Attach(AttachParams::new(session)))
            .await?;
        self.attached.push(session);
        Ok(())
    }

    pub(super) async fn detach(&mut self, session: SessionId) -> Result<(), StepError> {
        self.call(&Request::Detach(SessionParams {
            session: session.into(),
        }))
        .await?;
        self.attached.retain(|attached| *attached != session);
        Ok(())
    }

    /// Detaches from everything, then closes.
    pub(super) async fn goodbye(mut self) -> Result<(), StepError> {
        while let Some(session) = self.attached.last().copied() {
            self.detach(session).await?;
        }
        Ok(())
    }

    /// Sends a control frame whose declared length need not be true, and checks what comes back.
    pub(super) async fn send_raw(
        &mut self,
        message: &RawMessage,
        expect: &RawAnswer,
        tally: &Tally,
    ) -> Result<(), StepError> {
        let declared = u32::try_from(message.declare.0)
            .map_err(|_| StepError::Load("a frame's header declares less than 4 GiB".to_owned()))?;
        let mut header = declared.to_be_bytes().to_vec();
        header.push(FrameKind::Control as u8);
        let sent = self.send(&header, message.send.0).await;
        // A server that has closed the connection already has answered before; the answer is read below.
        if sent.is_err() && !matches!(expect, RawAnswer::ErrorThenClosed(_)) {
            sent?;
        }
        tally.add(|load| load.sent_bytes += header.len() as u64 + message.send.0);
        match expect {
            RawAnswer::Silence => self.expect_silence().await?,
            RawAnswer::Error(code) => {
                self.expect_error(code).await?;
                tally.add(|load| load.faults += 1);
                if message.send >= message.declare {
                    self.call(&Request::Ping).await?;
                }
            }
            RawAnswer::ErrorThenClosed(code) => {
                self.expect_error(code).await?;
                self.expect_end().await?;
                tally.add(|load| load.faults += 1);
            }
        }
        Ok(())
    }

    async fn send(&mut self, header: &[u8], payload: u64) -> Result<(), ClientError> {
        self.connection.send(header).await?;
        let mut left = payload;
        while left > 0 {
            let take = usize::try_from(left).map_or(PIECE.len(), |left| left.min(PIECE.len()));
            self.connection.send(&PIECE[..take]).await?;
            left -= take as u64;
        }
        Ok(())
    }

    async fn call(&mut self, request: &Request) -> Result<(), StepError> {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        self.connection
            .send(&encode_control(&request.message(id)))
            .await?;
        loop {
            // Notices come between; frames of terminal bytes are dropped on the way.
            if let ServerMessage::Reply(Reply {
                id: Some(answered),
                result,
            }) = self.connection.next_message().await?
                && answered == id
            {
                return result
                    .map(|_| ())
                    .map_err(|failure| StepError::Refused(Refusal::from(failure)));
            }
        }
    }

    async fn expect_error(&mut self, code: &str) -> Result<(), StepError> {
        loop {
            match self.connection.next_message().await? {
                ServerMessage::Reply(Reply {
                    result: Err(failure),
                    ..
                }) if failure.code.to_string() == code => return Ok(()),
                ServerMessage::Reply(reply) => {
                    return Err(StepError::Load(format!(
                        "expected the error `{code}`, got {:?}",
                        reply.result
                    )));
                }
                ServerMessage::Notice(_) | ServerMessage::Hello(_) => {}
            }
        }
    }

    async fn expect_end(&mut self) -> Result<(), StepError> {
        match self.connection.next().await? {
            None => Ok(()),
            Some(_) => Err(StepError::Load(
                "expected the end of the connection, got another frame".to_owned(),
            )),
        }
    }

    async fn expect_silence(&mut self) -> Result<(), StepError> {
        match timeout(SILENCE, self.connection.next()).await {
            Err(_) => Ok(()),
            Ok(got) => Err(StepError::Load(format!("expected silence, got {:?}", got?))),
        }
    }
}
