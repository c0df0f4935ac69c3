//! The keys that leave a session: how they are written, and how they are found in what is typed.

use std::str::FromStr;

/// The keys, as the bytes that a terminal sends for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DetachKey {
    bytes: Vec<u8>,
    text: String,
}

impl FromStr for DetachKey {
    type Err = String;

    /// Reads `ctrl-\,d`: keys separated by commas, each `ctrl-` and a character, or a character.
    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = text.split(',').map(parse_key).collect::<Option<Vec<u8>>>();
        let bytes =
            bytes.ok_or_else(|| format!("{text:?} is not a list of keys like ctrl-\\,d"))?;
        Ok(Self {
            bytes,
            text: text.to_owned(),
        })
    }
}

impl std::fmt::Display for DetachKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

fn parse_key(key: &str) -> Option<u8> {
    let (control, character) = match key.strip_prefix("ctrl-") {
        Some(character) => (true, character),
        None => (false, key),
    };
    let &[byte] = character.as_bytes() else {
        return None;
    };
    match (control, byte.to_ascii_uppercase()) {
        // ASCII: a control character is its letter without the two high bits.
        (true, letter @ b'@'..=b'_') => Some(letter & 0x1f),
        (true, _) => None,
        (false, _) => byte.is_ascii_graphic().then_some(byte),
    }
}

/// Finds the keys in what is typed. What may be their beginning is held back until it is clear.
#[derive(Debug)]
pub(super) struct Watch {
    keys: Vec<u8>,
    matched: usize,
}

/// What is to be done with typed bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Typed {
    /// These go to the session.
    pub(super) forward: Vec<u8>,
    /// Then the client leaves.
    pub(super) detach: bool,
}

impl Watch {
    pub(super) fn new(key: &DetachKey) -> Self {
        Self {
            keys: key.bytes.clone(),
            matched: 0,
        }
    }

    pub(super) fn typed(&mut self, bytes: &[u8]) -> Typed {
        let mut forward = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            if byte == self.keys[self.matched] {
                self.matched += 1;
                if self.matched == self.keys.len() {
                    return Typed {
                        forward,
                        detach: true,
                    };
                }
                continue;
            }
            forward.extend_from_slice(&self.keys[..self.matched]);
            self.matched = usize::from(byte == self.keys[0]);
            if self.matched == 0 {
                forward.push(byte);
            }
        }
        Typed {
            forward,
            detach: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> Watch {
        Watch::new(&"ctrl-\\,d".parse().unwrap())
    }

    fn goes_on(forward: &[u8]) -> Typed {
        Typed {
            forward: forward.to_vec(),
            detach: false,
        }
    }

    #[test]
    fn the_keys_detach_in_one_piece_and_in_two() {
        assert_eq!(
            watch().typed(b"ab\x1cdrest"),
            Typed {
                forward: b"ab".to_vec(),
                detach: true
            }
        );
        let mut watch = watch();
        assert_eq!(watch.typed(b"\x1c"), goes_on(b""));
        assert!(watch.typed(b"d").detach);
    }

    #[test]
    fn what_only_begins_like_the_keys_is_typed() {
        let mut watch = watch();
        assert_eq!(watch.typed(b"\x1cx"), goes_on(b"\x1cx"));
        assert_eq!(watch.typed(b"\x1c\x1c"), goes_on(b"\x1c"));
        assert!(watch.typed(b"d").detach);
    }

    #[test]
    fn keys_are_read_as_documented() {
        let keys = |text: &str| text.parse::<DetachKey>().map(|key| key.bytes);
        assert_eq!(keys("ctrl-p,ctrl-q"), Ok(vec![0x10, 0x11]));
        assert_eq!(keys("~,."), Ok(b"~.".to_vec()));
        assert!(keys("").is_err() && keys("alt-x").is_err() && keys("ctrl-1").is_err());
    }
}
