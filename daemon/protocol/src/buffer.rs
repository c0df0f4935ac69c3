//! What one side of a connection holds of its incoming stream between two looks at it.

use bytes::{Buf, Bytes};

use crate::decoder::{Decoded, FrameDecoder, FrameError};

/// A decoder with the bytes that were read beyond the last frame handed out.
///
/// For sides that wait between two frames: fill it when [`FrameBuffer::take`] has nothing, and never before.
#[derive(Debug)]
pub struct FrameBuffer {
    decoder: FrameDecoder,
    rest: Bytes,
}

impl FrameBuffer {
    /// A buffer for payloads of up to `limit` bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            decoder: FrameDecoder::new(limit),
            rest: Bytes::new(),
        }
    }

    /// The next thing in the stream; `None` when more bytes are needed.
    ///
    /// # Errors
    /// As [`FrameDecoder::decode`].
    pub fn take(&mut self) -> Result<Option<Decoded>, FrameError> {
        let mut input = &self.rest[..];
        let decoded = self.decoder.decode(&mut input)?;
        let taken = self.rest.len() - input.len();
        self.rest.advance(taken);
        if self.rest.is_empty() {
            self.rest = Bytes::new(); // gives the memory back
        }
        Ok(decoded)
    }

    /// Adds what was read. Only after [`FrameBuffer::take`] had nothing, so that no bytes are lost.
    pub fn fill(&mut self, bytes: &[u8]) {
        debug_assert!(self.rest.is_empty(), "what was read before comes first");
        self.rest = Bytes::copy_from_slice(bytes);
    }
}
