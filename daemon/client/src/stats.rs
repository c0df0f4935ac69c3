//! The request about what a daemon has counted.

use sessiond_protocol::{Request, Stats, Success};

use crate::client::Client;
use crate::driver::unexpected;
use crate::error::ClientError;

impl Client {
    /// What the daemon has counted since it was started.
    ///
    /// # Errors
    /// See [`Client`].
    pub async fn stats(&self) -> Result<Stats, ClientError> {
        match self.call(&Request::Stats).await? {
            Success::Stats { stats } => Ok(stats),
            other => Err(unexpected(&other)),
        }
    }
}
