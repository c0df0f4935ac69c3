//! The requests about transcripts of agents.

use sessiond_protocol::{Request, Success, TranscriptsReply, TranscriptsRequest};

use crate::client::Client;
use crate::driver::unexpected;
use crate::error::ClientError;

impl Client {
    /// Lists, reads, searches, watches or forgets transcripts. The answer is of the kind that the request names.
    ///
    /// # Errors
    /// `not_found` for a transcript, a watch or a session that there is not, `exited` for a session to be watched for that has
    /// ended, `bad_request` for a path that is not absolute or a pattern that is none, `limit` for too many watches, `storage`
    /// for a file that cannot be read; and see [`Client`].
    pub async fn transcripts(
        &self,
        request: TranscriptsRequest,
    ) -> Result<TranscriptsReply, ClientError> {
        match self.call(&Request::Transcripts(request)).await? {
            Success::Transcripts { reply } => Ok(reply),
            other => Err(unexpected(&other)),
        }
    }
}
