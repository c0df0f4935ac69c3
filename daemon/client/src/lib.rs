//! A typed client of sessiond, for its command line, its tests and leakgate.
//!
//! [`Client`] is the connection to use: several requests may be under way at once, and several sessions attached.
//! [`RawConnection`] is the same connection after its hello and before that comfort: it sends any bytes, also broken
//! ones, and hands over the stream.
//!
//! # What is held, and what waits
//! A client owns one task. It ends when the client is dropped or closed, and with it everything that waited for a
//! reply. Each [`Attachment`] queues at most [`ATTACHMENT_EVENTS_MAX`] events; while that queue is full the client stops
//! reading its socket, replies to other requests included, so that the server sees the slow client that it is. Nothing
//! here has a deadline: wrap a call in `tokio::time::timeout` where one is wanted; a call that is dropped half-way
//! leaves the connection usable.

mod attachment;
mod client;
mod driver;
mod error;
mod raw;

pub use attachment::{ATTACHMENT_EVENTS_MAX, Attachment, Event};
pub use client::Client;
pub use error::ClientError;
pub use raw::RawConnection;
pub use sessiond_protocol as protocol;
