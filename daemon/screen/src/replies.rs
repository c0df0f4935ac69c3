//! Answers that the terminal owes to the program in it.

/// Most bytes of answers that wait to be taken; further answers are dropped. A program asks a few questions at a time; one
/// that asks without end while nobody takes the answers would otherwise grow this for ever.
pub const REPLY_BYTES_MAX: usize = 1024;

/// Answers to DSR, DA and their kind, in order.
#[derive(Debug, Default)]
pub(crate) struct Replies(Vec<u8>);

impl Replies {
    /// Adds a whole answer, or nothing when it does not fit.
    pub(crate) fn push(&mut self, answer: &[u8]) {
        if self.0.len() + answer.len() <= REPLY_BYTES_MAX {
            self.0.extend_from_slice(answer);
        }
    }

    /// Takes all answers and the memory they are in.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        (!self.0.is_empty()).then(|| std::mem::take(&mut self.0))
    }

    pub(crate) fn retained_bytes(&self) -> usize {
        self.0.capacity()
    }
}
