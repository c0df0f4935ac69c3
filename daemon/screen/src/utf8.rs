//! Decoding of text beyond ASCII, across the cuts between reads.

use crate::terminal::Terminal;

/// Bytes at the end of what was fed that may become a character with the next ones: at most 3, as no longer prefix is unfinished.
#[derive(Debug, Default)]
pub(crate) struct Partial {
    bytes: [u8; 4],
    len: usize,
}

impl Partial {
    /// The bytes that wait for the rest of their character.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Prints a run of bytes above ASCII. An unfinished character at its end is kept when the input ends there too.
    pub(crate) fn feed(&mut self, mut run: &[u8], at_end: bool, terminal: &mut Terminal) {
        while !run.is_empty() {
            let (text, invalid) = match str::from_utf8(run) {
                Ok(text) => (text, 0),
                Err(error) => {
                    let (valid, rest) = run.split_at(error.valid_up_to());
                    let text = str::from_utf8(valid).expect("valid up to here");
                    match error.error_len() {
                        Some(length) => (text, length),
                        None if at_end => {
                            terminal.print_text(text);
                            self.bytes[..rest.len()].copy_from_slice(rest);
                            self.len = rest.len();
                            return;
                        }
                        None => (text, rest.len()),
                    }
                }
            };
            terminal.print_text(text);
            let rest = &run[text.len()..];
            match rest[..invalid] {
                [] => {}
                // A single byte that can be nothing else is taken for the 8-bit control, as the parser does.
                [control @ 0x80..=0x9f] => terminal.control(control),
                _ => terminal.print(char::REPLACEMENT_CHARACTER),
            }
            run = &rest[invalid..];
        }
    }

    /// Finishes the character that the last input ended in. Returns how many bytes of this one belonged to it.
    pub(crate) fn complete(&mut self, bytes: &[u8], terminal: &mut Terminal) -> usize {
        let mut used = 0;
        while self.len > 0 {
            let Some(byte) = bytes.get(used) else { break };
            self.bytes[self.len] = *byte;
            match str::from_utf8(&self.bytes[..=self.len]) {
                Ok(text) => {
                    terminal.print_text(text);
                    self.len = 0;
                    used += 1;
                }
                Err(error) if error.error_len().is_none() => {
                    self.len += 1;
                    used += 1;
                }
                // The new byte does not go on with it; it is looked at afresh.
                Err(_) => {
                    terminal.print(char::REPLACEMENT_CHARACTER);
                    self.len = 0;
                }
            }
        }
        used
    }
}
