//! A typed client of sessiond, for its command line, its tests and leakgate.
//!
//! [`Client`] is the connection to use: several requests may be under way at once, and several sessions attached.
//! [`RawConnection`] is the same connection after its hello and before that comfort: it sends any bytes, also broken
//! ones, and hands over the stream.
//!
//! # What is held, and what waits
//! A client owns one task. It ends when the client is dropped or closed, and with it everything that waited for a
//! reply. The task always reads its socket and answers the server's questions whether this client lives. An
//! [`Attachment`] whose reader falls behind by 256 KiB asks the server to hold that session's output; what is missed
//! meanwhile comes as a snapshot. Nothing here has a deadline: wrap a call in `tokio::time::timeout` where one is wanted. A
//! call that is dropped half-way leaves the connection usable: what was not sent yet is not sent, and a wait is taken back.

mod archive;
mod attachment;
mod client;
mod driver;
mod error;
mod http;
mod life;
mod link;
mod mailbox;
mod mcp;
mod raw;
mod read;
mod schedule;
mod stats;
mod status;
mod status_feed;
mod transcripts;

pub use attachment::{Attachment, Event};
pub use client::Client;
pub use error::ClientError;
pub use raw::RawConnection;
pub use sessiond_protocol as protocol;
pub use status_feed::{StatusEvent, StatusWatch};
