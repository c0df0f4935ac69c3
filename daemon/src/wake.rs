//! Waiting for a time that may not come.

use std::time::Instant;

use tokio::time::sleep_until;

/// Ends at `wake`, and never where there is none: without it no timer runs.
pub(crate) async fn at(wake: Option<Instant>) {
    match wake {
        Some(wake) => sleep_until(wake.into()).await,
        None => std::future::pending().await,
    }
}
