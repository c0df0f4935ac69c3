//! Bytes to frames, under any chunking, in memory that grows with what arrives and not with what is declared.

use bytes::{Buf, Bytes};

use crate::frame::{Frame, FrameKind, HEADER_BYTES};
use crate::limits::FATAL_FRAME_FACTOR;
use crate::session::{RequestId, SessionId};

/// What a payload's buffer starts with. Most control messages and keystrokes fit; from here it doubles as bytes arrive.
const FIRST_PAYLOAD_BYTES: usize = 512;

/// Takes a byte stream apart into frames.
///
/// Holds at most the header or the payload of one unfinished frame: between frames it owns no memory, and inside one at
/// most twice the bytes that have arrived (and never more than the limit). Feed it with any pieces of the stream:
///
/// ```
/// use sessiond_protocol::{Decoded, FrameDecoder, MAX_FRAME_BYTES, SessionId, encode_output};
///
/// let mut decoder = FrameDecoder::new(MAX_FRAME_BYTES);
/// let stream = encode_output(SessionId(3), b"hello");
/// let mut frames = Vec::new();
/// for mut piece in stream.chunks(4) {
///     while let Some(decoded) = decoder.decode(&mut piece).unwrap() {
///         frames.push(decoded);
///     }
/// }
/// assert!(matches!(&frames[..], [Decoded::Frame(_)]));
/// ```
#[derive(Debug)]
pub struct FrameDecoder {
    limit: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Header {
        bytes: [u8; HEADER_BYTES],
        filled: usize,
    },
    Payload {
        kind: FrameKind,
        length: usize,
        bytes: Vec<u8>,
    },
    Skipping {
        left: usize,
    },
    Failed(FrameError),
}

const AT_HEADER: State = State::Header {
    bytes: [0; HEADER_BYTES],
    filled: 0,
};

/// One thing found in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// A whole frame.
    Frame(Frame),
    /// The header of a frame above the limit; its payload is skipped, unheld, as it arrives.
    Oversized {
        /// The payload bytes it declares.
        declared: usize,
    },
}

/// A stream that cannot be read further: the connection has to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Too large even to be skipped.
    #[error("a frame declares {declared} bytes; above {limit} the connection ends")]
    TooLarge {
        /// The payload bytes it declares.
        declared: usize,
        /// The most that would have been skipped.
        limit: usize,
    },
    /// A kind byte that this version does not know.
    #[error("unknown frame kind {0}")]
    UnknownKind(u8),
    /// A payload without room for its ids.
    #[error("a frame of kind {kind} with only {length} payload bytes")]
    TooShort {
        /// The frame's kind byte.
        kind: u8,
        /// Its payload bytes.
        length: usize,
    },
}

impl FrameDecoder {
    /// A decoder for payloads of up to `limit` bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            state: AT_HEADER,
        }
    }

    /// Takes bytes from the front of `input` until something is found or `input` is empty.
    ///
    /// `Ok(None)` means that all of `input` was taken and more is needed.
    ///
    /// # Errors
    /// When the stream cannot be read further; every later call returns the same error.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Decoded>, FrameError> {
        loop {
            match &mut self.state {
                State::Header { bytes, filled } => {
                    let taken = input.len().min(HEADER_BYTES - *filled);
                    bytes[*filled..*filled + taken].copy_from_slice(&input[..taken]);
                    input.advance(taken);
                    *filled += taken;
                    if *filled < HEADER_BYTES {
                        return Ok(None);
                    }
                    let header = *bytes;
                    if let Some(oversized) = self.enter_payload(header)? {
                        return Ok(Some(oversized));
                    }
                }
                State::Payload {
                    kind,
                    length,
                    bytes,
                } => {
                    let taken = input.len().min(*length - bytes.len());
                    hold(bytes, &input[..taken], *length);
                    input.advance(taken);
                    if bytes.len() < *length {
                        return Ok(None);
                    }
                    let frame = assemble(*kind, Bytes::from(std::mem::take(bytes)));
                    self.state = AT_HEADER;
                    return Ok(Some(Decoded::Frame(frame)));
                }
                State::Skipping { left } => {
                    let taken = input.len().min(*left);
                    input.advance(taken);
                    *left -= taken;
                    if *left > 0 {
                        return Ok(None);
                    }
                    self.state = AT_HEADER;
                }
                State::Failed(error) => return Err(*error),
            }
        }
    }

    /// True between frames: a stream that ends here ended properly.
    #[must_use]
    pub const fn is_between_frames(&self) -> bool {
        matches!(self.state, State::Header { filled: 0, .. })
    }

    /// Heap bytes held for the unfinished frame.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        match &self.state {
            State::Payload { bytes, .. } => bytes.capacity(),
            State::Header { .. } | State::Skipping { .. } | State::Failed(_) => 0,
        }
    }

    fn enter_payload(&mut self, header: [u8; HEADER_BYTES]) -> Result<Option<Decoded>, FrameError> {
        let [a, b, c, d, kind_byte] = header;
        let declared = u32::from_be_bytes([a, b, c, d]) as usize;
        let skip_limit = self.limit.saturating_mul(FATAL_FRAME_FACTOR);
        let Some(kind) = FrameKind::from_byte(kind_byte) else {
            return self.fail(FrameError::UnknownKind(kind_byte));
        };
        if declared > skip_limit {
            return self.fail(FrameError::TooLarge {
                declared,
                limit: skip_limit,
            });
        }
        if declared < kind.prefix_bytes() {
            return self.fail(FrameError::TooShort {
                kind: kind_byte,
                length: declared,
            });
        }
        if declared > self.limit {
            self.state = State::Skipping { left: declared };
            return Ok(Some(Decoded::Oversized { declared }));
        }
        self.state = State::Payload {
            kind,
            length: declared,
            bytes: Vec::new(),
        };
        Ok(None)
    }

    fn fail(&mut self, error: FrameError) -> Result<Option<Decoded>, FrameError> {
        self.state = State::Failed(error);
        Err(error)
    }
}

/// Appends `arrived`, doubling the capacity as needed but never beyond the `length` that the frame will have.
fn hold(payload: &mut Vec<u8>, arrived: &[u8], length: usize) {
    let needed = payload.len() + arrived.len();
    if needed > payload.capacity() {
        let capacity = needed
            .max(payload.capacity() * 2)
            .max(FIRST_PAYLOAD_BYTES)
            .min(length);
        payload.reserve_exact(capacity - payload.len());
    }
    payload.extend_from_slice(arrived);
}

fn assemble(kind: FrameKind, mut payload: Bytes) -> Frame {
    match kind {
        FrameKind::Control => Frame::Control(payload),
        FrameKind::Output => Frame::Output {
            session: SessionId(payload.get_u64()),
            bytes: payload,
        },
        FrameKind::Snapshot => {
            let session = SessionId(payload.get_u64());
            Frame::Snapshot {
                session,
                offset: payload.get_u64(),
                bytes: payload,
            }
        }
        FrameKind::Input => {
            let request = RequestId(payload.get_u64());
            Frame::Input {
                request,
                session: SessionId(payload.get_u64()),
                bytes: payload,
            }
        }
    }
}

#[cfg(test)]
mod tests;
