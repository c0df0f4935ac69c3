//! Reading a session's screen and history beyond its text.

use sessiond_protocol::{Read, ReadParams, ReadReply, Request, SessionRef, Success};

use crate::client::Client;
use crate::driver::unexpected;
use crate::error::ClientError;

impl Client {
    /// Reads rows with their styles, the screen as sequences, lines of the history, or places of a text. The answer is of the
    /// kind that was asked for.
    ///
    /// # Errors
    /// `not_found`; `too_large` when styled rows do not fit a frame; `bad_request` for a pattern that is none; and see [`Client`].
    pub async fn read(
        &self,
        session: impl Into<SessionRef>,
        what: Read,
    ) -> Result<ReadReply, ClientError> {
        let params = ReadParams {
            session: session.into(),
            what,
        };
        match self.handle().call(&Request::Read(params)).await? {
            Success::Read { read } => Ok(read),
            other => Err(unexpected(&other)),
        }
    }
}
