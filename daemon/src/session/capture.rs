//! The end of a session's raw output, for the answer to a `run`.

use std::collections::VecDeque;

use leakgate_probe::Held;
use sessiond_protocol::RUN_OUTPUT_BYTES_MAX;

use crate::core::Output;
use crate::gauges::RUN_BYTES;

/// The last [`RUN_OUTPUT_BYTES_MAX`] bytes of output. As large as the output is, up to that.
#[derive(Debug)]
pub(super) struct Capture {
    bytes: VecDeque<u8>,
    cut_bytes: u64,
    accounted: Held,
}

impl Capture {
    pub(super) fn new() -> Self {
        Self {
            bytes: VecDeque::new(),
            cut_bytes: 0,
            accounted: RUN_BYTES.hold(0),
        }
    }

    pub(super) fn take(&mut self, output: &[u8]) {
        let kept = &output[output.len().saturating_sub(RUN_OUTPUT_BYTES_MAX)..];
        let too_many = (self.bytes.len() + kept.len()).saturating_sub(RUN_OUTPUT_BYTES_MAX);
        self.bytes.drain(..too_many);
        self.cut_bytes += (output.len() - kept.len() + too_many) as u64;
        let wanted = (self.bytes.len() + kept.len())
            .next_power_of_two()
            .min(RUN_OUTPUT_BYTES_MAX);
        self.bytes
            .reserve_exact(wanted.saturating_sub(self.bytes.len()));
        self.bytes.extend(kept);
        self.accounted.resize(self.bytes.capacity());
    }

    /// As text; a character that was cut in half goes with what is before it.
    pub(super) fn finish(mut self) -> Output {
        let is_rest = |byte: &u8| (0x80..0xC0).contains(byte);
        let halved = if self.cut_bytes == 0 {
            0
        } else {
            self.bytes
                .iter()
                .take(3)
                .take_while(|byte| is_rest(byte))
                .count()
        };
        self.bytes.drain(..halved);
        let bytes = Vec::from(self.bytes);
        Output {
            text: String::from_utf8(bytes)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
            cut_bytes: self.cut_bytes + halved as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_last_bytes_are_kept_and_the_others_counted(
            pieces in proptest::collection::vec(0usize..40_000, 0..12),
        ) {
            let mut capture = Capture::new();
            let mut all = String::new();
            for (number, length) in pieces.into_iter().enumerate() {
                let letter = ["a", "é", "x", "\u{1F600}"][number % 4];
                let piece = letter.repeat(length / letter.len());
                capture.take(piece.as_bytes());
                all.push_str(&piece);
                prop_assert!(capture.bytes.capacity() <= RUN_OUTPUT_BYTES_MAX + 64);
            }
            let output = capture.finish();
            prop_assert!(all.ends_with(&output.text));
            prop_assert_eq!(output.text.len() as u64 + output.cut_bytes, all.len() as u64);
            prop_assert!(output.text.len() + 3 >= all.len().min(RUN_OUTPUT_BYTES_MAX));
        }
    }

    #[test]
    fn a_piece_above_the_limit_is_cut_itself() {
        let mut capture = Capture::new();
        capture.take(b"before");
        capture.take(&vec![b'y'; RUN_OUTPUT_BYTES_MAX + 5]);
        let output = capture.finish();
        assert_eq!(
            (output.text.len(), output.cut_bytes),
            (RUN_OUTPUT_BYTES_MAX, 11)
        );
    }
}
