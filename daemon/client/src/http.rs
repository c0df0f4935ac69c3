//! The request about where HTTP is served.

use sessiond_protocol::{HttpInfo, Request, Success};

use crate::client::Client;
use crate::driver::unexpected;
use crate::error::ClientError;

impl Client {
    /// Where the daemon serves HTTP.
    ///
    /// # Errors
    /// See [`Client`].
    pub async fn http(&self) -> Result<HttpInfo, ClientError> {
        match self.call(&Request::Http).await? {
            Success::Http { http } => Ok(http),
            other => Err(unexpected(&other)),
        }
    }
}
