//! One frame: its kinds, its parts, and how each is put into bytes.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use crate::session::{RequestId, SessionId};

/// Bytes before a frame's payload: its length (`u32`, big-endian) and its kind.
pub const HEADER_BYTES: usize = 5;

/// What a frame's payload is; the byte after the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// UTF-8 JSON, both directions.
    Control = 1,
    /// Session id (`u64`, big-endian) and terminal bytes, server to client.
    Output = 2,
    /// Session id, offset in its output (`u64`) and escape sequences that rebuild its screen, server to client: at attach,
    /// and after a client fell behind. The client clears its screen first.
    Snapshot = 3,
    /// Request id (`u64`), session id (`u64`) and bytes for the terminal, client to server; answered by a reply to
    /// that id when the terminal has taken them.
    Input = 4,
}

impl FrameKind {
    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(FrameKind::Control),
            2 => Some(FrameKind::Output),
            3 => Some(FrameKind::Snapshot),
            4 => Some(FrameKind::Input),
            _ => None,
        }
    }

    /// Bytes of ids at the head of a payload of this kind.
    pub(crate) const fn prefix_bytes(self) -> usize {
        match self {
            FrameKind::Control => 0,
            FrameKind::Output => 8,
            FrameKind::Snapshot | FrameKind::Input => 16,
        }
    }
}

/// A whole frame, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// JSON, not yet parsed.
    Control(Bytes),
    /// Terminal output.
    Output {
        /// Whose.
        session: SessionId,
        /// As the terminal put it out.
        bytes: Bytes,
    },
    /// A screen, as escape sequences.
    Snapshot {
        /// Whose.
        session: SessionId,
        /// How many bytes the session had put out when its screen was this; output that follows counts on from here.
        offset: u64,
        /// To be written to a cleared terminal.
        bytes: Bytes,
    },
    /// Input for a terminal.
    Input {
        /// What the reply will carry.
        request: RequestId,
        /// Whose.
        session: SessionId,
        /// As typed.
        bytes: Bytes,
    },
}

/// A control frame around `message` as JSON.
///
/// # Panics
/// When `message` cannot be JSON (a map with keys that are no strings); this crate's messages all can.
#[must_use]
pub fn encode_control(message: &impl Serialize) -> Bytes {
    let mut frame = vec![0; HEADER_BYTES];
    serde_json::to_writer(&mut frame, message)
        .expect("the messages of this crate have string keys only");
    let header = header(FrameKind::Control, frame.len() - HEADER_BYTES);
    frame[..HEADER_BYTES].copy_from_slice(&header);
    Bytes::from(frame)
}

/// An output frame.
#[must_use]
pub fn encode_output(session: SessionId, bytes: &[u8]) -> Bytes {
    encode(FrameKind::Output, &[session.0], bytes)
}

/// A snapshot frame of a screen that shows the first `offset` bytes of the session's output.
#[must_use]
pub fn encode_snapshot(session: SessionId, offset: u64, bytes: &[u8]) -> Bytes {
    encode(FrameKind::Snapshot, &[session.0, offset], bytes)
}

/// An input frame.
#[must_use]
pub fn encode_input(request: RequestId, session: SessionId, bytes: &[u8]) -> Bytes {
    encode(FrameKind::Input, &[request.0, session.0], bytes)
}

fn encode(kind: FrameKind, ids: &[u64], bytes: &[u8]) -> Bytes {
    let payload_bytes = kind.prefix_bytes() + bytes.len();
    let mut frame = BytesMut::with_capacity(HEADER_BYTES + payload_bytes);
    frame.put_slice(&header(kind, payload_bytes));
    for id in ids {
        frame.put_u64(*id);
    }
    frame.put_slice(bytes);
    frame.freeze()
}

fn header(kind: FrameKind, payload_bytes: usize) -> [u8; HEADER_BYTES] {
    let length = u32::try_from(payload_bytes)
        .expect("callers keep payloads under the frame limit, far below 4 GiB");
    let [a, b, c, d] = length.to_be_bytes();
    [a, b, c, d, kind as u8]
}
